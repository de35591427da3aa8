//! That executions come to the same whether their steps are in the store or in memory.

use asl::Status;
use auth::policy::Resource;
use engine::{Config, MachineType};
use ports::HistoryCursor;
use serde_json::{Value, json};

use crate::world::{World, name};

fn task(more: &Value) -> Value {
    let mut state = json!({"Type": "Task", "Resource": "component:first", "End": true});
    state
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({"StartAt": "Only", "States": {"Only": state}})
}

fn definitions() -> Vec<Value> {
    let inner = |state: Value| json!({"StartAt": "Inner", "States": {"Inner": state}});
    let each = |state: Value, concurrency: u32| {
        json!({"StartAt": "Each", "States": {"Each": {
            "Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": concurrency,
            "ItemProcessor": inner(state), "ResultPath": "$.results", "End": true,
        }}})
    };
    let work = json!({"Type": "Task", "Resource": "component:first", "End": true});
    let broken = json!({"Type": "Fail", "Error": "Broken", "Cause": "by hand"});
    vec![
        json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "Parameters": {"a.$": "$.order"}, "End": true}}}),
        json!({"QueryLanguage": "JSONata", "StartAt": "P", "States": {
            "P": {"Type": "Pass", "Assign": {"n": "{% $states.input.order %}"}, "Output": "{% $n %}", "End": true},
        }}),
        json!({"StartAt": "Loop", "States": {
            "Loop": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Enough"},
            "Enough": {"Type": "Choice", "Default": "Loop", "Choices": [
                {"Variable": "$.n", "NumericGreaterThan": 300, "Next": "Done"},
            ]},
            "Done": {"Type": "Succeed"},
        }}),
        json!({"StartAt": "Loop", "States": {
            "Loop": {"Type": "Pass", "Next": "Enough"},
            "Enough": {"Type": "Choice", "Default": "Loop", "Choices": [
                {"Variable": "$.n", "NumericGreaterThan": 300, "Next": "Done"},
            ]},
            "Done": {"Type": "Succeed"},
        }}),
        json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "InputPath": "$.missing", "End": true}}}),
        json!({"StartAt": "W", "TimeoutSeconds": 5, "States": {"W": {"Type": "Wait", "Seconds": 9, "End": true}}}),
        inner(broken.clone()),
        task(&json!({})),
        task(&json!({"TimeoutSeconds": 1})),
        task(&json!({"Retry": [{"ErrorEquals": ["Flaky"], "IntervalSeconds": 3}]})),
        task(&json!({"Credentials": {"RoleArn.$": "$.nobody"}})),
        task(&json!({"Resource": "component:refused", "Credentials": {"RoleArn": "narrowed"}})),
        json!({"StartAt": "Only", "States": {
            "Only": {"Type": "Task", "Resource": "component:first", "End": true,
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}]},
            "Caught": {"Type": "Pass", "End": true},
        }}),
        json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "Left", "States": {"Left": work.clone()}},
            {"StartAt": "Right", "States": {"Right": {"Type": "Wait", "Seconds": 2, "End": true}}},
        ]}}}),
        json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "Left", "States": {"Left": work.clone()}},
            {"StartAt": "Right", "States": {"Right": broken}},
        ]}}}),
        each(work.clone(), 0),
        each(work, 2),
    ]
}

async fn prepared() -> World {
    let mut config = Config::default();
    config.execution_limits.history_events_max = 2_000;
    let world = World::with(config).await;
    world.role("worker", json!({})).await;
    world.component("first", "", "worker").await;
    world.role("narrowed", json!({})).await;
    world.component("refused", "", "narrowed").await;
    world
}

/// What an execution came to, and its history without what tells executions apart.
async fn outcome(definition: &Value, kind: MachineType, failures: u32) -> (Status, Value) {
    let world = prepared().await;
    world.create("machine", definition, "worker", kind).await;
    world
        .role("narrowed", json!({"config": {"region": "eu"}}))
        .await;
    let flaky = ("first".to_owned(), failures);
    world.script.failures.lock().unwrap().extend([flaky]);
    let input = json!({"order": 7, "n": 0, "items": [1, 2, 3, 4], "nobody": "nobody"});
    let id = world.start("machine", "one", input).await.unwrap();
    let id = id.into_inner().id;
    world.settle(&id).await;
    let ended = world.description(&id).await.unwrap();
    let permit = world.permit(
        "operators",
        Resource::execution(&name("machine"), id.as_str()),
    );
    let history = world
        .engine
        .history(&permit, &id, HistoryCursor::default(), 100_000)
        .await
        .unwrap();
    let events = history.events.iter().map(|event| {
        let mut event = event.to_json();
        event.as_object_mut().unwrap().remove("timestamp");
        event
    });
    let told = json!({
        "output": ended.output.as_deref(),
        "error": ended.summary.error,
        "cause": ended.summary.cause,
        "events": events.collect::<Vec<_>>(),
    });
    (ended.summary.status, told)
}

#[tokio::test(start_paused = true)]
async fn executions_come_to_the_same_in_memory_and_in_the_store() {
    let mut seen = Vec::new();
    for definition in definitions() {
        for failures in [0, 1] {
            let stored = outcome(&definition, MachineType::Standard, failures).await;
            let kept = outcome(&definition, MachineType::Express, failures).await;
            assert_eq!(stored, kept, "{definition}");
            seen.push(stored.0);
        }
    }
    for status in [Status::Succeeded, Status::Failed, Status::TimedOut] {
        assert!(seen.contains(&status), "{status:?}");
    }
}
