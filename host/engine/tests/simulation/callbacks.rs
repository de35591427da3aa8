//! Functions by the service's integration, and Tasks that wait for somebody who has their token.

use std::time::Duration;

use asl::{ExecutionId, Status};
use auth::policy::{Action, Permit, SendTaskFailure, SendTaskHeartbeat, SendTaskSuccess};
use engine::{TaskError, WaitingTask};
use serde_json::{Value, json};
use store::Fault;

use crate::world::{World, caller};

const IDEMPOTENT: &str = "idempotent = true";

pub(crate) fn task(resource: &str, parameters: Value) -> Value {
    json!({"StartAt": "Only", "States": {"Only": {
        "Type": "Task", "Resource": resource, "Parameters": parameters, "End": true,
    }}})
}

fn waiting() -> Value {
    let mut machine = task(
        "arn:aws:states:::lambda:invoke.waitForTaskToken",
        json!({"FunctionName": "first", "Payload": {"token.$": "$$.Task.Token"}}),
    );
    machine["States"]["Only"]["HeartbeatSeconds"] = json!(60);
    machine["States"]["Only"]["TimeoutSeconds"] = json!(600);
    machine
}

async fn prepared(definition: &Value) -> World {
    let world = World::new().await;
    world.role("worker", json!({})).await;
    world.component("first", IDEMPOTENT, "worker").await;
    world
        .publish("machine", definition, "worker")
        .await
        .unwrap();
    world
}

async fn started(world: &World, input: Value) -> ExecutionId {
    let started = world.start("machine", "one", input).await.unwrap();
    started.into_inner().id
}

/// The token that the component was given, once it has run.
async fn token(world: &World) -> String {
    tokio::time::sleep(Duration::from_secs(5)).await;
    let input = world.script.inputs.lock().unwrap().last().cloned().unwrap();
    let input: Value = serde_json::from_str(&input).unwrap();
    input["token"].as_str().unwrap().to_owned()
}

async fn asked<A: Action>(world: &World, token: &str) -> (Permit<A>, WaitingTask) {
    let task = world.engine.waiting_task(token).await.unwrap();
    (world.permit("operators", task.resource()), task)
}

async fn succeed(world: &World, token: &str, output: Value) -> Result<(), TaskError> {
    let (permit, task) = asked::<SendTaskSuccess>(world, token).await;
    world.engine.send_task_success(permit, task, output).await
}

async fn outcome(world: &World, id: &ExecutionId) -> (Status, Option<String>, Option<Value>) {
    world.settle(id).await;
    let description = world.description(id).await.unwrap();
    let output = description.output.as_deref().cloned();
    (
        description.summary.status,
        description.summary.error,
        output,
    )
}

