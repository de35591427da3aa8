//! Plays a scenario and writes down every history event and effect.
//!
//! A scenario's event has `at` (milliseconds since the start) and one of: `start`, `started`,
//! `succeeded` (with `output`), `failed` (with `error`, `cause`), each naming a Task state whose
//! newest attempt it answers, or the oldest unanswered of several; `timer`, which fires the one
//! due first; `continued`; `stop`. A number in the place of a name is an effect's own.

use std::fmt::Write;

use asl::{
    AttemptFacts, Effect, EffectId, Event, EventKind, Execution, StateMachine, TaskRun, Timestamp,
    apply,
};
use serde_json::Value;

use crate::header::{NoEvaluator, header};

/// The transcript of a scenario.
pub(crate) fn of(scenario: &Value) -> String {
    let parsed = StateMachine::parse(&scenario["definition"])
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut execution = Execution::start(header(Timestamp(0)), scenario["input"].clone());
    let mut world = World::default();
    let mut transcript = String::new();
    for event in scenario["events"].as_array().unwrap() {
        let at = event["at"].as_i64().unwrap();
        let kind = world.kind(event);
        let before = execution.clone();
        let seed = event["seed"].as_u64().unwrap_or_default();
        let transition = apply(
            &parsed.machine,
            execution,
            Event {
                at: Timestamp(at),
                seed,
                absent: Vec::new(),
                kind,
            },
            &NoEvaluator,
        );
        execution = transition.execution;
        writeln!(transcript, "== {}", heading(event)).unwrap();
        if let Some(ignored) = transition.ignored {
            assert_eq!(execution, before);
            writeln!(transcript, "ignored: {ignored:?}").unwrap();
        }
        for event in &execution.take_delta().history {
            writeln!(transcript, "{}", line(&event.to_json())).unwrap();
        }
        for effect in transition.effects {
            writeln!(transcript, "> {}", world.perform(effect)).unwrap();
        }
    }
    let output = execution.output().map(|output| output.value().to_string());
    let parts = [output.as_deref(), execution.error(), execution.cause()];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    writeln!(
        transcript,
        "{} {}",
        execution.status().as_str(),
        parts.join(" ")
    )
    .unwrap();
    transcript.truncate(transcript.trim_end().len());
    transcript
}

#[derive(Default)]
struct World {
    tasks: Vec<(EffectId, String)>,
    timers: Vec<(Timestamp, EffectId)>,
    continues: Vec<EffectId>,
}

impl World {
    fn kind(&mut self, event: &Value) -> EventKind {
        let text = |member: &str| event[member].as_str().map(str::to_owned);
        if event.get("start").is_some() {
            return EventKind::Start;
        }
        if event.get("stop").is_some() {
            let principal = "https://issuer|operator".to_owned();
            return EventKind::Stop {
                error: text("error"),
                cause: text("cause"),
                principal,
            };
        }
        if let Some(task) = event.get("started") {
            return EventKind::TaskStarted {
                effect: self.task(task),
                facts: Some(facts()),
                worker: None,
            };
        }
        if let Some(task) = event.get("succeeded") {
            return EventKind::TaskSucceeded {
                effect: self.task(task),
                output: event["output"].clone(),
            };
        }
        if let Some(task) = event.get("failed") {
            let (error, cause) = (text("error").unwrap(), text("cause").unwrap_or_default());
            return EventKind::TaskFailed {
                effect: self.task(task),
                error,
                cause,
            };
        }
        if let Some(timer) = event.get("timer") {
            let effect = number(timer).unwrap_or_else(|| {
                self.timers.sort();
                self.timers.remove(0).1
            });
            return EventKind::TimerFired { effect };
        }
        let effect = number(&event["continued"]).unwrap_or_else(|| self.continues.remove(0));
        EventKind::Continued { effect }
    }

    /// The attempt meant: of one state's, the oldest that still waits, else the newest of all.
    fn task(&mut self, task: &Value) -> EffectId {
        if let Some(effect) = number(task) {
            return effect;
        }
        let name = task.as_str().unwrap();
        let found = self.tasks.iter().rfind(|(_, state)| state == name);
        found.unwrap_or_else(|| panic!("no attempt of `{name}`")).0
    }

    fn perform(&mut self, effect: Effect) -> String {
        match effect {
            Effect::RunTask(task) => {
                self.tasks.push((task.effect, task.state.clone()));
                shown(&task)
            }
            Effect::StartTimer { effect, at } => {
                self.timers.push((at, effect));
                format!("start timer {} for {} ms", effect.0, at.0)
            }
            Effect::Cancel(cancelled) => {
                self.timers.retain(|(_, effect)| *effect != cancelled);
                format!("cancel {}", cancelled.0)
            }
            Effect::StartChild(child) => format!(
                "start child {}: {} of {}, {}",
                child.effect.0,
                child.index,
                child.state,
                child.input.value()
            ),
            Effect::ReadItems(read) => format!(
                "read items {}: {} {}",
                read.effect.0,
                read.resource,
                read.arguments.value()
            ),
            Effect::WriteResults(write) => format!(
                "write results {}: {}",
                write.effect.0,
                write.arguments.value()
            ),
            Effect::Continue(effect) => {
                self.continues.push(effect);
                format!("continue {}", effect.0)
            }
        }
    }
}

fn shown(task: &TaskRun) -> String {
    let TaskRun {
        effect,
        state,
        resource,
        attempt,
        ..
    } = task;
    let until = task
        .timeout_at
        .map(|at| format!(" until {} ms", at.0))
        .unwrap_or_default();
    let role = task
        .role_arn
        .as_ref()
        .map(|role| format!(" as {role}"))
        .unwrap_or_default();
    let input = task.input.value();
    format!(
        "run task {}: {state} attempt {attempt}, {resource}{role}{until}, {input}",
        effect.0
    )
}

fn number(value: &Value) -> Option<EffectId> {
    value.as_u64().map(EffectId)
}

fn heading(event: &Value) -> String {
    let mut members = event.as_object().unwrap().clone();
    let at = members.remove("at").unwrap();
    format!("{at} ms {}", Value::Object(members))
}

/// An event in one line: id, the event before it, type, details.
fn line(event: &Value) -> String {
    let mut line = format!(
        "{} <- {} {}",
        event["id"],
        event["previousEventId"],
        event["type"].as_str().unwrap()
    );
    for (name, value) in event.as_object().unwrap() {
        if !["timestamp", "id", "previousEventId", "type"].contains(&name.as_str()) {
            let mut value = value.clone();
            for details in ["inputDetails", "outputDetails"] {
                value.as_object_mut().unwrap().remove(details);
            }
            write!(line, " {value}").unwrap();
        }
    }
    line
}

fn facts() -> AttemptFacts {
    AttemptFacts {
        component: "step".to_owned(),
        version: "1.0.0".to_owned(),
        digest: "sha256:5e".to_owned(),
        role: "clerk".to_owned(),
        role_revision: 3,
    }
}
