//! Random Tasks: components, functions, callbacks, activities, other state machines.

use serde_json::{Value, json};

use super::Taste;

/// The scripted components: one that may be run again, one that may not, one whose need only the
/// wide role grants.
pub(crate) const COMPONENTS: [&str; 3] = ["steady", "once", "keyed"];
/// The activity that workers work on.
pub(crate) const ACTIVITY: &str = "work";

pub(super) fn task(taste: &mut Taste<'_>) -> Value {
    let component = *taste.dice.pick(&COMPONENTS);
    let kinds = match (taste.is_express, taste.below.is_empty()) {
        (true, _) => 5,
        (false, true) => 8,
        (false, false) => 11,
    };
    let state = match taste.dice.within(0..=kinds) {
        0..=2 => {
            json!({"Type": "Task", "Resource": format!("component:{component}"), "ResultPath": "$.t"})
        }
        3 => {
            json!({"Type": "Task", "QueryLanguage": "JSONata", "Resource": format!("component:{component}"),
            "Arguments": {"a": "{% $states.input.n %}"}, "Assign": {"r": "{% $states.result %}"},
            "Output": "{% $states.input %}"})
        }
        4 => {
            json!({"Type": "Task", "Resource": format!("arn:aws:lambda:us-east-1:000000000000:function:{component}"),
            "ResultPath": "$.t"})
        }
        5 => json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": component, "Payload": {"n.$": "$.n"}},
            "ResultSelector": {"payload.$": "$.Payload"}, "ResultPath": "$.t"}),
        6..=7 => {
            json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": component, "Payload": {"token.$": "$$.Task.Token", "n.$": "$.n"}},
            "ResultPath": "$.t"})
        }
        8 => {
            json!({"Type": "Task", "Resource": format!("arn:aws:states:us-east-1:000000000000:activity:{ACTIVITY}"),
            "ResultPath": "$.t"})
        }
        _ => return nested(taste),
    };
    let state = with_limits(taste, state);
    taste.handled(state)
}

fn nested(taste: &mut Taste<'_>) -> Value {
    let machine = taste.dice.pick(taste.below).clone();
    let arn = format!("arn:aws:states:us-east-1:000000000000:stateMachine:{machine}");
    let input =
        json!({"n.$": "$.n", "items.$": "$.items", "at.$": "$.at", "seconds.$": "$.seconds"});
    let pattern = *taste.dice.pick(&["", ".sync", ".sync:2", ".sync:2"]);
    let mut state = json!({"Type": "Task", "Resource": format!("arn:aws:states:::states:startExecution{pattern}"),
        "Parameters": {"StateMachineArn": arn, "Input": input}, "ResultPath": null});
    if pattern == ".sync:2" {
        state["ResultSelector"] = json!({"status.$": "$.Status", "output.$": "$.Output"});
        state["ResultPath"] = json!("$.t");
    }
    if taste.is_calm {
        // Its cause quotes times and names.
        state["Catch"] = json!([{"ErrorEquals": ["States.ALL"], "ResultPath": null}]);
        return state;
    }
    let state = with_limits(taste, state);
    taste.handled(state)
}

fn with_limits(taste: &mut Taste<'_>, mut state: Value) -> Value {
    if taste.is_calm {
        return state;
    }
    if taste.dice.one_in(3) {
        state["TimeoutSeconds"] = json!(taste.dice.within(2..=60));
        if taste.dice.one_in(2) {
            state["HeartbeatSeconds"] = json!(1);
        }
    }
    // No role but the default one is given to what needs something.
    let is_code = !["activity", "startExecution", "keyed"]
        .iter()
        .any(|other| state.to_string().contains(other));
    if is_code && state["QueryLanguage"].is_null() && taste.dice.one_in(8) {
        state["Credentials"] = json!({"RoleArn": "arn:aws:iam::000000000000:role/plain"});
    }
    state
}