#[tokio::test(start_paused = true)]
async fn a_function_is_the_component_of_its_name() {
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:first:7";
    let world = prepared(&task(arn, json!({"a": 1}))).await;
    let id = started(&world, json!({})).await;
    let (_, _, output) = outcome(&world, &id).await;
    assert_eq!(output, Some(json!({"by": "first"})));
    assert_eq!(*world.script.inputs.lock().unwrap(), [r#"{"a":1}"#]);
}

#[tokio::test(start_paused = true)]
async fn an_invoked_function_gets_its_payload_and_its_result_is_wrapped() {
    let invoke = "arn:aws:states:::lambda:invoke";
    let parameters = json!({"FunctionName.$": "$.name", "Payload.$": "$.payload"});
    let partial = "000000000000:function:first:$LATEST";
    for (name, payload, given) in [
        ("first", json!({"a": 1}), r#"{"a":1}"#),
        (partial, json!("\"text\""), r#""text""#),
        ("first", Value::Null, "{}"),
    ] {
        let world = prepared(&task(invoke, parameters.clone())).await;
        let id = started(&world, json!({"name": name, "payload": payload})).await;
        let (_, _, output) = outcome(&world, &id).await;
        let output = output.unwrap();
        assert_eq!(output["Payload"], json!({"by": "first"}));
        assert_eq!(output["ExecutedVersion"], "$LATEST");
        assert_eq!(output["StatusCode"], 200);
        assert_eq!(output["SdkHttpMetadata"]["HttpStatusCode"], 200);
        assert_eq!(*world.script.inputs.lock().unwrap(), [given]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_does_not_exist_fails_as_on_the_service() {
    let invoke = "arn:aws:states:::lambda:invoke";
    let world = prepared(&task(invoke, json!({"FunctionName.$": "$.name"}))).await;
    let id = started(&world, json!({"name": "absent"})).await;
    let (status, error, _) = outcome(&world, &id).await;
    assert_eq!(status, Status::Failed);
    assert_eq!(error.as_deref(), Some("Lambda.ResourceNotFoundException"));
    let cause = world.description(&id).await.unwrap().summary.cause.unwrap();
    assert!(
        cause.starts_with(
            "Function not found: arn:aws:lambda:us-east-1:000000000000:function:absent:$LATEST (Service: AWSLambda; Status Code: 404;"
        ),
        "{cause}"
    );
    assert!(world.history(&id).await.contains(&"TaskStarted".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_function_named_by_data_needs_its_review_all_the_same() {
    let invoke = "arn:aws:states:::lambda:invoke";
    let world = prepared(&task(invoke, json!({"FunctionName.$": "$.name"}))).await;
    world.role("other", json!({})).await;
    world.component("unreviewed", "", "other").await;
    let id = started(&world, json!({"name": "unreviewed"})).await;
    let (_, error, _) = outcome(&world, &id).await;
    assert_eq!(error.as_deref(), Some("Sluice.AccessDenied"));
    assert!(world.script.runs.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_has_the_token_ends_the_task_once() {
    let world = prepared(&waiting()).await;
    let id = started(&world, json!({})).await;
    let token = token(&world).await;
    let (permit, task) = asked::<SendTaskHeartbeat>(&world, &token).await;
    world
        .engine
        .send_task_heartbeat(permit, task)
        .await
        .unwrap();
    succeed(&world, &token, json!({"done": true}))
        .await
        .unwrap();
    let (_, _, output) = outcome(&world, &id).await;
    assert_eq!(output, Some(json!({"done": true})));
    let again = succeed(&world, &token, json!({})).await;
    assert!(matches!(again, Err(TaskError::TimedOut)), "{again:?}");
    let history = world.history(&id).await;
    let types: Vec<_> = history.iter().map(String::as_str).collect();
    assert_eq!(
        types,
        [
            "ExecutionStarted",
            "TaskStateEntered",
            "TaskScheduled",
            "TaskStarted",
            "TaskSubmitted",
            "TaskSucceeded",
            "TaskStateExited",
            "ExecutionSucceeded"
        ]
    );
    let records = world.audit().await;
    let answered = records
        .iter()
        .find(|record| record["action"] == "SendTaskSuccess")
        .unwrap();
    assert_eq!(
        answered["decision"]["rules"],
        json!(["development.operators"])
    );
    assert_eq!(answered["state"], "Only");
    let log = json!(records).to_string();
    let secret = token.rsplit('.').next().unwrap();
    assert!(!log.contains(secret), "the audit log holds a token");
}

#[tokio::test(start_paused = true)]
async fn a_failure_by_token_fails_the_task() {
    let world = prepared(&waiting()).await;
    let id = started(&world, json!({})).await;
    let token = token(&world).await;
    let (permit, task) = asked::<SendTaskFailure>(&world, &token).await;
    let (error, cause) = (Some("Refused".to_owned()), Some("not today".to_owned()));
    world
        .engine
        .send_task_failure(permit, task, error, cause)
        .await
        .unwrap();
    let (status, error, _) = outcome(&world, &id).await;
    assert_eq!(
        (status, error.as_deref()),
        (Status::Failed, Some("Refused"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_not_given_out_answers_nothing() {
    let world = prepared(&waiting()).await;
    started(&world, json!({})).await;
    let token = token(&world).await;
    let (rest, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{rest}.{}", "0".repeat(32));
    let answered = succeed(&world, &forged, json!({})).await;
    assert!(matches!(answered, Err(TaskError::InvalidToken)));
    for text in ["", "x", "unknown.1.00000000000000000000000000000000"] {
        let found = world.engine.waiting_task(text).await;
        assert!(matches!(found, Err(TaskError::InvalidToken)), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_permit_for_one_execution_answers_no_other() {
    let world = prepared(&waiting()).await;
    started(&world, json!({})).await;
    let token = token(&world).await;
    let policies = world.engine.policies();
    let task = world.engine.waiting_task(&token).await.unwrap();
    let denied = policies.permits::<SendTaskSuccess>(&caller("authors"), &task.resource());
    assert!(denied.is_err());
    let other = auth::policy::Resource::execution(&crate::world::name("machine"), "other");
    let permit = world.permit::<SendTaskSuccess>("operators", other);
    let answered = world
        .engine
        .send_task_success(permit, task, json!({}))
        .await;
    assert!(matches!(answered, Err(TaskError::InvalidToken)));
}

#[tokio::test(start_paused = true)]
async fn a_token_outlives_the_host() {
    for is_crash in [true, false] {
        let world = prepared(&waiting()).await;
        let id = started(&world, json!({})).await;
        let token = token(&world).await;
        let world = match is_crash {
            true => world.next_host().await,
            false => world.drained().await,
        };
        succeed(&world, &token, json!(7)).await.unwrap();
        let (_, _, output) = outcome(&world, &id).await;
        assert_eq!(output, Some(json!(7)));
        assert_eq!(world.script.runs.lock().unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_acknowledged_only_if_it_is_durable() {
    for (fault, is_kept) in [(Fault::CrashBefore, false), (Fault::CrashAfter, true)] {
        let world = prepared(&waiting()).await;
        let id = started(&world, json!({})).await;
        let token = token(&world).await;
        world.store.fault_at(world.store.commits() + 1, fault);
        assert!(succeed(&world, &token, json!(1)).await.is_err());
        let world = world.next_host().await;
        let again = succeed(&world, &token, json!(2)).await;
        assert_eq!(again.is_err(), is_kept, "{fault:?}");
        let (_, _, output) = outcome(&world, &id).await;
        assert_eq!(output, Some(json!(if is_kept { 1 } else { 2 })));
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_sign_of_life_the_task_times_out() {
    let world = prepared(&waiting()).await;
    let id = started(&world, json!({})).await;
    let token = token(&world).await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(50)).await;
        let (permit, task) = asked::<SendTaskHeartbeat>(&world, &token).await;
        world
            .engine
            .send_task_heartbeat(permit, task)
            .await
            .unwrap();
    }
    let (status, error, _) = outcome(&world, &id).await;
    assert_eq!(
        (status, error.as_deref()),
        (Status::Failed, Some("States.Timeout"))
    );
    let late = succeed(&world, &token, json!({})).await;
    assert!(matches!(late, Err(TaskError::TimedOut)));
}

#[tokio::test(start_paused = true)]
async fn a_failing_component_fails_the_task_that_would_wait() {
    let world = prepared(&waiting()).await;
    world
        .script
        .failures
        .lock()
        .unwrap()
        .insert("first".to_owned(), 1);
    let id = started(&world, json!({})).await;
    let (_, error, _) = outcome(&world, &id).await;
    assert_eq!(error.as_deref(), Some("Flaky"));
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_commit_of_a_callback_runs_the_component_and_waits() {
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        for commit in 2..=3 {
            let world = prepared(&waiting()).await;
            let at = world.store.commits() + commit;
            let id = started(&world, json!({})).await;
            world.store.fault_at(at, fault);
            tokio::time::sleep(Duration::from_secs(5)).await;
            let world = world.next_host().await;
            let token = token(&world).await;
            succeed(&world, &token, json!("done")).await.unwrap();
            let (_, _, output) = outcome(&world, &id).await;
            assert_eq!(output, Some(json!("done")), "{fault:?} at {commit}");
            let history = world.history(&id).await;
            assert_eq!(history.len(), 8, "{history:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_come_before_the_component_has_returned() {
    let world = prepared(&waiting()).await;
    let id = started(&world, json!({})).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let input = world.script.inputs.lock().unwrap().last().cloned().unwrap();
    let input: Value = serde_json::from_str(&input).unwrap();
    let token = input["token"].as_str().unwrap();
    succeed(&world, token, json!("early")).await.unwrap();
    let (_, _, output) = outcome(&world, &id).await;
    assert_eq!(output, Some(json!("early")));
    let history = world.history(&id).await;
    assert!(
        !history.contains(&"TaskSubmitted".to_owned()),
        "{history:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_without_words_is_told_without_them() {
    let world = prepared(&waiting()).await;
    let id = started(&world, json!({})).await;
    let token = token(&world).await;
    let (permit, task) = asked::<SendTaskFailure>(&world, &token).await;
    let failed = world.engine.send_task_failure(permit, task, None, None);
    failed.await.unwrap();
    let (status, error, _) = outcome(&world, &id).await;
    assert_eq!((status, error), (Status::Failed, None));
}
