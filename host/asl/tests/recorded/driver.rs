//! Performs an execution's effects: tasks answer as they were recorded, timers fire in order on
//! a clock that jumps.

use std::collections::BTreeMap;

use asl::{
    AttemptFacts, ChildRun, Effect, EffectId, Event, EventKind, Execution, Header, ItemsRead,
    MapRunChild, ResultsWrite, StateMachine, Status, TaskRun, Timestamp, apply,
};
use serde_json::{Value, json};

use crate::header::{NoEvaluator, header};

/// How an execution went.
pub(crate) struct Ran {
    pub(crate) status: Status,
    pub(crate) output: Option<Value>,
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) events: Vec<Value>,
}

/// Runs a case to its end; `None` if it runs Tasks but was recorded without what they returned.
pub(crate) fn run(machine: &StateMachine, case: &Value) -> Option<Ran> {
    let has_tasks = machine.tasks().next().is_some();
    if has_tasks && case.get("replay").is_none() {
        return None;
    }
    let start = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
    let replay = case["replay"].as_array().cloned().unwrap_or_default();
    Some(play(machine, header(start), case["input"].clone(), replay).0)
}

/// Runs an execution to its end; gives the recorded answers that it left.
fn play(
    machine: &StateMachine,
    header: Header,
    input: Value,
    replay: Vec<Value>,
) -> (Ran, Vec<Value>) {
    let start = header.started_at;
    let mut world = World {
        now: start,
        timers: BTreeMap::new(),
        answers: Vec::new(),
        replay,
    };
    let mut execution = Execution::start(header, input);
    let mut next = Some(EventKind::Start);
    let mut events = Vec::new();
    for _ in 0..100_000 {
        let Some(kind) = next else { break };
        let transition = apply(
            machine,
            execution,
            Event {
                at: world.now,
                seed: 7,
                absent: Vec::new(),
                kind,
            },
            &NoEvaluator,
        );
        assert_eq!(transition.ignored, None);
        execution = transition.execution;
        events.extend(
            execution
                .take_delta()
                .history
                .iter()
                .map(asl::HistoryEvent::to_json),
        );
        transition
            .effects
            .into_iter()
            .for_each(|effect| world.perform(machine, effect));
        next = world.next();
    }
    assert!(
        execution.status().is_terminal(),
        "the execution did not end"
    );
    let ran = Ran {
        status: execution.status(),
        output: execution.output().map(|output| output.value().clone()),
        error: execution.error().map(str::to_owned),
        cause: execution.cause().map(str::to_owned),
        events,
    };
    (ran, world.replay)
}

/// What happens next, and when.
struct World {
    now: Timestamp,
    timers: BTreeMap<(Timestamp, EffectId), ()>,
    answers: Vec<EventKind>,
    replay: Vec<Value>,
}

impl World {
    fn perform(&mut self, machine: &StateMachine, effect: Effect) {
        match effect {
            Effect::RunTask(task) => self.run_task(&task),
            Effect::StartTimer { effect, at } => {
                self.timers.insert((at, effect), ());
            }
            Effect::Cancel(cancelled) => self.timers.retain(|(_, effect), ()| *effect != cancelled),
            Effect::Continue(effect) => self.answers.push(EventKind::Continued { effect }),
            Effect::StartChild(child) => self.run_child(machine, child),
            // The recordings keep their items and results in buckets.
            Effect::ReadItems(ItemsRead { effect, .. })
            | Effect::WriteResults(ResultsWrite { effect, .. }) => {
                self.answers.push(EventKind::MapRunFailed {
                    effect,
                    error: "Test.NotRecorded".to_owned(),
                    cause: "none here".to_owned(),
                });
            }
        }
    }

    /// Runs a child execution to its end at once, with the recorded answers left.
    fn run_child(&mut self, machine: &StateMachine, child: ChildRun) {
        let header = Header {
            map_run: Some(MapRunChild {
                arn: child.map_run,
                block: child.block,
                index: child.index,
                items: 1,
            }),
            ..header(self.now)
        };
        let replay = std::mem::take(&mut self.replay);
        let (ran, replay) = play(machine, header, child.input.value().clone(), replay);
        self.replay = replay;
        let effect = child.effect;
        self.answers.push(match ran.status {
            Status::Succeeded => EventKind::ChildSucceeded {
                effect,
                output: ran.output.unwrap_or_default(),
            },
            _ => EventKind::ChildFailed {
                effect,
                error: ran.error.unwrap_or_default(),
                cause: ran.cause.unwrap_or_default(),
            },
        });
    }

    fn run_task(&mut self, task: &TaskRun) {
        let facts = AttemptFacts {
            component: "recorded".to_owned(),
            version: "1.0.0".to_owned(),
            digest: "sha256:0".to_owned(),
            role: "recorded".to_owned(),
            role_revision: 1,
        };
        let effect = task.effect;
        self.answers.push(EventKind::TaskStarted {
            effect,
            facts: Some(facts),
            worker: None,
        });
        let result = self.recorded(task);
        let text = |member: &str| match &result[member] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        if result["type"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("TimedOut"))
        {
            return;
        }
        self.answers.push(match result.get("output") {
            Some(output) => EventKind::TaskSucceeded {
                effect,
                output: parsed(output),
            },
            None => EventKind::TaskFailed {
                effect,
                error: text("error"),
                cause: text("cause"),
            },
        });
    }

    /// The recorded result of this attempt: the one with its input, else the next of its state.
    fn recorded(&mut self, task: &TaskRun) -> Value {
        let of_state: Vec<usize> = (0..self.replay.len())
            .filter(|place| self.replay[*place]["state"] == task.state.as_str())
            .collect();
        let same_input =
            |place: &&usize| parsed(&self.replay[**place]["input"]) == *task.input.value();
        let place = of_state.iter().find(same_input).or(of_state.first());
        match place {
            Some(place) => self.replay.remove(*place)["result"].clone(),
            None => {
                json!({ "error": "Test.NotRecorded", "cause": "the service made no such attempt" })
            }
        }
    }

    fn next(&mut self) -> Option<EventKind> {
        if !self.answers.is_empty() {
            return Some(self.answers.remove(0));
        }
        let ((at, effect), ()) = self.timers.pop_first()?;
        self.now = self.now.max(at);
        Some(EventKind::TimerFired { effect })
    }
}

/// The recorder keeps JSON text as text unless it begins with a brace.
pub(crate) fn parsed(value: &Value) -> Value {
    let parsed = value
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok());
    parsed.unwrap_or_else(|| value.clone())
}
