//! SIGKILL at any moment: what was acknowledged is there afterwards, and goes on.

use serde_json::{Value, json};

use super::guest;
use super::host::{Folder, Host, cli};
use super::http::{is_gapless, types};
use super::stage;

#[tokio::test]
async fn a_wait_goes_on_after_the_host_was_killed() {
    let folder = Folder::new();
    let host = folder.host().await;
    let operator = host.person("operator");
    operator.put("/v1/state-machines/patient", stage::wait(2)).await.is(201);
    let id = operator.start("patient", json!({"a": 1})).await;
    operator.events(&id).await.until("WaitStateEntered").await;
    let before = operator.history(&id).await;
    host.kill_9().await;

    let host = folder.host().await;
    let operator = host.person("operator");
    let execution = operator.ended(&id).await;
    assert_eq!((&execution["status"], &execution["output"]), (&json!("SUCCEEDED"), &json!({"a": 1})));
    let history = operator.history(&id).await;
    assert_eq!(history[..before.len()], before, "what was told stands");
    assert_eq!(
        types(&history),
        [
            "ExecutionStarted", "WaitStateEntered", "WaitStateExited", "PassStateEntered", "PassStateExited",
            "ExecutionSucceeded",
        ]
    );
    is_gapless(&history);
    stage::audit_verifies(&host).await;
}

#[tokio::test]
async fn an_attempt_in_flight_fails_as_interrupted_and_the_definition_decides() {
    let folder = Folder::new();
    let host = folder.host().await;
    stage::component(&host, "endless", &guest::endless_once()).await;
    stage::machine(&host, "tries", stage::task_with_retry("endless")).await;
    stage::machine(&host, "gives-up", stage::task("endless")).await;
    let operator = host.person("operator");
    let tries = operator.start("tries", json!({"a": 1})).await;
    let gives_up = operator.start("gives-up", json!({})).await;
    for id in [&tries, &gives_up] {
        operator.events(id).await.until("TaskStarted").await;
    }
    host.kill_9().await;

    let host = folder.host().await;
    let operator = host.person("operator");
    let execution = operator.ended(&gives_up).await;
    assert_eq!((&execution["status"], &execution["error"]), (&json!("FAILED"), &json!("Sluice.Interrupted")), "{execution}");
    assert!(execution["cause"].as_str().unwrap().contains("not declared idempotent"), "{execution}");
    let execution = operator.ended(&tries).await;
    assert_eq!((&execution["status"], &execution["output"]), (&json!("SUCCEEDED"), &json!({"a": 1})), "{execution}");
    let history = operator.history(&tries).await;
    assert_eq!(
        types(&history),
        [
            "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskFailed", "TaskScheduled",
            "TaskStarted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded",
        ]
    );
    assert_eq!(history[4]["taskFailedEventDetails"]["error"], "Sluice.Interrupted");
    assert_eq!(history[6]["sluice"]["attempt"], 2);
    is_gapless(&history);
    stage::audit_verifies(&host).await;
}

#[tokio::test]
async fn an_idempotent_attempt_runs_again_under_the_same_key() {
    let folder = Folder::new();
    let host = folder.host().await;
    stage::component(&host, "slow", &guest::slow_and_idempotent()).await;
    stage::machine(&host, "work", stage::task("slow")).await;
    let operator = host.person("operator");
    let id = operator.start("work", json!({})).await;
    operator.events(&id).await.until("TaskStarted").await;
    host.kill_9().await;

    let host = folder.host().await;
    let operator = host.person("operator");
    let execution = operator.ended(&id).await;
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    assert!(execution["output"].as_str().unwrap().starts_with(&id), "{execution}");
    let history = operator.history(&id).await;
    let types = types(&history);
    let count = |wanted: &str| types.iter().filter(|found| **found == wanted).count();
    assert_eq!((count("TaskScheduled"), count("TaskFailed"), count("TaskSucceeded")), (1, 0, 1), "{types:?}");
    is_gapless(&history);
}

#[tokio::test]
async fn killed_again_and_again_nothing_acknowledged_is_lost() {
    let folder = Folder::new();
    let mut host = folder.host().await;
    stage::component(&host, "echo", &guest::echo()).await;
    stage::machine(&host, "work", chain()).await;
    let mut acknowledged = Vec::new();
    for round in 0..6 {
        acknowledged.extend(starts_until_killed(host, round).await);
        host = folder.host().await;
    }
    let operator = host.person("operator");
    for (id, input) in &acknowledged {
        let execution = operator.ended(id).await;
        assert_eq!((&execution["status"], &execution["output"]), (&json!("SUCCEEDED"), input), "{execution}");
        is_gapless(&operator.history(id).await);
    }
    let listed = operator.all("/v1/executions", "executions", 7).await;
    assert!(listed.len() >= acknowledged.len());
    for (id, _) in &acknowledged {
        assert!(listed.iter().any(|execution| execution["id"] == id.as_str()), "{id} is not listed");
    }
    stage::audit_verifies(&host).await;
    host.kill_9().await;
    let data = folder.data();
    let offline = cli(&["audit", "verify", "--data", data.to_str().unwrap(), "--output", "json"]).await;
    assert_eq!(offline.code, 0, "{offline:?}");
}

/// A Task that is tried again, a short Wait, and two branches with a Task each.
fn chain() -> Value {
    let work = stage::task_with_retry("echo")["States"]["Work"].clone();
    let mut first = work.clone();
    first.as_object_mut().unwrap().remove("End");
    first["Next"] = json!("Rest");
    json!({"StartAt": "First", "States": {
        "First": first,
        "Rest": {"Type": "Wait", "Seconds": 1, "Next": "Both"},
        "Both": {"Type": "Parallel", "Branches": [
            {"StartAt": "Left", "States": {"Left": work.clone()}},
            {"StartAt": "Right", "States": {"Right": work}},
        ], "OutputPath": "$[0]", "End": true}}})
}

/// Starts executions from several sides and kills the host after a few answers, in the middle
/// of the others. Answers what was acknowledged.
async fn starts_until_killed(host: Host, round: usize) -> Vec<(String, Value)> {
    let (sender, mut acknowledged) = tokio::sync::mpsc::unbounded_channel();
    for side in 0..4 {
        let (operator, sender) = (host.person("operator"), sender.clone());
        tokio::spawn(async move {
            for number in 0.. {
                let input = json!({"round": round, "side": side, "number": number});
                let start = json!({"stateMachine": "work", "input": input});
                let request = operator.request(reqwest::Method::POST, "/v1/executions");
                let Ok(response) = request.json(&start).send().await else { return };
                let status = response.status().as_u16();
                let Ok(body) = response.json::<Value>().await else { return };
                assert_eq!(status, 201, "{body}");
                let _ = sender.send((body["id"].as_str().unwrap().to_owned(), input));
            }
        });
    }
    drop(sender);
    let mut told = Vec::new();
    while told.len() < 3 + 4 * round {
        told.push(acknowledged.recv().await.unwrap());
    }
    host.kill_9().await;
    while let Some(one) = acknowledged.recv().await {
        told.push(one);
    }
    told
}
