//! A disk that is full, or cannot be read, for a while: no execution is lost to a host that lives on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use asl::{ExecutionId, Status};
use auth::policy::Resource;
use engine::{Config, Health, MachineType, StartRequest};
use ports::TraceContext;
use serde_json::{Value, json};

use crate::archive::Refused;
use crate::traces::SAMPLED;
use crate::world::{World, name};

fn task(next: &Value) -> Value {
    json!({"Type": "Task", "Resource": "component:first", "Next": next})
}

fn two_tasks() -> Value {
    json!({"StartAt": "First", "States": {
        "First": task(&json!("Second")),
        "Second": task(&json!("Done")),
        "Done": {"Type": "Succeed"},
    }})
}

/// An attempt is cancelled when the other branch fails, and the execution goes on.
fn cancelling() -> Value {
    json!({"StartAt": "Both", "States": {
        "Both": {"Type": "Parallel", "Next": "After",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "After"}],
            "Branches": [
                {"StartAt": "Endless", "States": {"Endless": {
                    "Type": "Task", "Resource": "component:endless", "End": true}}},
                {"StartAt": "Pause", "States": {
                    "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Fail"},
                    "Fail": {"Type": "Fail", "Error": "Enough"},
                }},
            ]},
        "After": task(&json!("Done")),
        "Done": {"Type": "Succeed"},
    }})
}

async fn prepared(definition: &Value) -> World {
    let world = World::with(Config::default()).await;
    world
        .role("worker", json!({"limits": {"time": "1h", "cpu": "1h"}}))
        .await;
    for component in ["first", "endless"] {
        let manifest = "idempotent = true";
        world.component(component, manifest, "worker").await;
    }
    world
        .publish("machine", definition, "worker")
        .await
        .unwrap();
    world
}

async fn started(world: &World) -> ExecutionId {
    let started = world.start("machine", "one", json!({})).await;
    started.unwrap().into_inner().id
}

