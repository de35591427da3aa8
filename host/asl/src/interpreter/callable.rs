//! Whether what a Task calls can be called at all. Where it cannot, the state fails before
//! anything of the call is on record.

use serde_json::Value;

use crate::Failure;
use crate::definition::{Call, Integration, Task};

/// Why the Task cannot be scheduled, in the service's words.
pub(super) fn check(task: &Task, input: &Value, absent: &[String]) -> Result<(), Failure> {
    match &task.call {
        Call::Component | Call::Function(_) => Ok(()),
        Call::Activity if absent.contains(&task.resource) => Err(Failure::runtime(format!(
            "The activity {} does not exist.",
            task.resource
        ))),
        Call::Activity => Ok(()),
        Call::Integration(integration) => {
            let Some(field) = required(integration) else {
                return Ok(());
            };
            let problem = match input.get(field) {
                Some(Value::String(_)) => return Ok(()),
                None | Some(Value::Null) => {
                    format!("The field \"{field}\" is required but was missing")
                }
                Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                    format!("The value for the field '{field}' must be a STRING")
                }
            };
            Err(Failure::runtime(format!(
                "The Parameters '{input}' could not be used to start the Task: [{problem}]"
            )))
        }
    }
}

/// The parameter without which an integration of this host cannot be called.
fn required(integration: &Integration) -> Option<&'static str> {
    match (integration.service.as_str(), integration.action.as_str()) {
        ("lambda", "invoke") => Some("FunctionName"),
        ("states" | "aws-sdk:sfn", "startExecution") => Some("StateMachineArn"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::StateMachine;

    fn told(resource: &str, input: &Value, absent: &[String]) -> Option<String> {
        let definition = json!({"StartAt": "T", "States": {
            "T": {"Type": "Task", "Resource": resource, "End": true},
        }});
        let machine = StateMachine::parse(&definition).unwrap().machine;
        let (_, task) = machine.tasks().next().unwrap();
        check(task, input, absent)
            .err()
            .map(|failure| failure.cause)
    }

    #[test]
    fn an_activity_must_exist() {
        let arn = "arn:aws:states:us-east-1:111111111111:activity:work";
        assert_eq!(told(arn, &json!({}), &[]), None);
        assert_eq!(
            told(arn, &json!({}), &[arn.to_owned()]).as_deref(),
            Some(
                "The activity arn:aws:states:us-east-1:111111111111:activity:work does not exist."
            )
        );
    }

    #[test]
    fn an_integration_must_be_told_what_to_call() {
        let start = "arn:aws:states:::states:startExecution.sync";
        assert_eq!(
            told(start, &json!({"Input": {}}), &[]).as_deref(),
            Some(
                "The Parameters '{\"Input\":{}}' could not be used to start the Task: [The field \"StateMachineArn\" is required but was missing]"
            )
        );
        assert_eq!(told(start, &json!({"StateMachineArn": "x"}), &[]), None);
        let invoke = "arn:aws:states:::lambda:invoke";
        assert!(told(invoke, &json!([1]), &[]).is_some());
        assert_eq!(
            told(invoke, &json!({"FunctionName": 1}), &[]).as_deref(),
            Some(
                "The Parameters '{\"FunctionName\":1}' could not be used to start the Task: [The value for the field 'FunctionName' must be a STRING]"
            )
        );
        assert_eq!(told("component:x", &json!(null), &[]), None);
    }
}
