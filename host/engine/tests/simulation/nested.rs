//! Executions that executions start.

use std::time::Duration;

use asl::{ExecutionId, Status};
use auth::policy::{ReadExecution, Resource, SendTaskSuccess, StopExecution};
use ports::{Description, ExecutionFilter};
use serde_json::{Value, json};
use store::Fault;

use crate::callbacks::task;
use crate::world::{World, name};

const CHILD: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:child";

pub(crate) fn start(pattern: &str) -> Value {
    let resource = format!("arn:aws:states:::states:startExecution{pattern}");
    task(
        &resource,
        json!({"StateMachineArn": CHILD, "Input.$": "$.given"}),
    )
}

pub(crate) fn pausing() -> Value {
    json!({"StartAt": "Pause", "States": {
        "Pause": {"Type": "Wait", "Seconds": 30, "Next": "Done"},
        "Done": {"Type": "Pass", "Result": {"a": 1}, "End": true},
    }})
}

pub(crate) fn failing() -> Value {
    json!({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Broken", "Cause": "by hand"}}})
}

pub(crate) async fn prepared(parent: &Value, child: &Value) -> World {
    let world = World::new().await;
    world.role("worker", json!({})).await;
    world.publish("machine", parent, "worker").await.unwrap();
    world.publish("child", child, "worker").await.unwrap();
    world
}

pub(crate) async fn started(world: &World) -> ExecutionId {
    let input = json!({"given": {"order": 7}});
    let started = world.start("machine", "one", input).await.unwrap();
    started.into_inner().id
}

pub(crate) async fn ended(world: &World, id: &ExecutionId) -> Description {
    world.settle(id).await;
    world.description(id).await.unwrap()
}

/// Every execution of the other state machine.
pub(crate) async fn children(world: &World) -> Vec<Description> {
    let permit = world.permit::<ReadExecution>("operators", Resource::host());
    let filter = ExecutionFilter {
        machine_arn: Some(CHILD.to_owned()),
        ..ExecutionFilter::default()
    };
    let page = world.engine.executions(permit, filter, None, 100).await;
    page.unwrap().items
}

#[tokio::test(start_paused = true)]
async fn a_start_answers_with_the_other_executions_arn() {
    let world = prepared(&start(""), &pausing()).await;
    let id = started(&world).await;
    let description = ended(&world, &id).await;
    let output = description.output.unwrap();
    let child = children(&world).await.pop().unwrap();
    assert_eq!(output["ExecutionArn"], json!(child.start.header.arn));
    assert_eq!(output["SdkHttpMetadata"]["HttpStatusCode"], 200);
    assert_eq!(child.summary.status, Status::Running);
    let child = world.description(&child.start.header.id).await.unwrap();
    assert_eq!(child.input.as_deref(), Some(&json!({"order": 7})));
}

#[tokio::test(start_paused = true)]
async fn a_synchronous_start_waits_for_the_end() {
    for (pattern, input, output) in [
        (".sync", json!(r#"{"order":7}"#), json!(r#"{"a":1}"#)),
        (".sync:2", json!({"order": 7}), json!({"a": 1})),
    ] {
        let world = prepared(&start(pattern), &pausing()).await;
        let id = started(&world).await;
        let description = ended(&world, &id).await;
        let told = description.output.unwrap();
        assert_eq!(told["Status"], "SUCCEEDED");
        assert_eq!((&told["Input"], &told["Output"]), (&input, &output));
        let history = world.history(&id).await;
        let middle: Vec<_> = history.iter().skip(2).take(4).collect();
        assert_eq!(
            middle,
            [
                "TaskScheduled",
                "TaskStarted",
                "TaskSubmitted",
                "TaskSucceeded"
            ]
        );
        let records = world.audit().await;
        let started: Vec<_> = records
            .iter()
            .filter(|record| record["action"] == "StartExecution")
            .map(|record| record["through"].as_str().unwrap())
            .collect();
        assert_eq!(started, ["http", "engine"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_other_executions_failure_is_the_tasks() {
    let world = prepared(&start(".sync"), &failing()).await;
    let id = started(&world).await;
    let summary = ended(&world, &id).await.summary;
    assert_eq!(summary.error.as_deref(), Some("States.TaskFailed"));
    let cause: Value = serde_json::from_str(&summary.cause.unwrap()).unwrap();
    assert_eq!(cause["Status"], "FAILED");
    assert_eq!(
        (&cause["Error"], &cause["Cause"]),
        (&json!("Broken"), &json!("by hand"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_state_machine_that_does_not_exist_fails_the_task() {
    let arn = format!("{CHILD}-absent");
    for (resource, error) in [
        (
            "arn:aws:states:::states:startExecution",
            "StepFunctions.StateMachineDoesNotExistException",
        ),
        (
            "arn:aws:states:::aws-sdk:sfn:startExecution",
            "Sfn.StateMachineDoesNotExistException",
        ),
    ] {
        let parent = task(resource, json!({"StateMachineArn": arn}));
        let world = prepared(&parent, &failing()).await;
        let id = started(&world).await;
        let summary = ended(&world, &id).await.summary;
        assert_eq!(summary.error.as_deref(), Some(error));
        let history = world.history(&id).await;
        let middle: Vec<_> = history.iter().skip(2).take(3).collect();
        assert_eq!(middle, ["TaskScheduled", "TaskStarted", "TaskFailed"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_commit_starts_the_other_execution_once() {
    let mut named = start(".sync:2");
    named["States"]["Only"]["Parameters"]["Name"] = json!("fixed");
    let quick = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}});
    for (parent, child) in [(start(".sync:2"), pausing()), (named, quick)] {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            for commit in 2..=6 {
                check_crash(&parent, &child, (fault, commit)).await;
            }
        }
    }
}

async fn check_crash(parent: &Value, child: &Value, (fault, commit): (Fault, u64)) {
    let world = prepared(parent, child).await;
    let before = world.store.commits();
    world.store.fault_at(before + commit, fault);
    let id = started(&world).await;
    tokio::time::sleep(Duration::from_secs(40)).await;
    let world = world.next_host().await;
    let description = ended(&world, &id).await;
    let summary = &description.summary;
    assert_eq!(
        summary.status,
        Status::Succeeded,
        "{fault:?} at {commit}: {summary:?}"
    );
    assert_eq!(children(&world).await.len(), 1, "{fault:?} at {commit}");
    assert_eq!(world.history(&id).await.len(), 8, "{fault:?} at {commit}");
}

pub(crate) async fn stop(world: &World, id: &ExecutionId) {
    let resource = Resource::execution(&name("machine"), id.as_str());
    let permit = world.permit::<StopExecution>("operators", resource);
    world.engine.stop(permit, id, None, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn stopping_stops_what_is_waited_for_and_nothing_else() {
    for (pattern, expected) in [(".sync", Status::Aborted), ("", Status::Succeeded)] {
        let mut parent = start(pattern);
        parent["States"]["Only"]["End"] = Value::Null;
        parent["States"]["Only"] = json!({
            "Type": "Task", "Next": "Pause",
            "Resource": parent["States"]["Only"]["Resource"],
            "Parameters": parent["States"]["Only"]["Parameters"],
        });
        parent["States"]["Pause"] = json!({"Type": "Wait", "Seconds": 600, "End": true});
        let world = prepared(&parent, &pausing()).await;
        let id = started(&world).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        stop(&world, &id).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let child = children(&world).await.pop().unwrap();
        assert_eq!(child.summary.status, expected, "{pattern}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_waited_for_ends_with_its_task_even_through_a_crash() {
    let world = prepared(&start(".sync"), &pausing()).await;
    let id = started(&world).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let at = world.store.commits() + 1;
    world.store.fault_at(at, Fault::CrashAfter);
    let resource = Resource::execution(&name("machine"), id.as_str());
    let permit = world.permit::<StopExecution>("operators", resource);
    assert!(world.engine.stop(permit, &id, None, None).await.is_err());
    let world = world.next_host().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let summary = world.description(&id).await.unwrap().summary;
    assert_eq!(summary.status, Status::Aborted);
    let child = children(&world).await.pop().unwrap();
    assert_eq!(child.summary.status, Status::Aborted);
}

#[tokio::test(start_paused = true)]
async fn a_start_takes_the_rights_of_the_executions_caller() {
    let world = prepared(&start(".sync"), &failing()).await;
    world.role("forbidden", json!({})).await;
    world
        .publish("child", &failing(), "forbidden")
        .await
        .unwrap();
    let policy = r#"
        @id("all") permit (principal, action, resource);
        @id("not-this-role") forbid (principal, action == Action::"StartExecution", resource == StateMachine::"child");
    "#;
    let world = world.under(policy).await;
    let id = started(&world).await;
    let summary = ended(&world, &id).await.summary;
    assert_eq!(summary.error.as_deref(), Some("Sluice.AccessDenied"));
    assert!(summary.cause.unwrap().contains("not-this-role"));
    assert!(children(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_name_is_used_once() {
    let mut parent = start("");
    parent["States"]["Only"]["Parameters"]["Name"] = json!("fixed");
    let world = prepared(&parent, &failing()).await;
    let id = started(&world).await;
    assert_eq!(ended(&world, &id).await.summary.status, Status::Succeeded);
    let input = json!({"given": {"order": 8}});
    let second = world.start("machine", "two", input).await.unwrap();
    let summary = ended(&world, &second.into_inner().id).await.summary;
    assert_eq!(
        summary.error.as_deref(),
        Some("StepFunctions.ExecutionAlreadyExistsException")
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_that_times_out_ends_what_it_waited_for() {
    let mut parent = start(".sync");
    parent["States"]["Only"]["TimeoutSeconds"] = json!(10);
    let world = prepared(&parent, &pausing()).await;
    let id = started(&world).await;
    let summary = ended(&world, &id).await.summary;
    assert_eq!(summary.error.as_deref(), Some("States.Timeout"));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let child = children(&world).await.pop().unwrap();
    assert_eq!(child.summary.status, Status::Aborted);
}

#[tokio::test(start_paused = true)]
async fn the_other_execution_may_hand_the_token_on() {
    let mut parent = start(".waitForTaskToken");
    parent["States"]["Only"]["Parameters"] =
        json!({"StateMachineArn": CHILD, "Input": {"token.$": "$$.Task.Token"}});
    let world = prepared(&parent, &pausing()).await;
    let id = started(&world).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let child = children(&world).await.pop().unwrap().start.header.id;
    let child = world.description(&child).await.unwrap();
    assert_eq!(child.summary.status, Status::Succeeded);
    let summary = world.description(&id).await.unwrap().summary;
    assert_eq!(summary.status, Status::Running);
    let token = child.input.unwrap()["token"].as_str().unwrap().to_owned();
    let task = world.engine.waiting_task(&token).await.unwrap();
    let permit = world.permit::<SendTaskSuccess>("operators", task.resource());
    let answered = world.engine.send_task_success(permit, task, json!(9));
    answered.await.unwrap();
    let description = ended(&world, &id).await;
    assert_eq!(description.output.as_deref(), Some(&json!(9)));
}
