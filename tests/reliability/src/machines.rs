//! The state machines of the runs, and the end that each execution of them must come to.

use serde_json::{Value, json};

use crate::found::Execution;

/// The role they run under.
pub const ROLE: &str = "workers";
/// The component that answers its input.
pub const ECHO: &str = "echo";
/// Whose work waits for a worker.
pub const DESK: &str = "arn:aws:states:us-east-1:000000000000:activity:desk";
/// Everything that ends by itself, with help of a worker.
pub const ENDING: [&str; 4] = ["echo", "ask", "desk", "rest"];
/// What goes on until it is stopped.
pub const STAYING: &str = "stay";

/// What the role grants: effects at this address.
pub fn role(effects: &str) -> Value {
    json!({
        "http": [{"origins": [effects], "methods": ["GET"], "paths": ["/effect"], "private_addresses": true}],
        "limits": {"time": "1m", "concurrency": 64},
    })
}

/// The definition of one of them.
pub fn definition(name: &str, effects: &str) -> Value {
    match name {
        "echo" => echo(),
        "ask" => ask(effects),
        "desk" => json!({"StartAt": "Desk", "States": {"Desk": {
            "Type": "Task", "Resource": DESK, "TimeoutSeconds": 5, "End": true,
            // Work that was handed to a worker who never heard of it.
            "Retry": [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 9, "BackoffRate": 1.0}],
        }}}),
        "rest" => wait(1),
        STAYING => wait(86_400),
        name => panic!("there is no machine `{name}`"),
    }
}

/// Tasks in a row and side by side; an attempt that was interrupted is made once more.
fn echo() -> Value {
    let task = |next: &str, otherwise: &str| {
        let mut state = json!({
            "Type": "Task", "Resource": format!("component:{ECHO}@1.0.0"),
            "Catch": [{"ErrorEquals": ["Sluice.Interrupted"], "ResultPath": null, "Next": otherwise}],
        });
        match next {
            "" => state["End"] = json!(true),
            next => state["Next"] = json!(next),
        }
        state
    };
    let branch = |work: &str| {
        let again = format!("{work}Again");
        json!({"StartAt": work, "States": {work: task("", &again), &again: task("", &again)}})
    };
    json!({"StartAt": "First", "States": {
        "First": task("Second", "FirstAgain"),
        "FirstAgain": task("Second", "FirstAgain"),
        "Second": task("Both", "SecondAgain"),
        "SecondAgain": task("Both", "SecondAgain"),
        "Both": {"Type": "Parallel", "Branches": [branch("Left"), branch("Right")], "OutputPath": "$[0]", "End": true},
    }})
}

/// A request that the outside sees. One that was interrupted is not repeated.
fn ask(effects: &str) -> Value {
    json!({"StartAt": "Ask", "States": {
        "Ask": {
            "Type": "Task", "Resource": "arn:aws:states:::http:invoke",
            "Parameters": {
                "ApiEndpoint": format!("{effects}/effect"), "Method": "GET",
                "QueryParameters": {
                    "execution.$": "$$.Execution.Id", "state.$": "$$.State.Name",
                    "retry.$": "States.Format('{}', $$.State.RetryCount)",
                },
            },
            "ResultPath": null,
            "Catch": [{"ErrorEquals": ["Sluice.Interrupted"], "ResultPath": null, "Next": "Done"}],
            "Next": "Done",
        },
        "Done": {"Type": "Pass", "End": true},
    }})
}

fn wait(seconds: u64) -> Value {
    json!({"StartAt": "Wait", "States": {
        "Wait": {"Type": "Wait", "Seconds": seconds, "Next": "Done"},
        "Done": {"Type": "Pass", "End": true},
    }})
}

/// A worker's answer to an input.
pub fn answer(input: &Value) -> Value {
    json!({"answered": input})
}

/// Whether an execution has come to the end that a host without faults would have brought it to.
///
/// # Errors
/// Why not.
pub fn ends_well(execution: &Execution) -> Result<(), String> {
    let (input, output) = (
        &execution.description["input"],
        &execution.description["output"],
    );
    let (status, expected) = match execution.machine() {
        STAYING => return stays(execution),
        "desk" => ("SUCCEEDED", answer(input)),
        _ => ("SUCCEEDED", input.clone()),
    };
    match execution.status() == status && *output == expected {
        true => Ok(()),
        false => Err(format!("{status} with {expected} was to be expected")),
    }
}

fn stays(execution: &Execution) -> Result<(), String> {
    match execution.status() {
        "RUNNING" | "ABORTED" => Ok(()),
        _ => Err("RUNNING or ABORTED was to be expected".to_owned()),
    }
}
