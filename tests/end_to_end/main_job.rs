//! The main job: from an upload to an execution whose every transition can be read and verified.

use reqwest::Method;
use serde_json::{Value, json};

use super::guest;
use super::host::{Folder, Host};
use super::http::{is_gapless, types};
use super::stage;

#[tokio::test]
async fn a_definition_runs_its_components_under_their_role_and_tells_all_of_it() {
    let folder = Folder::new();
    let host = folder.host().await;
    let (operator, auditor) = (host.person("operator"), host.person("auditor"));
    let hello = guests::Guests::build().unwrap().bytes("hello").unwrap();
    stage::component(&host, "hello", &hello).await;
    let published = operator
        .put(
            "/v1/state-machines/greet?role=workers",
            stage::task("hello"),
        )
        .await;
    let arn = "arn:aws:states:us-east-1:000000000000:stateMachine:greet";
    assert_eq!(
        published.is(201).body,
        json!({"stateMachineArn": arn, "revision": 1, "warnings": []})
    );

    let start = json!({"stateMachine": "greet", "name": "first", "input": {"name": "Ada"}});
    let started = operator.post("/v1/executions", start.clone()).await;
    let id = started.is(201).body["id"].as_str().unwrap();
    let execution_arn = "arn:aws:states:us-east-1:000000000000:execution:greet:first";
    assert_eq!(started.body["executionArn"], execution_arn);
    let mut events = operator.events(id).await;
    let mut followed = Vec::new();
    while let Some(event) = events.next().await {
        followed.push(event);
    }

    let execution = operator.get(&format!("/v1/executions/{id}")).await.body;
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    assert_eq!(execution["output"], json!({"greeting": "Hello, Ada"}));
    assert_eq!(execution["input"], json!({"name": "Ada"}));
    assert!(execution["startDate"].as_str() <= execution["stopDate"].as_str());
    assert_eq!(
        operator
            .get(&format!("/v1/executions/{execution_arn}"))
            .await
            .body,
        execution
    );

    let history = operator.history(id).await;
    is_the_whole_story(&history);
    assert_eq!(followed, history, "the stream is the history");
    let by_twos = operator
        .all(&format!("/v1/executions/{id}/history"), "events", 2)
        .await;
    assert_eq!(by_twos, history);

    is_recorded(&auditor.audit().await, id);
    stage::audit_verifies(&host).await;
    operator.post("/v1/executions", start).await.is_problem(409);
}

