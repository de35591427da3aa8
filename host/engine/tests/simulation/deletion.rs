//! Deleting a state machine: nothing of it starts or runs any more, whatever comes between.

use std::sync::Arc;
use std::time::Duration;

use asl::{ExecutionId, Status};
use auth::policy::{DeleteStateMachine, Resource};
use engine::{Config, MachineType};
use ports::ExecutionFilter;
use serde_json::{Value, json};

use crate::archive::Refused;
use crate::world::{World, name};

fn waits() -> Value {
    json!({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 864_000, "End": true}}})
}

async fn prepared(kind: MachineType) -> World {
    let world = World::with(Config::default()).await;
    world.role("worker", json!({})).await;
    world.create("machine", &waits(), "worker", kind).await;
    world
}

async fn delete(world: &World, machine: &str) {
    let machine = name(machine);
    let permit = world.permit::<DeleteStateMachine>("operators", Resource::state_machine(&machine));
    let deleted = world.engine.delete_machine(permit, machine);
    deleted.await.unwrap();
}

async fn started(world: &World, name: &str) -> ExecutionId {
    let started = world.start("machine", name, json!({})).await.unwrap();
    started.into_inner().id
}

async fn status(world: &World, id: &ExecutionId) -> Status {
    world.description(id).await.unwrap().summary.status
}

/// How many executions run, whatever they are of.
async fn running(world: &World) -> usize {
    let permit = world.permit("operators", Resource::host());
    let filter = ExecutionFilter {
        status: Some(Status::Running),
        ..ExecutionFilter::default()
    };
    let page = world.engine.executions(permit, filter, None, 1_000);
    page.await.unwrap().items.len()
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

async fn told(world: &World) -> usize {
    let records = world.audit().await;
    let told = records
        .iter()
        .filter(|record| record["action"] == "DeleteStateMachine");
    told.count()
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_beside_a_deletion_and_outlives_it() {
    let (mut started, mut refused) = (0, 0);
    for kind in [MachineType::Standard, MachineType::Express] {
        for pause in 0..24 {
            let world = Arc::new(prepared(kind).await);
            let starting = tokio::spawn({
                let world = Arc::clone(&world);
                async move { world.start("machine", "one", json!({})).await.is_ok() }
            });
            for _ in 0..pause {
                tokio::task::yield_now().await;
            }
            delete(&world, "machine").await;
            match starting.await.unwrap() {
                true => started += 1,
                false => refused += 1,
            }
            seconds(30).await;
            assert_eq!(running(&world).await, 0, "{kind:?} after {pause}");
            assert_eq!(world.engine.load().executions_running, 0);
            world.create("machine", &waits(), "worker", kind).await;
        }
    }
    assert!(started > 0 && refused > 0, "{started} and {refused}");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_decided_before_a_deletion_is_refused_after_it() {
    let world = Arc::new(prepared(MachineType::Standard).await);
    let slow = ("StartExecution", Duration::from_secs(1));
    *world.script.slow.lock().unwrap() = Some(slow);
    let starting = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.start("machine", "one", json!({})).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    delete(&world, "machine").await;
    let refused = starting.await.unwrap().unwrap_err();
    assert!(refused.to_string().contains("does not exist"), "{refused}");
    *world.script.slow.lock().unwrap() = None;
    world
        .create("machine", &waits(), "worker", MachineType::Standard)
        .await;
    started(&world, "one").await;
    assert_eq!(running(&world).await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_cannot_be_restored_keeps_no_deletion_from_its_end() {
    let world = prepared(MachineType::Standard).await;
    let mut all = Vec::new();
    for name in ["one", "two", "three"] {
        all.push(started(&world, name).await);
    }
    seconds(5).await;
    let lost = all.remove(1);
    world.script.damaged.lock().unwrap().insert(lost.clone());
    delete(&world, "machine").await;
    seconds(30).await;
    for id in &all {
        assert_eq!(status(&world, id).await, Status::Aborted);
    }
    assert_eq!(status(&world, &lost).await, Status::Running);
    assert_eq!(world.engine.stranded().len(), 1);
    world
        .create("machine", &waits(), "worker", MachineType::Standard)
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_deletion_goes_on_once_the_store_does() {
    let world = prepared(MachineType::Standard).await;
    let (one, two) = (started(&world, "one").await, started(&world, "two").await);
    seconds(5).await;
    world.script.unread.lock().unwrap().insert(one.clone(), 3);
    delete(&world, "machine").await;
    *world.script.refused.lock().unwrap() = Refused::Telling("DeleteStateMachine");
    seconds(60).await;
    for id in [&one, &two] {
        assert_eq!(status(&world, id).await, Status::Aborted);
    }
    assert_eq!(told(&world).await, 1);
    *world.script.refused.lock().unwrap() = Refused::Nothing;
    seconds(10).await;
    assert_eq!(told(&world).await, 2);
    world
        .create("machine", &waits(), "worker", MachineType::Standard)
        .await;
}
