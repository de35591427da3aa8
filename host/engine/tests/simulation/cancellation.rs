//! That whatever ends an attempt reaches the guest that runs.

use std::sync::atomic::Ordering;
use std::time::Duration;

use asl::{ExecutionId, Status};
use ports::Retention;
use serde_json::{Value, json};

use crate::world::World;

fn endless(extra: &Value) -> Value {
    let mut task = json!({"Type": "Task", "Resource": "component:endless", "End": true});
    let members = task.as_object_mut().unwrap();
    members.extend(extra.as_object().unwrap().clone());
    json!({"StartAt": "Endless", "States": {"Endless": task}})
}

fn failing_beside(other: &Value) -> Value {
    json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true, "Branches": [
        other,
        {"StartAt": "Pause", "States": {
            "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Fail"},
            "Fail": {"Type": "Fail", "Error": "Enough"},
        }},
    ]}}})
}

fn nesting() -> Value {
    json!({"StartAt": "Nest", "States": {"Nest": {
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": true,
        "Parameters": {
            "StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:inner",
            "Input": {},
        },
    }}})
}

/// A host on which an attempt at `endless` runs.
async fn running(definition: &Value) -> (World, ExecutionId) {
    let world = World::new().await;
    world
        .role("worker", json!({"limits": {"time": "1h", "cpu": "1h"}}))
        .await;
    world.component("endless", "", "worker").await;
    let inner = endless(&json!({}));
    world.publish("inner", &inner, "worker").await.unwrap();
    world
        .publish("machine", definition, "worker")
        .await
        .unwrap();
    let id = world.start("machine", "one", json!({})).await.unwrap();
    let id = id.into_inner().id;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.script.runs.lock().unwrap().len(), 1);
    assert_eq!(counts(&world), (0, 0));
    (world, id)
}

/// How many attempts were told to end, and how many are gone.
fn counts(world: &World) -> (usize, usize) {
    let count = |counter: &std::sync::atomic::AtomicUsize| counter.load(Ordering::SeqCst);
    (count(&world.script.cancelled), count(&world.script.gone))
}

async fn ends_as(world: &World, id: &ExecutionId, status: Status) {
    world.settle(id).await;
    assert_eq!(world.description(id).await.unwrap().summary.status, status);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(counts(world), (1, 1));
    assert_eq!(world.engine.load().attempts_running, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stop_reaches_the_guest() {
    let (world, id) = running(&endless(&json!({}))).await;
    world.stop(&id).await;
    ends_as(&world, &id, Status::Aborted).await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_reaches_the_guest() {
    let (world, id) = running(&endless(&json!({"TimeoutSeconds": 2}))).await;
    ends_as(&world, &id, Status::Failed).await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_another_branch_reaches_the_guest() {
    let (world, id) = running(&failing_beside(&endless(&json!({})))).await;
    ends_as(&world, &id, Status::Failed).await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_parent_reaches_the_guest() {
    let (world, id) = running(&nesting()).await;
    world.stop(&id).await;
    ends_as(&world, &id, Status::Aborted).await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_drain_reaches_the_guest() {
    let (world, id) = running(&endless(&json!({}))).await;
    let world = world.drained().await;
    // It was cut off rather than told, and is interrupted as after a crash.
    assert_eq!(counts(&world), (0, 1));
    world.settle(&id).await;
    let ended = world.description(&id).await.unwrap();
    assert_eq!(ended.summary.error.as_deref(), Some("Sluice.Interrupted"));
}

#[tokio::test(start_paused = true)]
async fn a_guest_whose_execution_ended_before_its_turn_does_not_run() {
    let world = World::new().await;
    world.role("worker", json!({})).await;
    world.component("endless", "", "worker").await;
    // Both branches go on at the same moment: the attempt is decided, then the execution ends.
    let mut attempting = endless(&json!({}));
    attempting["StartAt"] = json!("Rest");
    attempting["States"]["Rest"] = json!({"Type": "Wait", "Seconds": 1, "Next": "Endless"});
    let definition = failing_beside(&attempting);
    world
        .publish("machine", &definition, "worker")
        .await
        .unwrap();
    let started = world.start("machine", "one", json!({})).await.unwrap();
    let id = started.into_inner().id;
    world.settle(&id).await;
    let ended = world.description(&id).await.unwrap();
    assert_eq!(ended.summary.status, Status::Failed);
    let records = world.audit().await;
    let attempts = records
        .iter()
        .filter(|record| record["action"] == "StartAttempt");
    assert_eq!(attempts.count(), 1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(world.script.runs.lock().unwrap().is_empty());
    assert_eq!(world.engine.load().attempts_running, 0);
}

/// A map run of one child, which waits for long.
async fn with_a_long_child() -> World {
    let world = World::new().await;
    world.role("worker", json!({})).await;
    let definition = json!({"StartAt": "Each", "States": {
        "Each": {"Type": "Map", "Label": "Each", "End": true, "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Wait", "States": {"Wait": {
                "Type": "Wait", "Seconds": 864_000, "End": true}},
        }},
    }});
    world
        .publish("machine", &definition, "worker")
        .await
        .unwrap();
    world
}

async fn children_told(world: &World) -> usize {
    let records = world.audit().await;
    let told = records
        .iter()
        .filter(|record| record["action"] == "StartMapRunChild");
    told.count()
}

#[tokio::test(start_paused = true)]
async fn a_child_whose_start_outlasts_its_parent_is_stopped() {
    let world = with_a_long_child().await;
    let slow = ("StartMapRunChild", Duration::from_secs(10));
    *world.script.slow.lock().unwrap() = Some(slow);
    let id = world.start("machine", "one", json!([1])).await.unwrap();
    let id = id.into_inner().id;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.stop(&id).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(children_told(&world).await, 1);
    assert_eq!(world.engine.load().executions_running, 0);
    let ended = world.store.ended(ports::EndedOrder::OldestFirst, None, 9);
    assert_eq!(ended.await.unwrap().count, 2);
}

#[tokio::test(start_paused = true)]
async fn no_child_starts_for_a_parent_that_ended() {
    let world = with_a_long_child().await;
    world.script.unreadable.fail_next(5);
    let id = world.start("machine", "one", json!([1])).await.unwrap();
    let id = id.into_inner().id;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.stop(&id).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(children_told(&world).await, 0);
    assert_eq!(world.engine.load().executions_running, 0);
}
