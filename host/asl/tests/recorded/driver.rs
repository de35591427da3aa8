//! Performs an execution's effects: tasks answer as they were recorded, timers fire in order on
//! a clock that jumps.

use std::collections::BTreeMap;

use asl::{
    AttemptFacts, Effect, EffectId, Event, EventKind, Execution, StateMachine, Status, TaskRun,
    Timestamp, apply,
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
    let mut world = World {
        now: start,
        timers: BTreeMap::new(),
        answers: Vec::new(),
        replay: case["replay"].as_array().cloned().unwrap_or_default(),
    };
    let mut execution = Execution::start(header(start), case["input"].clone());
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
            .for_each(|effect| world.perform(effect));
        next = world.next();
    }
    assert!(
        execution.status().is_terminal(),
        "the execution did not end"
    );
    Some(Ran {
        status: execution.status(),
        output: execution.output().map(|output| output.value().clone()),
        error: execution.error().map(str::to_owned),
        cause: execution.cause().map(str::to_owned),
        events,
    })
}

/// What happens next, and when.
struct World {
    now: Timestamp,
    timers: BTreeMap<(Timestamp, EffectId), ()>,
    answers: Vec<EventKind>,
    replay: Vec<Value>,
}

impl World {
    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::RunTask(task) => self.run_task(&task),
            Effect::StartTimer { effect, at } => {
                self.timers.insert((at, effect), ());
            }
            Effect::Cancel(cancelled) => self.timers.retain(|(_, effect), ()| *effect != cancelled),
            Effect::Continue(effect) => self.answers.push(EventKind::Continued { effect }),
        }
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
