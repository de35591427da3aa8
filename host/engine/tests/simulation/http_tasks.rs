//! Requests that Tasks make themselves.

use std::time::Duration;

use asl::{ExecutionId, Status};
use auth::policy::{Resource, StopExecution};
use engine::Error;
use ports::{Description, EgressError};
use serde_json::{Value, json};

use crate::callbacks::task;
use crate::egress::response;
use crate::world::{World, name};

const HTTP: &str = "arn:aws:states:::http:invoke";

fn grants() -> Value {
    json!({"http": [{
        "origins": ["https://orders.example"], "methods": ["GET", "POST"], "paths": ["/v1/*"],
    }]})
}

/// A definition that tells nothing about the request before its data do.
fn dynamic() -> Value {
    task(
        HTTP,
        json!({"ApiEndpoint.$": "$.address", "Method.$": "$.method", "RequestBody.$": "$.body"}),
    )
}

async fn prepared(definition: &Value) -> World {
    let world = World::new().await;
    world.role("worker", grants()).await;
    let published = world.publish("machine", definition, "worker").await;
    published.unwrap();
    world
}

async fn started(world: &World, [method, address]: [&str; 2]) -> ExecutionId {
    let input = json!({"method": method, "address": address, "body": {"a": 1}});
    let started = world.start("machine", "one", input).await.unwrap();
    started.into_inner().id
}

async fn ended(world: &World, id: &ExecutionId) -> Description {
    world.settle(id).await;
    world.description(id).await.unwrap()
}

fn asked(world: &World) -> Vec<String> {
    world.script.egress.asked.lock().unwrap().clone()
}

