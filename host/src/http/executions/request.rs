//! What requests about executions say.

use asl::Status;
use auth::names::{Name, ServiceName};
use document::{Fields, Node, Problem as Flaw, Problems};
use engine::StartRequest;
use serde_json::{Map, Value};

use crate::http::parameters::shown;
use crate::http::problem::Problem;

const STATUSES: [Status; 5] = [
    Status::Running,
    Status::Succeeded,
    Status::Failed,
    Status::TimedOut,
    Status::Aborted,
];
/// The service's bounds on StopExecution.
const ERROR_CHARACTERS_MAX: usize = 256;
const CAUSE_CHARACTERS_MAX: usize = 32_768;

/// Why an execution is stopped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct StopRequest {
    pub(super) error: Option<String>,
    pub(super) cause: Option<String>,
}

/// `{stateMachine, name?, input?}`; the input is `{}` where none is given.
pub(super) fn start(body: &Value) -> Result<StartRequest, Vec<Flaw>> {
    let mut problems = Problems::default();
    let Some(mut fields) = Node::root(body).object(&mut problems) else {
        return Err(problems.into_vec());
    };
    let machine = fields.required("stateMachine", &mut problems);
    let machine = machine.and_then(|node| machine_name(&node, &mut problems));
    let name = fields
        .optional("name")
        .map(|node| name(&node, &mut problems));
    let input = fields.optional("input").map(|node| node.value.clone());
    fields.finish(&mut problems);
    let request = machine.map(|state_machine| StartRequest {
        name: name.flatten(),
        ..StartRequest::new(
            state_machine,
            input.unwrap_or_else(|| Value::Object(Map::new())),
        )
    });
    problems.or(request)
}

/// `{error?, cause?}`, or no body at all.
pub(super) fn stop(body: Option<&Value>) -> Result<StopRequest, Vec<Flaw>> {
    let Some(body) = body else {
        return Ok(StopRequest::default());
    };
    let mut problems = Problems::default();
    let Some(mut fields) = Node::root(body).object(&mut problems) else {
        return Err(problems.into_vec());
    };
    let request = StopRequest {
        error: text(&mut fields, "error", ERROR_CHARACTERS_MAX, &mut problems),
        cause: text(&mut fields, "cause", CAUSE_CHARACTERS_MAX, &mut problems),
    };
    fields.finish(&mut problems);
    problems.or(Some(request))
}

/// The service's word for where an execution stands.
pub(super) fn status(word: &str) -> Result<Status, Problem> {
    let status = STATUSES.into_iter().find(|status| status.as_str() == word);
    status.ok_or_else(|| {
        let words = STATUSES.map(Status::as_str).join("`, `");
        Problem::malformed(format!("status `{}` is not one of `{words}`", shown(word)))
    })
}

fn name(node: &Node<'_>, problems: &mut Problems) -> Option<ServiceName> {
    let name = ServiceName::parse(node.string(problems)?);
    name.map_err(|message| node.problem(message, problems)).ok()
}

/// A state machine by its name or by its ARN.
fn machine_name(node: &Node<'_>, problems: &mut Problems) -> Option<Name> {
    let text = node.string(problems)?;
    let text = match text.split_once(":stateMachine:") {
        Some((prefix, name)) if prefix.starts_with("arn:") => name,
        _ => text,
    };
    let name = Name::parse(text);
    name.map_err(|message| node.problem(message, problems)).ok()
}

fn text(
    fields: &mut Fields<'_>,
    name: &'static str,
    characters_max: usize,
    problems: &mut Problems,
) -> Option<String> {
    let node = fields.optional(name)?;
    let text = node.string(problems)?;
    if text.chars().count() > characters_max {
        node.problem(format!("longer than {characters_max} characters"), problems);
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_problem_of_a_start_is_reported() {
        let flaws = start(&json!({"stateMachine": "a b", "name": 7, "inputs": {}})).unwrap_err();
        let pointers: Vec<_> = flaws.into_iter().map(|flaw| flaw.pointer).collect();
        assert_eq!(pointers, ["/stateMachine", "/name", "/inputs"]);
        assert!(start(&json!([])).is_err());
    }

    #[test]
    fn a_state_machine_is_named_or_given_by_arn() {
        let arn = "arn:aws:states:us-east-1:000000000000:stateMachine:release";
        for text in ["release", arn] {
            let request = start(&json!({"stateMachine": text})).unwrap();
            assert_eq!(request.state_machine.as_str(), "release");
            assert_eq!(request.input, json!({}));
        }
    }

    #[test]
    fn a_stop_needs_no_reason_but_a_valid_one() {
        assert_eq!(stop(None).unwrap(), StopRequest::default());
        assert_eq!(
            stop(Some(&json!({"error": "E"}))).unwrap().error.unwrap(),
            "E"
        );
        assert!(stop(Some(&json!({"error": "E".repeat(257)}))).is_err());
        assert!(stop(Some(&json!({"reason": "x"}))).is_err());
    }
}
