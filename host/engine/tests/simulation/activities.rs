//! Workers that take an activity's tasks.

use std::time::Duration;

use asl::{ExecutionId, Status};
use auth::names::ServiceName;
use auth::policy::{GetActivityTask, Resource, SendTaskSuccess, StopExecution, WriteActivity};
use engine::{ActivityTask, Error, Tags, TaskError};
use serde_json::{Value, json};
use store::Fault;

use crate::world::{World, caller, name};

fn work() -> ServiceName {
    ServiceName::parse("work").unwrap()
}

fn definition() -> Value {
    json!({"StartAt": "Only", "States": {"Only": {
        "Type": "Task", "End": true, "TimeoutSeconds": 600,
        "Resource": "arn:aws:states:us-east-1:000000000000:activity:work",
    }}})
}

async fn prepared() -> World {
    let world = World::new().await;
    world.role("worker", json!({})).await;
    let permit = world.permit::<WriteActivity>("operators", Resource::activity(&work()));
    let made = world
        .engine
        .create_activity(permit, work(), Tags::default(), Value::Null);
    made.await.unwrap();
    world
        .publish("machine", &definition(), "worker")
        .await
        .unwrap();
    world
}

async fn delete(world: &World) {
    let permit = world.permit::<WriteActivity>("operators", Resource::activity(&work()));
    world.engine.delete_activity(permit, work()).await.unwrap();
}

async fn started(world: &World, execution: &str, input: Value) -> ExecutionId {
    let started = world.start("machine", execution, input).await.unwrap();
    started.into_inner().id
}

async fn poll(world: &World, worker: &str) -> Result<Option<ActivityTask>, TaskError> {
    let permit = world.permit::<GetActivityTask>("operators", Resource::activity(&work()));
    let worker = Some(worker.to_owned());
    world.engine.activity_task(permit, work(), worker).await
}

async fn succeed(world: &World, token: &str, output: Value) -> Result<(), TaskError> {
    let task = world.engine.waiting_task(token).await.unwrap();
    let permit = world.permit::<SendTaskSuccess>("operators", task.resource());
    world.engine.send_task_success(permit, task, output).await
}

