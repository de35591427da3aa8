//! Express executions over the AWS wire: both forms, allowed and denied, killed and shut down.

use serde_json::{Value, json};

use super::aws_wire::call;
use super::host::{Folder, Host};
use super::http::{Answer, is_gapless, types};
use super::{guest, stage};

const ARN: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:fast";

/// Publishes `fast` as an express state machine.
async fn publish(host: &Host, definition: &Value) {
    let role = host.person("operator");
    let role = role.put("/v1/roles/workers", stage::wide_role()).await;
    assert!([200, 201].contains(&role.status), "{}", role.text);
    let body = json!({
        "name": "fast", "type": "EXPRESS", "roleArn": "arn:aws:iam::000000000000:role/workers",
        "definition": definition.to_string(),
    });
    call(host, "operator", "CreateStateMachine", body)
        .await
        .is(200);
}

async fn start(host: &Host, person: &str, operation: &str) -> Answer {
    let body = json!({"stateMachineArn": ARN, "name": "again", "input": "{\"n\": 1}"});
    call(host, person, operation, body).await
}

/// What the audit log tells of the executions of `fast`.
async fn actions(host: &Host) -> Vec<String> {
    let records = host.person("auditor").audit().await;
    let of_executions = records.iter().filter(|record| {
        let resource = record["resource"].as_str().unwrap();
        record["execution"].is_string() && resource.contains(":express:fast:")
    });
    let actions = of_executions.map(|record| record["action"].as_str().unwrap().to_owned());
    actions.collect()
}

#[tokio::test]
async fn whoever_may_start_one_gets_its_answer_and_nobody_else() {
    let folder = Folder::new();
    let host = folder.host().await;
    stage::component(&host, "echo", &guest::echo()).await;
    publish(&host, &stage::task("echo")).await;
    let ended = start(&host, "operator", "StartSyncExecution").await;
    assert_eq!(ended.is(200).body["status"], "SUCCEEDED", "{}", ended.text);
    assert_eq!(ended.body["output"], "{\"n\":1}");
    assert_eq!(actions(&host).await, ["StartExecution", "EndExecution"]);

    let denied = start(&host, "auditor", "StartSyncExecution").await;
    assert_eq!(denied.is(403).body["__type"], "AccessDeniedException");
    assert_eq!(actions(&host).await.len(), 2);
    stage::audit_verifies(&host).await;
}

#[tokio::test]
async fn a_task_that_nobody_signed_off_is_refused_inside_one() {
    let folder = Folder::new();
    let host = folder.host().await;
    stage::component(&host, "echo", &guest::echo()).await;
    publish(&host, &stage::task("echo")).await;
    let wider = json!({"config": {"region": "eu"}});
    let operator = host.person("operator");
    operator.put("/v1/roles/workers", wider).await.is(201);
    let ended = start(&host, "operator", "StartSyncExecution").await;
    let told = &ended.is(200).body;
    assert_eq!(
        (&told["status"], &told["error"]),
        (&json!("FAILED"), &json!("Sluice.AccessDenied"))
    );
    let records = host.person("auditor").audit().await;
    let denied = records
        .iter()
        .find(|record| record["action"] == "StartAttempt")
        .unwrap();
    assert_eq!(denied["decision"]["effect"], "denied");
}

