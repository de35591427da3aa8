//! The state machines that are measured.

use serde_json::{Map, Value, json};

/// So many Tasks in a row, each given the same small input.
pub(crate) fn tasks(count: usize) -> Value {
    chain(
        count,
        &json!({"Type": "Task", "Resource": "component:bench", "ResultPath": "$.greeting"}),
    )
}

/// So many Pass states in a row.
pub(crate) fn passes(count: usize) -> Value {
    chain(count, &json!({"Type": "Pass"}))
}

/// A Task in each of so many branches.
pub(crate) fn parallel(branches: usize) -> Value {
    let branches: Vec<Value> = (1..=branches)
        .map(|number| one_task(&format!("Step{number}")))
        .collect();
    json!({"StartAt": "All", "States": {"All": {
        "Type": "Parallel", "Branches": branches, "ResultSelector": {}, "End": true,
    }}})
}

/// A Task for each item of the input.
pub(crate) fn map() -> Value {
    json!({"StartAt": "Each", "States": {"Each": {
        "Type": "Map", "ItemProcessor": one_task("Step"), "ResultSelector": {}, "End": true,
    }}})
}

/// A wait until the time in the input, then a Task that is given the whole input.
pub(crate) fn waits_then_works() -> Value {
    json!({"StartAt": "Wait", "States": {
        "Wait": {"Type": "Wait", "TimestampPath": "$.at", "Next": "Work"},
        "Work": {"Type": "Task", "Resource": "component:bench", "End": true},
    }})
}

/// A Task that waits for whoever has its token.
pub(crate) fn asks() -> Value {
    json!({"StartAt": "Ask", "States": {"Ask": {
        "Type": "Task", "End": true,
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "bench", "Payload": {"token.$": "$$.Task.Token"}},
    }}})
}

/// What the Tasks here are given.
pub(crate) fn input() -> Value {
    json!({"name": "Ada"})
}

/// So many items, each what a Task is given.
pub(crate) fn items(count: usize) -> Value {
    Value::Array(vec![input(); count])
}

/// A Task whose result nobody needs.
fn one_task(name: &str) -> Value {
    json!({"StartAt": name, "States": {name: {
        "Type": "Task", "Resource": "component:bench", "ResultPath": null, "End": true,
    }}})
}

fn chain(count: usize, state: &Value) -> Value {
    let mut states = Map::new();
    for number in 1..=count {
        let mut state = state.clone();
        if let Value::Object(members) = &mut state {
            let (member, value) = match number == count {
                true => ("End", json!(true)),
                false => ("Next", json!(format!("Step{}", number + 1))),
            };
            members.insert(member.to_owned(), value);
        }
        states.insert(format!("Step{number}"), state);
    }
    json!({"StartAt": "Step1", "States": states})
}
