//! Executions are found by what is known of them, over HTTP and by the command line, and what
//! makes no sense is refused by the name of the parameter.

use serde_json::{Value, json};

use super::host::{Folder, Host};
use super::stage;

async fn start(host: &Host, machine: &str, name: &str) -> String {
    let body = json!({"stateMachine": machine, "name": name, "input": {}});
    let started = host.person("operator").post("/v1/executions", body).await;
    started.is(201).body["id"].as_str().unwrap().to_owned()
}

async fn publish(host: &Host, machine: &str, definition: Value) {
    let path = format!("/v1/state-machines/{machine}");
    let published = host.person("operator").put(&path, definition).await;
    published.is(201);
}

/// The names that a query finds, page by page.
async fn names(host: &Host, query: &str) -> Vec<String> {
    let path = format!("/v1/executions?{query}");
    let operator = host.person("operator");
    let name = |item: &Value| item["name"].as_str().unwrap().to_owned();
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let page = operator.get(&format!("{path}&maxResults=2{token}")).await;
        let page = page.is(200).body.clone();
        found.extend(page["executions"].as_array().unwrap().iter().map(name));
        match page["nextToken"].as_str() {
            Some(next) => token = format!("&nextToken={next}"),
            None => return found,
        }
    }
}

#[tokio::test]
async fn executions_are_listed_by_status_time_and_name() {
    let folder = Folder::new();
    let host = folder.host().await;
    publish(&host, "waits", stage::wait(3600)).await;
    publish(&host, "ends", stage::pass()).await;
    for name in ["day-1", "day-2", "night-1"] {
        start(&host, "waits", name).await;
    }
    let operator = host.person("operator");
    for name in ["day-9", "night-9"] {
        let id = start(&host, "ends", name).await;
        operator.ended(&id).await;
    }
    let middle = operator.get("/v1/executions?stateMachine=ends").await;
    let middle = middle.body["executions"][1]["startDate"]
        .as_str()
        .unwrap()
        .to_owned();
    let arn = "arn:aws:states:us-east-1:000000000000:stateMachine:waits";
    for (query, expected) in [
        ("status=RUNNING", vec!["night-1", "day-2", "day-1"]),
        ("status=SUCCEEDED", vec!["night-9", "day-9"]),
        ("status=FAILED", vec![]),
        ("stateMachine=waits", vec!["night-1", "day-2", "day-1"]),
        (
            &format!("stateMachine={arn}"),
            vec!["night-1", "day-2", "day-1"],
        ),
        ("stateMachine=waits:live", vec![]),
        ("stateMachine=ends&status=RUNNING", vec![]),
        ("stateMachine=waits&namePrefix=day-", vec!["day-1", "day-2"]),
        ("stateMachine=waits&namePrefix=day-&status=FAILED", vec![]),
        (&format!("startedAfter={middle}"), vec!["night-9", "day-9"]),
        (
            &format!("startedBefore={middle}"),
            vec!["night-1", "day-2", "day-1"],
        ),
        ("startedAfter=2999-01-01T00:00:00Z", vec![]),
    ] {
        assert_eq!(names(&host, query).await, expected, "{query}");
    }
    let listed = host
        .cli(
            "operator",
            "execution list --workflow waits --name-prefix night --status RUNNING",
        )
        .await;
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(listed.stdout.contains("night-1"), "{listed:?}");
    assert!(!listed.stdout.contains("day-1"), "{listed:?}");
    assert_ne!(
        host.cli("operator", "execution list --name-prefix day")
            .await
            .code,
        0
    );
}

#[tokio::test]
async fn a_listing_that_makes_no_sense_or_is_not_allowed_is_refused() {
    let folder = Folder::new();
    let host = folder.host().await;
    let operator = host.person("operator");
    for (query, parameter) in [
        ("status=DONE", "status"),
        ("stateMachine=a%20b", "stateMachine"),
        ("stateMachine=a:b:c", "stateMachine"),
        (
            "stateMachine=arn:aws:states:eu-west-9:000000000000:stateMachine:a",
            "stateMachine",
        ),
        ("namePrefix=day", "namePrefix"),
        ("stateMachine=a&namePrefix=", "namePrefix"),
        ("stateMachine=a:live&namePrefix=day", "namePrefix"),
        ("startedAfter=yesterday", "startedAfter"),
        ("startedBefore=1", "startedBefore"),
        ("nextToken=x", "nextToken"),
        ("maxResults=0", "maxResults"),
        ("color=red", "color"),
    ] {
        let answer = operator.get(&format!("/v1/executions?{query}")).await;
        answer.is_problem(400).says(parameter);
    }
    let nobody = host.nobody().get("/v1/executions?status=RUNNING").await;
    nobody.is(401);
    let author = host
        .person("author")
        .get("/v1/executions?status=RUNNING")
        .await;
    author.is(403);
}
