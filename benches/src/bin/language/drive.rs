//! Runs an execution to its end: every Task is answered at once, nothing waits.

use std::collections::VecDeque;

use anyhow::{Result, bail, ensure};
use asl::jsonata::Evaluator;
use asl::{
    Effect, Event, EventKind, Execution, ExecutionId, Header, Limits, StateMachine, Status,
    Timestamp, apply,
};
use serde_json::{Value, json};

/// How an execution went.
pub(crate) struct Ran {
    /// History events.
    pub(crate) events: u64,
    /// Bytes of the records that a store would have kept.
    pub(crate) record_bytes: usize,
}

pub(crate) fn machine(definition: &Value) -> Result<StateMachine> {
    let parsed = StateMachine::parse(definition);
    parsed
        .map(|parsed| parsed.machine)
        .map_err(|problems| anyhow::anyhow!("{problems:?}"))
}

/// Runs an execution; `is_counting` serialises each record, as a store would.
pub(crate) fn run(
    machine: &StateMachine,
    input: Value,
    evaluator: &dyn Evaluator,
    is_counting: bool,
) -> Result<Ran> {
    let mut execution = Execution::start(header()?, input);
    let mut due = VecDeque::from([EventKind::Start]);
    let mut record_bytes = 0;
    while let Some(kind) = due.pop_front() {
        let event = Event {
            at: Timestamp(0),
            seed: 1,
            absent: Vec::new(),
            kind,
        };
        let transition = apply(machine, execution, event, evaluator);
        ensure!(transition.ignored.is_none(), "an answer was not waited for");
        execution = transition.execution;
        let delta = execution.take_delta();
        if is_counting {
            record_bytes += serde_json::to_vec(&delta)?.len();
        }
        for effect in transition.effects {
            match effect {
                Effect::RunTask(task) => {
                    let effect = task.effect;
                    due.push_back(EventKind::TaskStarted {
                        effect,
                        facts: None,
                        worker: None,
                    });
                    due.push_back(EventKind::TaskSucceeded {
                        effect,
                        output: json!({"ok": true}),
                    });
                }
                Effect::Continue(effect) => due.push_back(EventKind::Continued { effect }),
                Effect::Cancel(_) => {}
                Effect::StartTimer { .. }
                | Effect::StartChild(_)
                | Effect::ReadItems(_)
                | Effect::WriteResults(_) => bail!("the bench answers Tasks only"),
            }
        }
    }
    ensure!(
        execution.status() == Status::Succeeded,
        "an execution ended as {:?}: {:?}",
        execution.status(),
        execution.cause()
    );
    Ok(Ran {
        events: execution.next_event_id(),
        record_bytes,
    })
}

fn header() -> Result<Header> {
    let id = ExecutionId::parse("bench");
    Ok(Header {
        id: id.ok_or_else(|| anyhow::anyhow!("no id"))?,
        arn: "arn:aws:states:us-east-1:000000000000:execution:bench:bench".to_owned(),
        name: "bench".to_owned(),
        machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:bench".to_owned(),
        machine_name: "bench".to_owned(),
        role_arn: None,
        started_at: Timestamp(0),
        principal: "bench".to_owned(),
        actor: None,
        map_run: None,
        limits: Limits {
            history_events_max: 10_000_000,
            payload_bytes_max: 4 << 20,
            running_seconds_max: None,
        },
    })
}

/// For machines whose expressions need no evaluator.
pub(crate) struct NoEvaluator;

impl Evaluator for NoEvaluator {
    fn evaluate(
        &self,
        _: &asl::jsonata::Evaluation<'_>,
    ) -> Result<asl::jsonata::Evaluated, asl::jsonata::EvaluationError> {
        let kind = asl::jsonata::EvaluationErrorKind::Unavailable("none here".to_owned());
        Err(asl::jsonata::EvaluationError {
            index: 0,
            kind,
            instructions: 0,
        })
    }

    fn check(
        &self,
        _: &[&str],
    ) -> Result<
        Vec<Result<asl::jsonata::References, asl::jsonata::SyntaxError>>,
        asl::jsonata::Unavailable,
    > {
        Err(asl::jsonata::Unavailable("none here".to_owned()))
    }
}
