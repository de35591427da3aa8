//! Random valid definitions. State names are given out in the order of writing; a state leads to
//! the next one, to the end, or back.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Stands for the processor of a distributed Map until that is written.
const DISTRIBUTED: &str = "distributed";

/// A state before it has a name.
#[derive(Clone, Debug)]
enum Draft {
    Leaf(Value),
    Choice(Value, u8),
    Parallel(Vec<Vec<Draft>>, Value),
    Map(Vec<Draft>, Value),
}

/// A definition that the parser accepts.
pub(crate) fn machine() -> impl Strategy<Value = Value> {
    (block(), prop::option::weighted(0.1, 1_u32..3)).prop_map(|(block, timeout)| {
        let mut names = 0;
        let mut machine = written(&block, &mut names);
        if let Some(timeout) = timeout {
            machine["TimeoutSeconds"] = json!(timeout);
        }
        machine
    })
}

/// Inputs in which most paths find something.
pub(crate) fn input() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => Just(json!({ "items": [1, "b", { "c": [] }], "n": 1, "at": "1970-01-01T00:20:00Z", "error": "Custom" })),
        1 => Just(json!({ "items": [], "n": -1 })),
        1 => Just(json!([1, 2, 3])),
        1 => Just(json!(null)),
    ]
}

fn block() -> impl Strategy<Value = Vec<Draft>> {
    let leaf = prop_oneof![4 => leaf().prop_map(Draft::Leaf), 1 => choice()];
    let state = leaf.prop_recursive(3, 24, 4, |inner| {
        let block = prop::collection::vec(inner.clone(), 1..3);
        let branches = prop::collection::vec(block.clone(), 1..4);
        prop_oneof![
            2 => inner,
            1 => (branches, handled(json!({ "Type": "Parallel" })))
                .prop_map(|(branches, state)| Draft::Parallel(branches, state)),
            1 => (block, map()).prop_map(|(block, state)| Draft::Map(block, state)),
        ]
    });
    prop::collection::vec(state, 1..5)
}

fn leaf() -> impl Strategy<Value = Value> {
    let pass = prop_oneof![
        Just(json!({ "Type": "Pass" })),
        Just(json!({ "Type": "Pass", "Result": [1, 2], "ResultPath": "$.items" })),
        Just(json!({ "Type": "Pass", "Parameters": { "all.$": "$", "state.$": "$$.State.Name" } })),
        Just(json!({ "Type": "Pass", "InputPath": "$.items", "OutputPath": "$" })),
        Just(json!({ "Type": "Pass", "OutputPath": null })),
        Just(json!({ "Type": "Pass", "Assign": { "v": [1], "w.$": "$.n" } })),
        Just(
            json!({ "Type": "Pass", "Parameters": { "v.$": "$v[0]", "items.$": "States.Array($.n, 2)" } })
        ),
        Just(json!({ "Type": "Pass", "QueryLanguage": "JSONata",
            "Assign": { "v": "{% $states.input.items %}" },
            "Output": { "items": "{% $states.input.items %}", "n": 1 } })),
        Just(json!({ "Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $sum([1]) %}" })),
        Just(
            json!({ "Type": "Task", "QueryLanguage": "JSONata", "Resource": "component:step",
            "Arguments": { "a": "{% $states.input.n %}" }, "TimeoutSeconds": "{% $states.input.n %}",
            "Output": "{% $states.result %}" })
        ),
    ];
    let wait = prop_oneof![
        Just(json!({ "Type": "Wait", "Seconds": 1 })),
        Just(json!({ "Type": "Wait", "SecondsPath": "$.n" })),
        Just(json!({ "Type": "Wait", "TimestampPath": "$.at" })),
    ];
    prop_oneof![3 => pass, 2 => wait, 4 => task(), 1 => end()]
}

fn end() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({ "Type": "Succeed" })),
        Just(json!({ "Type": "Fail", "Error": "Custom", "Cause": "so it is" })),
        Just(json!({ "Type": "Fail", "ErrorPath": "$.error" })),
    ]
}

fn task() -> impl Strategy<Value = Value> {
    let task = prop_oneof![
        Just(json!({ "Type": "Task", "Resource": "component:step" })),
        Just(json!({ "Type": "Task", "Resource": "component:step", "TimeoutSeconds": 2 })),
        Just(json!({ "Type": "Task", "Resource": "component:step", "ResultPath": "$.n" })),
        Just(
            json!({ "Type": "Task", "Resource": "component:step", "TimeoutSeconds": 3, "HeartbeatSeconds": 1 })
        ),
        Just(
            json!({ "Type": "Task", "Resource": "component:step", "ResultSelector": { "items.$": "$.items" } })
        ),
        Just(
            json!({ "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "HeartbeatSeconds": 2, "Parameters": { "Payload": { "token.$": "$$.Task.Token" } },
            "Assign": { "v.$": "$.items" } })
        ),
        Just(
            json!({ "Type": "Task", "Resource": "arn:aws:states:us-east-1:111111111111:activity:work",
            "HeartbeatSeconds": 1 })
        ),
    ];
    task.prop_flat_map(handled)
}