/// The audit records of one action, in order.
async fn told(world: &World, action: &str) -> Vec<Value> {
    let records = world.audit().await.into_iter();
    records
        .filter(|record| record["action"] == action)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_granted_request_is_made_and_answered() {
    let world = prepared(&dynamic()).await;
    let id = started(
        &world,
        ["POST", "https://orders.example/v1/orders?q=secret"],
    )
    .await;
    let description = ended(&world, &id).await;
    let output = description.output.unwrap();
    assert_eq!(output["StatusCode"], 200);
    assert_eq!(output["ResponseBody"], json!({"ok": true}));
    assert_eq!(
        asked(&world),
        [r#"POST https://orders.example/v1/orders?q=secret {"a":1}"#]
    );
    let history = world.history(&id).await;
    let middle: Vec<_> = history.iter().skip(2).take(3).collect();
    assert_eq!(middle, ["TaskScheduled", "TaskStarted", "TaskSucceeded"]);
}

#[tokio::test(start_paused = true)]
async fn intent_and_outcome_are_on_record() {
    let world = prepared(&dynamic()).await;
    let id = started(
        &world,
        ["POST", "https://orders.example/v1/orders?q=secret"],
    )
    .await;
    ended(&world, &id).await;
    let intent = told(&world, "StartAttempt").await.pop().unwrap();
    let expected = json!({
        "method": "POST", "address": "https://orders.example/v1/orders",
        "role": "worker", "roleRevision": 1,
    });
    assert_eq!(intent["request"], expected);
    assert_eq!(intent["decision"]["rules"][0], "role/worker@1 http/0");
    let outcome = told(&world, "TaskSucceeded").await.pop().unwrap();
    let (response, uses) = (&outcome["outcome"]["response"], &outcome["outcome"]["uses"]);
    assert_eq!(*response, json!({"status": 200, "bytes": 11}));
    assert_eq!(uses[0]["on"], "POST https://orders.example/v1/orders");
    let all = world.audit().await;
    assert!(!json!(all).to_string().contains("secret"));
    let of = |action| all.iter().position(|record| record["action"] == action);
    assert!(of("StartAttempt") < of("TaskSucceeded"));
}

#[tokio::test(start_paused = true)]
async fn what_the_role_does_not_grant_is_refused_at_the_attempt() {
    for (method, address, rule) in [
        ("DELETE", "https://orders.example/v1/orders", "http.method"),
        ("GET", "https://other.example/v1/orders", "http.origin"),
        ("GET", "http://orders.example/v1/orders", "http.origin"),
        ("GET", "https://orders.example/v2/orders", "http.path"),
        (
            "GET",
            "https://orders.example/v1/%2e%2e",
            "http.path-ambiguous",
        ),
    ] {
        let world = prepared(&dynamic()).await;
        let id = started(&world, [method, address]).await;
        let summary = ended(&world, &id).await.summary;
        assert_eq!(summary.error.as_deref(), Some("Sluice.AccessDenied"));
        let cause = summary.cause.unwrap();
        assert!(cause.contains(&format!("(rule `{rule}`)")), "{cause}");
        let record = told(&world, "StartAttempt").await.pop().unwrap();
        assert_eq!(record["decision"]["rule"], rule);
        assert_eq!(record["request"]["method"], method);
        assert!(asked(&world).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_that_was_narrowed_stops_an_execution_that_waits() {
    let mut definition = dynamic();
    definition["StartAt"] = json!("Pause");
    definition["States"]["Pause"] = json!({"Type": "Wait", "Seconds": 60, "Next": "Only"});
    let world = prepared(&definition).await;
    let id = started(&world, ["GET", "https://orders.example/v1/orders"]).await;
    world.role("worker", json!({})).await;
    let summary = ended(&world, &id).await.summary;
    assert_eq!(summary.error.as_deref(), Some("Sluice.AccessDenied"));
    assert!(summary.cause.unwrap().contains("http.not-granted"));
    assert!(asked(&world).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_address_is_on_record_before_the_task_fails() {
    let world = prepared(&dynamic()).await;
    let refused = EgressError::Refused {
        rule: "http.private-address".to_owned(),
        reason: "it is private".to_owned(),
    };
    let answers = &world.script.egress.answers;
    answers.lock().unwrap().push_back(Err(refused));
    let id = started(&world, ["GET", "https://orders.example/v1/orders"]).await;
    let summary = ended(&world, &id).await.summary;
    assert_eq!(summary.error.as_deref(), Some("Sluice.AccessDenied"));
    let record = told(&world, "UseCapability").await.pop().unwrap();
    assert_eq!(record["decision"]["rule"], "http.private-address");
    assert_eq!(record["resource"], "GET https://orders.example/v1/orders");
    let failed = told(&world, "TaskFailed").await.pop().unwrap();
    assert_eq!(failed["outcome"]["uses"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_failure_can_be_retried_and_caught_by_its_status() {
    let mut definition = dynamic();
    let state = &mut definition["States"]["Only"];
    state["Retry"] = json!([{"ErrorEquals": ["States.Http.StatusCode.503"], "MaxAttempts": 1}]);
    state["Catch"] = json!([{"ErrorEquals": ["States.Http.Socket"], "Next": "Caught"}]);
    definition["States"]["Caught"] = json!({"Type": "Pass", "End": true});
    let world = prepared(&definition).await;
    {
        let mut answers = world.script.egress.answers.lock().unwrap();
        answers.push_back(Ok(response(503, "busy")));
        answers.push_back(Err(EgressError::TimedOut { limit_ms: 30_000 }));
    }
    let id = started(&world, ["GET", "https://orders.example/v1/orders"]).await;
    let description = ended(&world, &id).await;
    assert_eq!(description.summary.status, Status::Succeeded);
    assert_eq!(description.output.unwrap()["Error"], "States.Http.Socket");
    assert_eq!(asked(&world).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_in_flight_at_a_crash_is_not_made_again() {
    let world = prepared(&dynamic()).await;
    let id = started(&world, ["POST", "https://orders.example/v1/orders"]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(asked(&world).len(), 1);
    let world = world.next_host().await;
    let summary = ended(&world, &id).await.summary;
    assert_eq!(summary.error.as_deref(), Some("Sluice.Interrupted"));
    assert_eq!(asked(&world).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_in_flight_at_a_drain_is_waited_for() {
    let world = prepared(&dynamic()).await;
    let id = started(&world, ["POST", "https://orders.example/v1/orders"]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let world = world.drained().await;
    let summary = ended(&world, &id).await.summary;
    assert_eq!(summary.status, Status::Succeeded);
    assert_eq!(asked(&world).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_or_timed_out_request_is_dropped_and_told_of() {
    for is_stopped in [true, false] {
        let mut definition = dynamic();
        if !is_stopped {
            definition["States"]["Only"]["TimeoutSeconds"] = json!(1);
        }
        let world = prepared(&definition).await;
        let slow = EgressError::TimedOut { limit_ms: 30_000 };
        let answers = &world.script.egress.answers;
        answers.lock().unwrap().push_back(Err(slow));
        let id = started(&world, ["POST", "https://orders.example/v1/orders"]).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        if is_stopped {
            let resource = Resource::execution(&name("machine"), id.as_str());
            let permit = world.permit::<StopExecution>("operators", resource);
            world.engine.stop(permit, &id, None, None).await.unwrap();
        }
        let status = ended(&world, &id).await.summary.status;
        match is_stopped {
            true => {
                assert_eq!(status, Status::Aborted);
                let record = told(&world, "AttemptCancelled").await.pop().unwrap();
                let uses = &record["outcome"]["uses"];
                assert_eq!(uses[0]["on"], "POST https://orders.example/v1/orders");
            }
            false => assert_eq!(status, Status::Failed),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_roles_concurrency_counts_requests() {
    let world = World::new().await;
    let mut narrow = grants();
    narrow["limits"] = json!({"concurrency": 1});
    world.role("worker", narrow).await;
    let other = json!({"StartAt": "Other", "States": {"Other": dynamic()["States"]["Only"]}});
    let definition = json!({"StartAt": "Both", "States": {"Both": {
        "Type": "Parallel", "Branches": [dynamic(), other], "End": true,
    }}});
    world
        .publish("machine", &definition, "worker")
        .await
        .unwrap();
    let id = started(&world, ["GET", "https://orders.example/v1/orders"]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(asked(&world).len(), 1);
    let summary = ended(&world, &id).await.summary;
    assert_eq!(summary.status, Status::Succeeded);
    assert_eq!(asked(&world).len(), 2);
}

/// The pointers of the problems that keep a definition from being published.
async fn problems(definition: &Value) -> Vec<(String, String)> {
    let world = World::new().await;
    world.role("worker", grants()).await;
    match world.publish("machine", definition, "worker").await {
        Ok(()) => Vec::new(),
        Err(Error::Refused(problems)) => problems
            .into_iter()
            .map(|problem| (problem.pointer, problem.message))
            .collect(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_definition_tells_is_held_against_the_role_at_publish() {
    let arguments = |method: &str, address: &str| json!({"ApiEndpoint": address, "Method": method});
    let granted = arguments("GET", "https://orders.example/v1/orders?q=1");
    assert_eq!(problems(&task(HTTP, granted)).await, []);
    for (method, address, member, rule) in [
        (
            "DELETE",
            "https://orders.example/v1/x",
            "Method",
            "http.method",
        ),
        (
            "GET",
            "https://other.example/v1/x",
            "ApiEndpoint",
            "http.origin",
        ),
        (
            "GET",
            "https://orders.example/v2/x",
            "ApiEndpoint",
            "http.path",
        ),
        (
            "GET",
            "https://orders.example/v1/..",
            "ApiEndpoint",
            "http.path-ambiguous",
        ),
        ("GET", "orders.example/v1/x", "ApiEndpoint", "write it as"),
    ] {
        let found = problems(&task(HTTP, arguments(method, address))).await;
        let [(pointer, message)] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(*pointer, format!("/States/Only/Parameters/{member}"));
        assert!(message.contains(rule), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn connections_and_headers_of_the_service_are_refused_at_publish() {
    let mut arguments = json!({
        "ApiEndpoint": "https://orders.example/v1/x", "Method": "GET",
        "Authentication": {"ConnectionArn.$": "$.connection"},
        "InvocationConfig": {"ConnectionArn": "arn"},
        "Headers": {"Authorization": "x", "Accept": "y"},
    });
    let found = problems(&task(HTTP, arguments.clone())).await;
    let pointers: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/States/Only/Parameters/Authentication",
            "/States/Only/Parameters/InvocationConfig",
            "/States/Only/Parameters/Headers",
        ]
    );
    assert!(found[0].1.contains("secrets"), "{found:?}");
    assert!(found[2].1.contains("[authorization]"), "{found:?}");
    for name in ["Authentication", "InvocationConfig", "Headers"] {
        arguments.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(problems(&task(HTTP, arguments)).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_only_the_data_tell_is_refused_at_the_attempt() {
    let mut definition = task(HTTP, json!({}));
    definition["States"]["Only"] = json!({
        "Type": "Task", "Resource": HTTP, "QueryLanguage": "JSONata",
        "Arguments": "{% $states.input %}", "End": true,
    });
    let world = prepared(&definition).await;
    let input = json!({
        "ApiEndpoint": "https://orders.example/v1/x", "Method": "GET",
        "Authentication": {"ConnectionArn": "arn"},
    });
    let id = world.start("machine", "one", input).await.unwrap();
    let summary = ended(&world, &id.into_inner().id).await.summary;
    assert_eq!(summary.error.as_deref(), Some("States.Runtime"));
    assert!(summary.cause.unwrap().contains("no connections"));
    assert!(asked(&world).is_empty());
}

#[tokio::test(start_paused = true)]
async fn other_patterns_and_a_missing_role_are_refused_at_publish() {
    for pattern in [".sync", ".waitForTaskToken"] {
        let found = problems(&task(&format!("{HTTP}{pattern}"), json!({}))).await;
        assert!(found[0].1.contains("is no integration"), "{found:?}");
    }
    let mut absent = dynamic();
    absent["States"]["Only"]["Credentials"] = json!({"RoleArn": "absent"});
    let found = problems(&absent).await;
    assert_eq!(found[0].0, "/States/Only/Credentials/RoleArn");
    assert!(found[0].1.contains("no role `absent`"), "{found:?}");
    let world = World::new().await;
    let machine = name("machine");
    let permit = world.permit("operators", Resource::state_machine(&machine));
    let refused = world
        .engine
        .publish(permit, machine, &dynamic(), None)
        .await;
    let Err(Error::Refused(problems)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(problems[0].pointer, "/States/Only/Credentials/RoleArn");
}