fn refuse(world: &World, what: Refused) {
    *world.script.refused.lock().unwrap() = what;
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

async fn status(world: &World, id: &ExecutionId) -> Status {
    world.description(id).await.unwrap().summary.status
}

async fn told(world: &World, action: &str) -> usize {
    let records = world.audit().await;
    let told = records.iter().filter(|record| record["action"] == action);
    told.count()
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_loses_neither_an_execution_nor_what_its_cancelled_attempt_did() {
    let world = prepared(&cancelling()).await;
    let id = started(&world).await;
    refuse(&world, Refused::Telling("AttemptCancelled"));
    seconds(30).await;
    assert_eq!(status(&world, &id).await, Status::Running);
    assert_eq!(world.engine.load().executions_running, 1);
    refuse(&world, Refused::Nothing);
    seconds(10).await;
    assert_eq!(status(&world, &id).await, Status::Succeeded);
    assert_eq!(told(&world, "AttemptCancelled").await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_cancelled_attempt_did_is_on_record_even_if_the_disk_is_full_at_the_end() {
    let world = prepared(&cancelling()).await;
    let id = started(&world).await;
    seconds(1).await;
    let stopped = world.stop(&id);
    let filled = async { refuse(&world, Refused::Telling("AttemptCancelled")) };
    tokio::join!(stopped, filled);
    seconds(30).await;
    assert_eq!(status(&world, &id).await, Status::Aborted);
    refuse(&world, Refused::Nothing);
    seconds(10).await;
    assert_eq!(told(&world, "AttemptCancelled").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_draining_host_does_not_wait_for_a_full_disk() {
    let world = prepared(&two_tasks()).await;
    let id = started(&world).await;
    refuse(&world, Refused::Steps);
    seconds(5).await;
    let drained = tokio::time::timeout(Duration::from_secs(60), world.drained());
    let world = drained.await.unwrap();
    refuse(&world, Refused::Nothing);
    seconds(60).await;
    assert_eq!(status(&world, &id).await, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn an_execution_whose_records_cannot_be_read_for_a_moment_goes_on() {
    let world = prepared(&two_tasks()).await;
    let id = started(&world).await;
    world.script.unread.lock().unwrap().insert(id.clone(), 5);
    refuse(&world, Refused::Steps);
    seconds(5).await;
    refuse(&world, Refused::Nothing);
    seconds(60).await;
    assert_eq!(status(&world, &id).await, Status::Succeeded);
    assert_eq!(world.script.runs.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_a_living_host_gave_up_is_taken_up_again() {
    let world = prepared(&two_tasks()).await;
    let id = started(&world).await;
    refuse(&world, Refused::NextStep);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(world.engine.load().executions_running, 0);
    world.script.unread.lock().unwrap().insert(id.clone(), 3);
    seconds(60).await;
    assert_eq!(world.engine.health(), Health::Ready);
    assert_eq!(status(&world, &id).await, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_was_given_up_and_cannot_be_restored_is_stranded() {
    let world = prepared(&two_tasks()).await;
    let id = started(&world).await;
    world.script.damaged.lock().unwrap().insert(id.clone());
    refuse(&world, Refused::NextStep);
    seconds(10).await;
    let stranded = world.engine.stranded();
    assert_eq!(stranded.len(), 1);
    assert_eq!(stranded[0].0, id);
    world.script.damaged.lock().unwrap().clear();
    world.stop(&id).await;
    assert!(world.engine.stranded().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_express_execution_runs_again_once_the_disk_has_room() {
    let world = prepared(&two_tasks()).await;
    world
        .create("brief", &two_tasks(), "worker", MachineType::Express)
        .await;
    let id = world.start("brief", "one", json!({})).await.unwrap();
    let id = id.into_inner().id;
    refuse(&world, Refused::Telling("RerunExecution"));
    let world = world.next_host().await;
    seconds(30).await;
    assert_eq!(status(&world, &id).await, Status::Running);
    assert_eq!(told(&world, "RerunExecution").await, 0);
    refuse(&world, Refused::Nothing);
    seconds(30).await;
    assert_eq!(status(&world, &id).await, Status::Succeeded);
    assert_eq!(told(&world, "RerunExecution").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_start_is_refused_while_the_disk_is_full() {
    let world = prepared(&two_tasks()).await;
    refuse(&world, Refused::Steps);
    let refused = world.start("machine", "one", json!({})).await.unwrap_err();
    assert!(refused.to_string().contains("store"), "{refused}");
    assert_eq!(world.engine.load().executions_running, 0);
    refuse(&world, Refused::Nothing);
    let id = started(&world).await;
    world.settle(&id).await;
    assert_eq!(status(&world, &id).await, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn recovery_tries_again_what_could_not_be_read() {
    let world = prepared(&two_tasks()).await;
    let id = started(&world).await;
    world.script.unread.lock().unwrap().insert(id.clone(), 4);
    let world = world.next_host().await;
    assert_eq!(world.engine.load().executions_running, 0);
    seconds(60).await;
    assert_eq!(status(&world, &id).await, Status::Succeeded);
    assert!(world.engine.stranded().is_empty());
}

#[tokio::test(start_paused = true)]
async fn recovery_names_what_ends_whoever_restores_it_and_takes_up_all_others() {
    let world = prepared(&two_tasks()).await;
    let other = started(&world).await;
    let machine = name("machine");
    let permit = world.permit("operators", Resource::state_machine(&machine));
    let request = StartRequest {
        trace: TraceContext::parse(SAMPLED).ok(),
        ..StartRequest::new(machine, json!({}))
    };
    let lost = world.engine.start(permit, request).await.unwrap();
    let lost = lost.into_inner().id;
    world.script.tracer.is_cursed.store(true, Ordering::SeqCst);
    let world = world.next_host().await;
    world.settle(&other).await;
    assert_eq!(status(&world, &other).await, Status::Succeeded);
    let stranded = world.engine.stranded();
    assert_eq!(stranded.len(), 1);
    assert_eq!(stranded[0].0, lost);
    world.script.tracer.is_cursed.store(false, Ordering::SeqCst);
    world.stop(&lost).await;
    assert_eq!(status(&world, &lost).await, Status::Aborted);
}
