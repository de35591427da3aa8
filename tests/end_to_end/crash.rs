//! SIGKILL at any moment: what was acknowledged is there afterwards, and goes on.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::guest;
use super::host::{Folder, Host, cli};
use super::http::{Person, is_gapless, types};
use super::stage;

#[tokio::test]
async fn a_wait_goes_on_after_the_host_was_killed() {
    let folder = Folder::new();
    let host = folder.host().await;
    let operator = host.person("operator");
    operator
        .put("/v1/state-machines/patient", stage::wait(2))
        .await
        .is(201);
    let id = operator.start("patient", json!({"a": 1})).await;
    operator.events(&id).await.until("WaitStateEntered").await;
    let before = operator.history(&id).await;
    host.kill_9().await;

    let host = folder.host().await;
    let operator = host.person("operator");
    let execution = operator.ended(&id).await;
    assert_eq!(
        (&execution["status"], &execution["output"]),
        (&json!("SUCCEEDED"), &json!({"a": 1}))
    );
    let history = operator.history(&id).await;
    assert_eq!(history[..before.len()], before, "what was told stands");
    assert_eq!(
        types(&history),
        [
            "ExecutionStarted",
            "WaitStateEntered",
            "WaitStateExited",
            "PassStateEntered",
            "PassStateExited",
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
    assert_eq!(
        (&execution["status"], &execution["error"]),
        (&json!("FAILED"), &json!("Sluice.Interrupted")),
        "{execution}"
    );
    assert!(
        execution["cause"]
            .as_str()
            .unwrap()
            .contains("not declared idempotent"),
        "{execution}"
    );
    let execution = operator.ended(&tries).await;
    assert_eq!(
        (&execution["status"], &execution["output"]),
        (&json!("SUCCEEDED"), &json!({"a": 1})),
        "{execution}"
    );
    let history = operator.history(&tries).await;
    assert_eq!(
        types(&history),
        [
            "ExecutionStarted",
            "TaskStateEntered",
            "TaskScheduled",
            "TaskStarted",
            "TaskFailed",
            "TaskScheduled",
            "TaskStarted",
            "TaskSucceeded",
            "TaskStateExited",
            "ExecutionSucceeded",
        ]
    );
    assert_eq!(
        history[4]["taskFailedEventDetails"]["error"],
        "Sluice.Interrupted"
    );
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
    assert!(
        execution["output"].as_str().unwrap().starts_with(&id),
        "{execution}"
    );
    let history = operator.history(&id).await;
    let types = types(&history);
    let count = |wanted: &str| types.iter().filter(|found| **found == wanted).count();
    assert_eq!(
        (
            count("TaskScheduled"),
            count("TaskFailed"),
            count("TaskSucceeded")
        ),
        (1, 0, 1),
        "{types:?}"
    );
    is_gapless(&history);
}

#[tokio::test]
async fn killed_again_and_again_everything_acknowledged_ends_and_nothing_runs_twice() {
    let folder = Folder::new();
    let mut host = folder.host().await;
    stage::component(&host, "echo", &guest::echo()).await;
    stage::machine(&host, "work", chain()).await;
    let mut started = Vec::new();
    for round in 0..6 {
        let asked = starts_until_killed(host, round).await;
        killed_while_it_starts(&folder).await;
        host = folder.host().await;
        for start in asked {
            started.push(settled(&host, start).await);
        }
    }
    let operator = host.person("operator");
    for (id, input) in &started {
        let execution = operator.ended(id).await;
        assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
        assert_eq!(&execution["output"], input, "{execution}");
        is_gapless(&operator.history(id).await);
    }
    let listed = operator.all("/v1/executions", "executions", 7).await;
    let mut listed: Vec<_> = listed
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    let mut ids: Vec<_> = started.iter().map(|(id, _)| id.as_str()).collect();
    listed.sort_unstable();
    ids.sort_unstable();
    assert_eq!(listed, ids);
    stage::audit_verifies(&host).await;
    host.kill_9().await;
    let data = folder.data();
    let verified = cli(&["audit", "verify", "--data", data.to_str().unwrap()]).await;
    assert_eq!(verified.code, 0, "{verified:?}");
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

/// A start that was asked for, and the id where it was acknowledged.
struct Asked {
    start: Value,
    id: Option<String>,
}

/// Starts executions from several sides and kills the host after a few answers, in the middle
/// of others.
async fn starts_until_killed(host: Host, round: usize) -> Vec<Asked> {
    let (sender, mut acknowledged) = tokio::sync::mpsc::unbounded_channel();
    let mut sides = JoinSet::new();
    for side in 0..4 {
        let (operator, sender) = (host.person("operator"), sender.clone());
        sides.spawn(async move {
            let mut asked = Vec::new();
            loop {
                let name = format!("{round}-{side}-{}", asked.len());
                let start = json!({"stateMachine": "work", "name": name, "input": {"of": name}});
                let id = acknowledged_id(&operator, &start).await;
                let is_over = id.is_none();
                asked.push(Asked { start, id });
                if is_over {
                    return asked;
                }
                let _ = sender.send(());
            }
        });
    }
    for _ in 0..3 + 4 * round {
        acknowledged.recv().await.unwrap();
    }
    host.kill_9().await;
    sides.join_all().await.into_iter().flatten().collect()
}

/// The id of an execution whose start was answered; `None` if the host was gone first.
async fn acknowledged_id(operator: &Person, start: &Value) -> Option<String> {
    let request = operator.request(Method::POST, "/v1/executions");
    let response = request.json(start).send().await.ok()?;
    let status = response.status().as_u16();
    let body: Value = response.json().await.ok()?;
    assert_eq!(status, 201, "{body}");
    Some(body["id"].as_str().unwrap().to_owned())
}

/// Asks again for what was not acknowledged: by its name it is made once, whether or not the
/// first request had come through. Answers id and input.
async fn settled(host: &Host, asked: Asked) -> (String, Value) {
    let input = asked.start["input"].clone();
    if let Some(id) = asked.id {
        return (id, input);
    }
    let operator = host.person("operator");
    let mut answer = operator.post("/v1/executions", asked.start.clone()).await;
    if answer.status == 409 {
        let name = asked.start["name"].as_str().unwrap();
        let arn = format!("arn:aws:states:us-east-1:000000000000:execution:work:{name}");
        answer = operator.get(&format!("/v1/executions/{arn}")).await;
    }
    assert!([200, 201].contains(&answer.status), "{}", answer.text);
    (answer.body["id"].as_str().unwrap().to_owned(), input)
}

async fn killed_while_it_starts(folder: &Folder) {
    let known = folder.addresses().len();
    let (mut child, _) = folder.spawn("dev", "ready.json", "");
    folder.next_address(known).await;
    child.kill().await.unwrap();
}
