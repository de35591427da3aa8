//! What state machines of type `EXPRESS`, and child executions of that type, cannot do.

use super::*;
use crate::Diagnostic;

fn told(definition: &Value) -> Vec<String> {
    let problems = parse(definition).machine.express_problems();
    let told = Diagnostic::errors(&problems);
    told.iter().map(Diagnostic::to_string).collect()
}

fn task(resource: &str) -> Value {
    json!({"Type": "Task", "Resource": resource, "End": true})
}

#[test]
fn nothing_may_wait_for_somebody_outside() {
    let table = [
        (
            "arn:aws:states:us-east-1:111111111111:activity:a",
            "Activity ARN at",
        ),
        (
            "arn:aws:states:::states:startExecution.sync:2",
            "'.sync' service integration at",
        ),
        (
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "'.waitForTaskToken' service integration  at",
        ),
    ];
    for (resource, what) in table {
        let expected = format!(
            "SCHEMA_VALIDATION_FAILED: Express state machine does not support {what} /States/S/Resource"
        );
        assert_eq!(told(&one(task(resource))), [expected]);
    }
    for resource in ["component:a", "arn:aws:states:::lambda:invoke"] {
        assert_eq!(told(&one(task(resource))), [""; 0]);
    }
}

#[test]
fn inner_blocks_are_of_the_same_type() {
    let activity = task("arn:aws:states:us-east-1:111111111111:activity:a");
    let branch = json!({"StartAt": "I", "States": {"I": activity}});
    let definition = one(json!({"Type": "Parallel", "Branches": [branch]}));
    assert!(told(&definition)[0].ends_with("at /States/S/Branches[0]/States/I/Resource"));
}

#[test]
fn child_executions_of_a_map_have_a_type_of_their_own() {
    let map = |kind: &str, resource: &str| {
        let processor = json!({
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind},
            "StartAt": "I",
            "States": {"I": task(resource)},
        });
        one(json!({"Type": "Map", "ItemProcessor": processor}))
    };
    let sync = "arn:aws:states:::states:startExecution.sync";
    check_problem(
        map("EXPRESS", sync),
        "/States/S/ItemProcessor/States/I/Resource",
        "does not support '.sync' service integration",
    );
    parse(&map("STANDARD", sync));
    parse(&map("EXPRESS", "component:a"));
    assert_eq!(told(&map("STANDARD", "component:a")).len(), 1);
}