fn is_the_whole_story(history: &[Value]) {
    is_gapless(history);
    assert_eq!(
        types(history),
        [
            "ExecutionStarted",
            "TaskStateEntered",
            "TaskScheduled",
            "TaskStarted",
            "TaskSucceeded",
            "TaskStateExited",
            "ExecutionSucceeded",
        ]
    );
    let details = &history[0]["executionStartedEventDetails"];
    assert_eq!(details["input"], r#"{"name":"Ada"}"#);
    assert!(
        history[0]["sluice"]["principal"]
            .as_str()
            .unwrap()
            .ends_with("|operator"),
        "{}",
        history[0]
    );
    assert_eq!(history[1]["stateEnteredEventDetails"]["name"], "Work");
    let ran = &history[3]["sluice"];
    assert_eq!(
        (&ran["role"], &ran["roleRevision"]),
        (&json!("workers"), &json!(1))
    );
    assert_eq!(
        (&ran["component"], &ran["componentVersion"]),
        (&json!("hello"), &json!("1.0.0"))
    );
    assert!(
        ran["componentDigest"]
            .as_str()
            .unwrap()
            .starts_with("sha256:")
    );
    assert_eq!(
        history[4]["taskSucceededEventDetails"]["output"],
        r#"{"greeting":"Hello, Ada"}"#
    );
}

/// Every step of the way has its record, by whom and by which rule.
fn is_recorded(records: &[Value], id: &str) {
    for (action, who, rule) in [
        ("UploadComponent", "author", "development.authors"),
        ("WriteRole", "operator", "development.operators"),
        ("WriteReview", "reviewer", "development.reviewers"),
        ("PublishStateMachine", "operator", "development.operators"),
        ("StartExecution", "operator", "development.operators"),
    ] {
        let is_it = |record: &&Value| {
            record["action"] == action
                && record["caller"]["principal"]["subject"] == who
                && record["decision"] == json!({"effect": "allowed", "rules": [rule]})
        };
        assert_eq!(
            records.iter().filter(is_it).count(),
            1,
            "{action} by {who}: {records:#?}"
        );
    }
    let of_execution = records.iter().filter(|record| record["execution"] == id);
    assert!(of_execution.count() >= 3, "{records:#?}");
}

#[tokio::test]
async fn whoever_may_not_is_told_the_rule_and_recorded() {
    let folder = Folder::new();
    let host = folder.host().await;
    stage::component(&host, "echo", &guest::echo()).await;
    stage::machine(&host, "work", stage::task("echo")).await;
    let role = || ("PUT", "/v1/roles/wide", json!({}));
    let review = || {
        let body = json!({"component": "echo", "version": "1.0.0", "role": "workers", "decision": "approve", "comment": ""});
        ("POST", "/v1/reviews", body)
    };
    let publish = || ("PUT", "/v1/state-machines/mine", stage::pass());
    let start = || ("POST", "/v1/executions", json!({"stateMachine": "work"}));
    let audit = || ("GET", "/v1/audit", Value::Null);
    let denied = [
        ("author", "WriteRole", role()),
        ("reviewer", "WriteRole", role()),
        ("agent", "WriteRole", role()),
        ("author", "WriteReview", review()),
        ("operator", "WriteReview", review()),
        ("agent", "WriteReview", review()),
        ("author", "PublishStateMachine", publish()),
        ("reviewer", "PublishStateMachine", publish()),
        ("agent", "PublishStateMachine", publish()),
        ("auditor", "PublishStateMachine", publish()),
        ("author", "StartExecution", start()),
        ("reviewer", "StartExecution", start()),
        ("auditor", "StartExecution", start()),
        ("approver", "StartExecution", start()),
        ("operator", "ReadAudit", audit()),
        ("agent", "ReadAudit", audit()),
    ];
    for (person, action, (method, path, body)) in denied {
        let request = host
            .person(person)
            .request(Method::from_bytes(method.as_bytes()).unwrap(), path);
        let answer = super::http::answer(request.json(&body)).await;
        is_refused_and_recorded(&host, person, action, answer.is_denied()).await;
    }
    for person in ["agent", "auditor", "operator", "reviewer", "approver"] {
        let answer = host
            .person(person)
            .upload("mine", "1.0.0", &guest::echo())
            .await;
        is_refused_and_recorded(&host, person, "UploadComponent", answer.is_denied()).await;
    }
    host.person("operator")
        .get("/v1/state-machines/mine")
        .await
        .is_problem(404);
    host.person("author")
        .get("/v1/components/mine/versions/1.0.0")
        .await
        .is_problem(404);

    let id = host.person("agent").start("work", json!(1)).await;
    let execution = host.person("operator").ended(&id).await;
    assert_eq!(
        (&execution["status"], &execution["output"]),
        (&json!("SUCCEEDED"), &json!(1))
    );
    assert!(
        execution["startedBy"]
            .as_str()
            .unwrap()
            .ends_with("|operator"),
        "{execution}"
    );
    assert!(
        execution["actor"].as_str().unwrap().ends_with("|agent"),
        "{execution}"
    );
    stage::audit_verifies(&host).await;
}

/// The newest record but those of reading the log tells of the refusal.
async fn is_refused_and_recorded(host: &Host, person: &str, action: &str, rule: &str) {
    let records = host.person("auditor").audit().await;
    let denied = |record: &&Value| record["decision"]["effect"] == "denied";
    let record = records.iter().rev().find(denied).unwrap();
    let caller = &record["caller"];
    let who = caller["actors"][0]["subject"]
        .as_str()
        .or(caller["principal"]["subject"].as_str());
    assert_eq!(
        (who, &record["action"], &record["decision"]["rule"]),
        (Some(person), &json!(action), &json!(rule)),
        "{record:#}"
    );
}

#[tokio::test]
async fn an_execution_is_followed_from_anywhere_and_stopped_by_who_may() {
    let folder = Folder::new();
    let host = folder.host().await;
    let operator = host.person("operator");
    operator
        .put("/v1/state-machines/patient", stage::wait(3600))
        .await
        .is(201);
    let id = operator.start("patient", json!({})).await;
    let mut live = operator.events(&id).await;
    live.until("WaitStateEntered").await;
    let path = format!("/v1/executions/{id}/stop");
    for person in ["author", "reviewer", "auditor", "approver", "agent"] {
        host.person(person).post(&path, json!({})).await.is_denied();
    }
    host.person("author")
        .get(&format!("/v1/executions/{id}/events"))
        .await
        .is_denied();
    let stop = json!({"error": "Changed.Mind", "cause": "not today"});
    assert!(operator.post(&path, stop.clone()).await.is(200).body["stopDate"].is_string());
    let aborted = live.until("ExecutionAborted").await;
    assert_eq!(aborted["executionAbortedEventDetails"], stop);
    assert_eq!(
        live.next().await,
        None,
        "the stream ends with the execution"
    );

    let execution = operator.ended(&id).await;
    assert_eq!(
        (&execution["status"], &execution["error"]),
        (&json!("ABORTED"), &json!("Changed.Mind"))
    );
    let history = operator.history(&id).await;
    let mut rest = operator.events_after(&id, 2).await;
    for event in &history[2..] {
        assert_eq!(rest.next().await.as_ref(), Some(event));
    }
    assert_eq!(rest.next().await, None);
    let again = operator.post(&path, stop).await;
    assert_eq!(again.is(200).body["stopDate"], execution["stopDate"]);
    assert_eq!(
        operator.history(&id).await,
        history,
        "a second stop changes nothing"
    );
}

#[tokio::test]
async fn a_program_that_knows_nothing_of_us_is_a_step_too() {
    let folder = Folder::new();
    let host = folder.host().await;
    stage::component(&host, "program", &guest::command()).await;
    stage::machine(&host, "work", stage::task("program")).await;
    let operator = host.person("operator");
    let id = operator.start("work", json!({})).await;
    let execution = operator.ended(&id).await;
    assert_eq!(
        (&execution["status"], &execution["output"]),
        (&json!("SUCCEEDED"), &Value::Null),
        "{execution}"
    );
}