#[tokio::test(start_paused = true)]
async fn a_worker_takes_a_task_and_answers_it() {
    let world = prepared().await;
    let id = started(&world, "one", json!({"order": 7})).await;
    let task = poll(&world, "w1").await.unwrap().unwrap();
    assert_eq!(task.input, r#"{"order":7}"#);
    succeed(&world, &task.token, json!("done")).await.unwrap();
    world.settle(&id).await;
    let description = world.description(&id).await.unwrap();
    assert_eq!(description.output.as_deref(), Some(&json!("done")));
    let history = world.history(&id).await;
    let middle: Vec<_> = history.iter().skip(2).take(3).collect();
    assert_eq!(
        middle,
        ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]
    );
    let records = world.audit().await;
    let taken = records
        .iter()
        .find(|record| record["action"] == "GetActivityTask")
        .unwrap();
    assert_eq!(taken["resource"], "activity/work");
    assert_eq!(taken["execution"], json!(id));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_waits_gets_nothing_after_a_minute() {
    let world = prepared().await;
    let began = tokio::time::Instant::now();
    assert_eq!(poll(&world, "w1").await.unwrap(), None);
    assert_eq!(began.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn only_those_whom_policy_permits_take_tasks_and_only_of_activities_that_exist() {
    let world = prepared().await;
    let resource = Resource::activity(&work());
    let policies = world.engine.policies();
    let denied = policies.permits::<GetActivityTask>(&caller("authors"), &resource);
    assert!(denied.is_err());
    delete(&world).await;
    let polled = poll(&world, "w1").await;
    assert!(matches!(polled, Err(TaskError::Engine(Error::NotFound(_)))));
}

#[tokio::test(start_paused = true)]
async fn tasks_are_handed_out_in_order_and_each_once() {
    let world = prepared().await;
    for (execution, input) in [("one", 1), ("two", 2)] {
        started(&world, execution, json!(input)).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let first = poll(&world, "w1").await.unwrap().unwrap();
    let second = poll(&world, "w1").await.unwrap().unwrap();
    assert_eq!((first.input.as_str(), second.input.as_str()), ("1", "2"));
    assert_eq!(poll(&world, "w1").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_goes_away_while_it_waits_takes_no_task_with_it() {
    let world = prepared().await;
    let gone = tokio::time::timeout(Duration::from_secs(1), poll(&world, "gone")).await;
    assert!(gone.is_err());
    started(&world, "one", json!({})).await;
    assert!(poll(&world, "w1").await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_nobody_takes_times_out_and_is_offered_no_more() {
    let world = prepared().await;
    let id = started(&world, "one", json!({})).await;
    world.settle(&id).await;
    let summary = world.description(&id).await.unwrap().summary;
    assert_eq!(summary.error.as_deref(), Some("States.Timeout"));
    assert_eq!(poll(&world, "w1").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_task_waits_through_a_crash_and_one_that_was_taken_is_not_offered_again() {
    let world = prepared().await;
    let id = started(&world, "one", json!({})).await;
    let world = world.next_host().await;
    let task = poll(&world, "w1").await.unwrap().unwrap();
    let world = world.next_host().await;
    assert_eq!(poll(&world, "w2").await.unwrap(), None);
    succeed(&world, &task.token, json!(1)).await.unwrap();
    world.settle(&id).await;
    let summary = world.description(&id).await.unwrap().summary;
    assert_eq!(summary.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_task_is_handed_out_only_once_that_is_durable() {
    for (fault, is_taken) in [(Fault::CrashBefore, false), (Fault::CrashAfter, true)] {
        let world = prepared().await;
        started(&world, "one", json!({})).await;
        world.store.fault_at(world.store.commits() + 1, fault);
        let polled = poll(&world, "w1").await;
        assert!(!matches!(polled, Ok(Some(_))), "{polled:?}");
        let world = world.next_host().await;
        let polled = poll(&world, "w1").await.unwrap();
        assert_eq!(polled.is_none(), is_taken, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_of_an_activity_that_does_not_exist_is_never_scheduled() {
    let world = prepared().await;
    delete(&world).await;
    let id = started(&world, "one", json!({})).await;
    world.settle(&id).await;
    let summary = world.description(&id).await.unwrap().summary;
    assert_eq!(summary.error.as_deref(), Some("States.Runtime"));
    assert_eq!(
        summary.cause.as_deref(),
        Some(
            "An error occurred while executing the state 'Only' (entered at the event id #2). The activity arn:aws:states:us-east-1:000000000000:activity:work does not exist."
        )
    );
    assert_eq!(
        world.history(&id).await,
        ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stopped_executions_task_is_withdrawn() {
    let world = prepared().await;
    let id = started(&world, "one", json!({})).await;
    let resource = Resource::execution(&name("machine"), id.as_str());
    let permit = world.permit::<StopExecution>("operators", resource);
    world.engine.stop(permit, &id, None, None).await.unwrap();
    assert_eq!(poll(&world, "w1").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_task_of_a_caller_who_lost_the_right_is_not_handed_out() {
    let world = prepared().await;
    let id = started(&world, "one", json!({})).await;
    let policy = r#"
        @id("all") permit (principal, action, resource);
        @id("no-more") forbid (principal, action == Action::"StartExecution", resource);
    "#;
    let world = world.under(policy).await;
    assert_eq!(poll(&world, "w1").await.unwrap(), None);
    world.settle(&id).await;
    let summary = world.description(&id).await.unwrap().summary;
    assert_eq!(summary.error.as_deref(), Some("Sluice.AccessDenied"));
    assert!(summary.cause.unwrap().contains("no-more"));
}
