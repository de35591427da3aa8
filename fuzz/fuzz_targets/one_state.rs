//! Runs a machine of one state over a document in which most paths find something.

use asl::jsonata::{
    Evaluated, Evaluation, EvaluationError, EvaluationErrorKind, Evaluator, References,
    SyntaxError, Unavailable,
};
use asl::{
    Event, EventKind, Execution, ExecutionId, Header, Limits, StateMachine, Timestamp, apply,
};
use serde_json::{Value, json};

/// Evaluates nothing: plain paths and literals need no evaluator.
pub struct NoEvaluator;

impl Evaluator for NoEvaluator {
    fn evaluate(&self, _: &Evaluation<'_>) -> Result<Evaluated, EvaluationError> {
        let kind = EvaluationErrorKind::Unavailable("none here".to_owned());
        Err(EvaluationError {
            index: 0,
            kind,
            instructions: 0,
        })
    }

    fn check(&self, _: &[&str]) -> Result<Vec<Result<References, SyntaxError>>, Unavailable> {
        Err(Unavailable("none here".to_owned()))
    }
}

/// Starts an execution, and checks that it ends or waits for something, and comes back from its
/// record as it was.
pub fn start(machine: &StateMachine) {
    let input = json!({
        "a": {"b": [1, "x", null, {"c": true}], "d.e": 1.5},
        "items": [{"id": 1, "price": 10}, {"id": 2, "price": 20, "tags": ["t"]}],
        "text": "a,b;c", "n": 3, "at": "2026-01-01T00:00:00Z",
    });
    let execution = Execution::start(header(), input);
    let event = Event {
        at: Timestamp(0),
        seed: 7,
        kind: EventKind::Start,
        absent: Vec::new(),
    };
    let again = apply(machine, execution.clone(), event.clone(), &NoEvaluator);
    let mut transition = apply(machine, execution, event, &NoEvaluator);
    assert_eq!(transition, again, "the same event, another transition");
    let delta = transition.execution.take_delta();
    let execution = transition.execution;
    let waits = !execution.outstanding().is_empty();
    assert!(
        execution.status().is_terminal() || waits,
        "it waits for nothing"
    );
    let stored = serde_json::to_string(&delta).expect("a record can be written");
    let stored = serde_json::from_str(&stored).expect("a record can be read back");
    let restored = Execution::restore(header(), [stored]).expect("a record makes an execution");
    assert_eq!(restored, execution, "it came back as another one");
}

/// Fills one member of a Pass state's `Parameters`.
pub fn fill(text: &str) {
    let state = json!({"Type": "Pass", "Parameters": {"v.$": text}, "End": true});
    let definition = json!({"StartAt": "S", "States": {"S": state}});
    if let Ok(parsed) = StateMachine::parse(&definition) {
        start(&parsed.machine);
    }
}

fn header() -> Header {
    Header {
        id: ExecutionId::parse("fuzz").expect("four letters"),
        arn: "arn:aws:states:us-east-1:000000000000:execution:fuzz:fuzz".to_owned(),
        name: "fuzz".to_owned(),
        machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:fuzz".to_owned(),
        machine_name: "fuzz".to_owned(),
        role_arn: None,
        started_at: Timestamp(0),
        principal: "fuzz".to_owned(),
        actor: None,
        map_run: None,
        limits: Limits::default(),
    }
}