#[tokio::test]
async fn one_that_nobody_waits_for_is_read_over_v1_and_not_over_the_wire() {
    let folder = Folder::new();
    let host = folder.host().await;
    stage::component(&host, "echo", &guest::echo()).await;
    publish(&host, &stage::task("echo")).await;
    let denied = start(&host, "auditor", "StartExecution").await;
    assert_eq!(denied.is(403).body["__type"], "AccessDeniedException");
    assert!(actions(&host).await.is_empty());

    let started = start(&host, "operator", "StartExecution").await;
    let arn = started.is(200).body["executionArn"].as_str().unwrap();
    for operation in ["DescribeExecution", "GetExecutionHistory", "StopExecution"] {
        let refused = call(&host, "operator", operation, json!({"executionArn": arn})).await;
        assert_eq!(refused.is(400).body["__type"], "InvalidArn", "{operation}");
    }
    let operator = host.person("operator");
    let (_, id) = arn.rsplit_once(':').unwrap();
    let ended = operator.ended(id).await;
    assert_eq!(
        (&ended["status"], &ended["output"]),
        (&json!("SUCCEEDED"), &json!({"n": 1}))
    );
    let history = operator.history(id).await;
    assert_eq!(
        types(&history),
        [
            "ExecutionStarted",
            "TaskStateEntered",
            "TaskScheduled",
            "TaskStarted",
            "TaskSucceeded",
            "TaskStateExited",
            "ExecutionSucceeded"
        ]
    );
    is_gapless(&history);
    assert_eq!(actions(&host).await, ["StartExecution", "EndExecution"]);
    host.kill_9().await;

    // What was stored is there, and the history is not.
    let host = folder.host().await;
    let operator = host.person("operator");
    let ended = operator.get(&format!("/v1/executions/{id}")).await;
    assert_eq!(ended.is(200).body["output"], json!({"n": 1}));
    let gone = operator.get(&format!("/v1/executions/{id}/history")).await;
    gone.is_problem(404);
    stage::audit_verifies(&host).await;
}

#[tokio::test]
async fn a_host_that_is_killed_leaves_what_nobody_waits_for_to_the_next_one() {
    let folder = Folder::new();
    let host = folder.host().await;
    publish(&host, &stage::wait(3)).await;
    let started = start(&host, "operator", "StartExecution").await;
    let arn = started.is(200).body["executionArn"].as_str().unwrap();
    let (_, id) = arn.rsplit_once(':').unwrap();
    let operator = host.person("operator");
    operator.events(id).await.until("WaitStateEntered").await;
    host.kill_9().await;

    let host = folder.host().await;
    let ended = host.person("operator").ended(id).await;
    assert_eq!(
        (&ended["status"], &ended["output"], &ended["executionArn"]),
        (&json!("SUCCEEDED"), &json!({"n": 1}), &json!(arn))
    );
    assert_eq!(
        actions(&host).await,
        ["StartExecution", "RerunExecution", "EndExecution"]
    );
    stage::audit_verifies(&host).await;
}

#[tokio::test]
async fn one_that_is_stopped_answers_its_caller() {
    let folder = Folder::new();
    let host = folder.host().await;
    publish(&host, &stage::wait(200)).await;
    let operator = host.person("operator");
    let stopping = async {
        let id = loop {
            let listed = operator.get("/v1/executions?stateMachine=fast").await;
            if let Some(id) = listed.is(200).body["executions"][0]["id"].as_str() {
                break id.to_owned();
            }
        };
        let path = format!("/v1/executions/{id}/stop");
        let denied = host.person("author").post(&path, json!({})).await;
        denied.is_denied();
        operator.post(&path, json!({})).await.is(200);
    };
    let waiting = start(&host, "operator", "StartSyncExecution");
    let (ended, ()) = tokio::join!(waiting, stopping);
    assert_eq!(ended.is(200).body["status"], "ABORTED");
    assert_eq!(
        actions(&host).await,
        ["StartExecution", "StopExecution", "EndExecution"]
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_host_that_is_told_to_stop_answers_whoever_waits() {
    let folder = Folder::new();
    let host = folder.host().await;
    stage::component(&host, "slow", &guest::slow()).await;
    publish(&host, &stage::task("slow")).await;
    let operator = host.person("operator");
    let stopping = async {
        loop {
            let listed = operator.get("/v1/executions?stateMachine=fast").await;
            if let Some(id) = listed.is(200).body["executions"][0]["id"].as_str() {
                operator.events(id).await.until("TaskStarted").await;
                break;
            }
        }
        host.terminate().await;
    };
    let waiting = start(&host, "operator", "StartSyncExecution");
    let (ended, ()) = tokio::join!(waiting, stopping);
    assert_eq!(ended.is(200).body["status"], "SUCCEEDED", "{}", ended.text);
    assert!(host.ended().await.success());
}