fn map() -> impl Strategy<Value = Value> {
    let map = prop_oneof![
        Just(json!({ "Type": "Map", "ItemsPath": "$.items" })),
        Just(json!({ "Type": "Map", "MaxConcurrency": 1, "ItemsPath": "$.items" })),
        Just(
            json!({ "Type": "Map", "MaxConcurrency": 2, "ItemsPath": "$.items",
            "ItemSelector": { "item.$": "$$.Map.Item.Value", "items.$": "$.items" } })
        ),
        Just(json!({ "Type": "Map" })),
        Just(json!({ "Type": "Map", "ItemsPath": "$.items", "ItemProcessor": DISTRIBUTED })),
        Just(
            json!({ "Type": "Map", "ItemsPath": "$.items", "ItemProcessor": DISTRIBUTED,
            "MaxConcurrency": 1, "ToleratedFailurePercentage": 50 })
        ),
        Just(
            json!({ "Type": "Map", "ItemProcessor": DISTRIBUTED, "ToleratedFailureCount": 1,
            "ItemReader": { "Resource": "arn:aws:states:::s3:getObject", "Parameters": { "Bucket": "b" } },
            "ItemBatcher": { "MaxItemsPerBatch": 2, "BatchInput": { "all.$": "$" } },
            "ResultWriter": { "Resource": "arn:aws:states:::s3:putObject", "Parameters": { "Bucket": "b" } } })
        ),
    ];
    map.prop_flat_map(handled)
}

/// The state with, or without, `Retry` and `Catch`; the catcher's `Next` is filled in later.
fn handled(state: Value) -> impl Strategy<Value = Value> {
    let retry = prop::option::weighted(
        0.3,
        prop_oneof![
            Just(json!([{ "ErrorEquals": ["Custom"], "MaxAttempts": 1 }])),
            Just(
                json!([{ "ErrorEquals": ["Other"] }, { "ErrorEquals": ["States.ALL"], "JitterStrategy": "FULL" }])
            ),
        ],
    );
    let catch = prop::option::weighted(
        0.4,
        prop_oneof![
            Just(json!([{ "ErrorEquals": ["States.ALL"] }])),
            Just(
                json!([{ "ErrorEquals": ["Custom"], "ResultPath": "$.error" }, { "ErrorEquals": ["States.Timeout"] }])
            ),
        ],
    );
    (retry, catch).prop_map(move |(retry, catch)| {
        let mut state = state.clone();
        for (name, value) in [("Retry", retry), ("Catch", catch)] {
            if let Some(value) = value {
                state[name] = value;
            }
        }
        state
    })
}

fn choice() -> impl Strategy<Value = Draft> {
    let rule = prop_oneof![
        Just(json!({ "Variable": "$.n", "NumericGreaterThan": 0 })),
        Just(json!({ "Not": { "Variable": "$.error", "IsPresent": true } })),
        Just(
            json!({ "And": [{ "Variable": "$$.State.Name", "IsString": true }, { "Variable": "$", "IsNull": false }] })
        ),
    ];
    (rule, any::<u8>()).prop_map(|(rule, target)| Draft::Choice(rule, target))
}

fn written(block: &[Draft], names: &mut usize) -> Value {
    // What follows an unconditional end could not be reached.
    let ends = |draft: &Draft| matches!(draft, Draft::Leaf(leaf) if leaf["Type"] == "Succeed" || leaf["Type"] == "Fail");
    let length = block
        .iter()
        .position(ends)
        .map_or(block.len(), |end| end + 1);
    let mut block = block[..length].to_vec();
    if let Some(Draft::Choice(..)) = block.last() {
        block.push(Draft::Leaf(json!({ "Type": "Succeed" })));
    }
    let first = *names;
    *names += block.len();
    let name = |place: usize| format!("S{}", first + place);
    let mut states = Map::new();
    for (place, draft) in block.iter().enumerate() {
        let following = name((place + 1).min(block.len() - 1));
        let mut state = match draft {
            Draft::Leaf(state) => state.clone(),
            Draft::Choice(rule, target) => {
                let mut rule = rule.clone();
                let back = name(usize::from(*target) % block.len());
                rule["Next"] = json!(if *target < 64 {
                    back
                } else {
                    following.clone()
                });
                json!({ "Type": "Choice", "Choices": [rule], "Default": following })
            }
            Draft::Parallel(branches, state) => {
                let branches: Vec<Value> = branches
                    .iter()
                    .map(|branch| written(branch, names))
                    .collect();
                with(state, "Branches", json!(branches))
            }
            Draft::Map(block, state) => {
                let is_distributed = state["ItemProcessor"] == DISTRIBUTED;
                let mut processor = written(block, names);
                if is_distributed {
                    processor["ProcessorConfig"] = json!({ "Mode": "DISTRIBUTED" });
                }
                with(state, "ItemProcessor", processor)
            }
        };
        if let Some(catchers) = state.get_mut("Catch").and_then(Value::as_array_mut) {
            catchers
                .iter_mut()
                .for_each(|catcher| catcher["Next"] = json!(following));
        }
        if !["Choice", "Succeed", "Fail"].contains(&state["Type"].as_str().unwrap()) {
            match place + 1 == block.len() {
                true => state["End"] = json!(true),
                false => state["Next"] = json!(following),
            }
        }
        states.insert(name(place), state);
    }
    json!({ "StartAt": name(0), "States": states })
}

fn with(state: &Value, member: &str, value: Value) -> Value {
    let mut state = state.clone();
    state[member] = value;
    state
}
