//! The AWS wire face: the service's calls, shapes and errors, and who may make them.

use reqwest::Method;
use serde_json::{Value, json};

use super::host::{Folder, Host};
use super::http::{Answer, answer};
use super::stage;

const JSON: &str = "application/x-amz-json-1.0";
const ROLE: &str = "arn:aws:iam::000000000000:role/path/workers";

/// Calls an operation as one of the people.
pub(super) async fn call(host: &Host, person: &str, operation: &str, body: Value) -> Answer {
    let request = host.person(person).request(Method::POST, "/");
    let request = request
        .header("content-type", JSON)
        .header("x-amz-target", format!("AWSStepFunctions.{operation}"));
    answer(request.body(body.to_string())).await
}

async fn operator(host: &Host, operation: &str, body: Value) -> Value {
    call(host, "operator", operation, body)
        .await
        .is(200)
        .body
        .clone()
}

/// Makes a state machine and answers its ARN.
async fn machine(host: &Host, name: &str, definition: &Value, more: Value) -> String {
    let role = json!({});
    let put = host.person("operator").put("/v1/roles/workers", role).await;
    assert!([200, 201].contains(&put.status), "{}", put.text);
    let mut body = json!({"name": name, "roleArn": ROLE, "definition": definition.to_string()});
    let members = body.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let made = operator(host, "CreateStateMachine", body).await;
    text(&made, "stateMachineArn").to_owned()
}

async fn start(host: &Host, machine: &str) -> String {
    let started = operator(host, "StartExecution", json!({"stateMachineArn": machine})).await;
    text(&started, "executionArn").to_owned()
}

/// Asks until an execution has ended.
pub(super) async fn ended(host: &Host, execution: &str) -> Value {
    let body = json!({"executionArn": execution});
    let ask = async {
        loop {
            let found = operator(host, "DescribeExecution", body.clone()).await;
            if found["status"] != "RUNNING" {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::host::SOON, ask).await.unwrap()
}

/// Deletes a state machine of which nothing runs.
async fn delete(host: &Host, arn: &str) {
    let body = json!({"stateMachineArn": arn});
    operator(host, "DeleteStateMachine", body.clone()).await;
    let gone = call(host, "operator", "DescribeStateMachine", body).await;
    is_error(&gone, 400, "StateMachineDoesNotExist");
}

/// Every item of a listing, `page` of them at a time.
async fn all(host: &Host, operation: &str, body: &Value, items: &str, page: usize) -> Vec<Value> {
    let mut body = body.clone();
    body["maxResults"] = json!(page);
    let mut found = Vec::new();
    loop {
        let answer = operator(host, operation, body.clone()).await;
        let items = answer[items].as_array().unwrap();
        assert!(items.len() <= page);
        found.extend(items.iter().cloned());
        match answer.get("nextToken") {
            Some(token) => body["nextToken"] = token.clone(),
            None => return found,
        }
    }
}

fn text<'a>(body: &'a Value, member: &str) -> &'a str {
    body[member].as_str().unwrap()
}

/// An error in the service's shape.
#[track_caller]
fn is_error(answer: &Answer, status: u16, code: &str) {
    answer.is(status);
    assert_eq!(answer.headers["content-type"], JSON);
    assert_eq!(answer.body["__type"], code, "{}", answer.text);
    assert!(!text(&answer.body, "message").is_empty());
}

#[tokio::test]
async fn a_state_machine_is_made_started_stopped_and_deleted() {
    let folder = Folder::new();
    let host = folder.host().await;
    let arn = machine(&host, "slow", &stage::wait(3600), json!({})).await;
    assert_eq!(
        arn,
        "arn:aws:states:us-east-1:000000000000:stateMachine:slow"
    );
    let made = operator(
        &host,
        "DescribeStateMachine",
        json!({"stateMachineArn": arn}),
    )
    .await;
    assert_eq!(made["definition"], stage::wait(3600).to_string());
    assert_eq!(
        (&made["status"], &made["roleArn"]),
        (&json!("ACTIVE"), &json!(ROLE))
    );
    assert!(made["creationDate"].is_number());

    let execution = start(&host, &arn).await;
    let running = operator(
        &host,
        "DescribeExecution",
        json!({"executionArn": execution}),
    )
    .await;
    assert_eq!(
        (&running["status"], &running["input"]),
        (&json!("RUNNING"), &json!("{}"))
    );
    let stop = json!({"executionArn": execution, "error": "Enough", "cause": "of it"});
    assert!(operator(&host, "StopExecution", stop).await["stopDate"].is_number());
    let stopped = ended(&host, &execution).await;
    assert_eq!(
        (&stopped["status"], &stopped["error"]),
        (&json!("ABORTED"), &json!("Enough"))
    );

    let history = operator(
        &host,
        "GetExecutionHistory",
        json!({"executionArn": execution}),
    )
    .await;
    for event in history["events"].as_array().unwrap() {
        assert!(
            event["timestamp"].is_number() && event.get("sluice").is_none(),
            "{event}"
        );
    }
    delete(&host, &arn).await;
    let audit = host.person("auditor").audit().await;
    for action in [
        "PublishStateMachine",
        "StartExecution",
        "StopExecution",
        "DeleteStateMachine",
    ] {
        assert!(
            audit.iter().any(|record| record["action"] == action),
            "{action}"
        );
    }
    stage::audit_verifies(&host).await;
}

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let folder = Folder::new();
    let host = folder.host().await;
    let target = ("x-amz-target", "AWSStepFunctions.ListStateMachines");
    let request = host
        .nobody()
        .request(Method::POST, "/")
        .header(target.0, target.1);
    let answer = answer(request.header("content-type", JSON).body("{}")).await;
    is_error(&answer, 403, "MissingAuthenticationTokenException");
    assert!(answer.headers.contains_key("www-authenticate"));
    let stranger = super::http::Person::new(&host.ready.url, Some("e30.e30.e30"));
    let request = stranger
        .request(Method::POST, "/")
        .header(target.0, target.1);
    let answer = super::http::answer(request.header("content-type", JSON).body("{}")).await;
    is_error(&answer, 403, "UnrecognizedClientException");
}

#[tokio::test]
async fn an_author_may_change_and_start_nothing() {
    let folder = Folder::new();
    let host = folder.host().await;
    let arn = machine(&host, "work", &stage::pass(), json!({"publish": true})).await;
    let routes = json!([{"stateMachineVersionArn": format!("{arn}:1"), "weight": 100}]);
    let calls = [
        ("StartExecution", json!({"stateMachineArn": arn})),
        (
            "UpdateStateMachine",
            json!({"stateMachineArn": arn, "definition": stage::pass().to_string()}),
        ),
        ("DeleteStateMachine", json!({"stateMachineArn": arn})),
        (
            "DeleteStateMachineVersion",
            json!({"stateMachineVersionArn": format!("{arn}:1")}),
        ),
        (
            "PublishStateMachineVersion",
            json!({"stateMachineArn": arn}),
        ),
        (
            "CreateStateMachineAlias",
            json!({"name": "live", "routingConfiguration": routes}),
        ),
        (
            "TagResource",
            json!({"resourceArn": arn, "tags": [{"key": "a", "value": "b"}]}),
        ),
        ("CreateActivity", json!({"name": "pack.goods"})),
        ("ListExecutions", json!({"stateMachineArn": arn})),
        ("DescribeStateMachine", json!({"stateMachineArn": arn})),
    ];
    for (operation, body) in calls {
        let denied = call(&host, "author", operation, body.clone()).await;
        is_error(&denied, 403, "AccessDeniedException");
        denied.says("default-deny");
        call(&host, "operator", operation, body).await;
    }
    let audit = host.person("auditor").audit().await;
    let is_denied = |record: &&Value| record["decision"]["effect"] == "denied";
    assert_eq!(audit.iter().filter(is_denied).count(), 10);
}

#[tokio::test]
async fn what_is_no_call_is_refused_in_the_services_shape() {
    let folder = Folder::new();
    let host = folder.host().await;
    let unknown = call(&host, "operator", "MakeCoffee", json!({})).await;
    is_error(&unknown, 404, "UnknownOperationException");
    let send = async |target: &str, content_type: &str, body: &str| {
        let request = host.person("operator").request(Method::POST, "/");
        let request = request
            .header("content-type", content_type)
            .header("x-amz-target", target);
        answer(request.body(body.to_owned())).await
    };
    let list = "AWSStepFunctions.ListStateMachines";
    is_error(
        &send("ListStateMachines", JSON, "{}").await,
        404,
        "UnknownOperationException",
    );
    is_error(&send(list, JSON, "{").await, 400, "SerializationException");
    is_error(&send(list, JSON, "[]").await, 400, "SerializationException");
    is_error(
        &send(list, JSON, r#"{"maxResults": "1"}"#).await,
        400,
        "SerializationException",
    );
    is_error(
        &send(list, "application/json", "{}").await,
        415,
        "UnsupportedMediaTypeException",
    );
    let large = " ".repeat(8 << 20);
    is_error(
        &send(list, JSON, &large).await,
        413,
        "RequestEntityTooLargeException",
    );
    send(list, JSON, "").await.is(200);
    stage::is_well(&host).await;
}

#[tokio::test]
async fn listings_read_back_page_by_page() {
    let folder = Folder::new();
    let host = folder.host().await;
    let arn = machine(&host, "work", &stage::pass(), json!({"publish": true})).await;
    for number in 2..=5 {
        let mut definition = stage::pass();
        definition["Comment"] = json!(number.to_string());
        let body =
            json!({"stateMachineArn": arn, "definition": definition.to_string(), "publish": true});
        operator(&host, "UpdateStateMachine", body).await;
    }
    let mut executions = Vec::new();
    for _ in 0..5 {
        executions.push(start(&host, &arn).await);
    }
    executions.reverse();
    let of_machine = json!({"stateMachineArn": arn});
    let arns = |items: &[Value], member: &str| -> Vec<String> {
        items
            .iter()
            .map(|item| text(item, member).to_owned())
            .collect()
    };
    let versions: Vec<_> = (1..=5)
        .rev()
        .map(|number| format!("{arn}:{number}"))
        .collect();
    for page in [1, 2, 5, 1000] {
        let found = all(&host, "ListExecutions", &of_machine, "executions", page).await;
        assert_eq!(arns(&found, "executionArn"), executions, "pages of {page}");
        let found = all(
            &host,
            "ListStateMachineVersions",
            &of_machine,
            "stateMachineVersions",
            page,
        )
        .await;
        assert_eq!(
            arns(&found, "stateMachineVersionArn"),
            versions,
            "pages of {page}"
        );
        let mut body = json!({"executionArn": executions[0]});
        let forward = all(&host, "GetExecutionHistory", &body, "events", page).await;
        assert_eq!(
            super::http::types(&forward),
            [
                "ExecutionStarted",
                "PassStateEntered",
                "PassStateExited",
                "ExecutionSucceeded"
            ]
        );
        body["reverseOrder"] = json!(true);
        let mut backward = all(&host, "GetExecutionHistory", &body, "events", page).await;
        backward.reverse();
        assert_eq!(backward, forward, "pages of {page}");
    }
    let foreign = json!({"stateMachineArn": arn, "nextToken": "bm90IG91cnM"});
    let refused = call(&host, "operator", "ListExecutions", foreign).await;
    is_error(&refused, 400, "InvalidToken");
}

#[tokio::test]
async fn an_express_execution_answers_its_caller_and_a_standard_one_does_not() {
    let folder = Folder::new();
    let host = folder.host().await;
    let express = machine(&host, "fast", &stage::pass(), json!({"type": "EXPRESS"})).await;
    for _ in 0..2 {
        let body = json!({"stateMachineArn": express, "name": "again", "input": "{\"n\": 1}"});
        let ended = operator(&host, "StartSyncExecution", body).await;
        assert_eq!(
            (&ended["status"], &ended["output"]),
            (&json!("SUCCEEDED"), &json!("{\"n\":1}"))
        );
        assert_eq!(ended["billingDetails"]["billedMemoryUsedInMB"], 64);
        let arn = text(&ended, "executionArn");
        assert!(arn.contains(":express:fast:again:"), "{arn}");
        let described = call(
            &host,
            "operator",
            "DescribeExecution",
            json!({"executionArn": arn}),
        )
        .await;
        is_error(&described, 400, "InvalidArn");
        host.person("operator")
            .get(&format!("/v1/executions/{arn}"))
            .await
            .is(200);
    }
    let standard = machine(&host, "slow", &stage::pass(), json!({})).await;
    let body = json!({"stateMachineArn": standard});
    let refused = call(&host, "operator", "StartSyncExecution", body).await;
    is_error(&refused, 400, "StateMachineTypeNotSupported");
}

#[tokio::test]
async fn versions_aliases_tags_and_activities_survive_a_kill() {
    let folder = Folder::new();
    let host = folder.host().await;
    let arn = machine(&host, "work", &stage::pass(), json!({"publish": true})).await;
    let routes = json!([{"stateMachineVersionArn": format!("{arn}:1"), "weight": 100}]);
    let alias = json!({"name": "live", "routingConfiguration": routes});
    operator(&host, "CreateStateMachineAlias", alias).await;
    let tags = json!([{"key": "team", "value": "payments"}]);
    operator(
        &host,
        "TagResource",
        json!({"resourceArn": arn, "tags": tags}),
    )
    .await;
    operator(&host, "CreateActivity", json!({"name": "pack.goods"})).await;
    host.kill_9().await;

    let host = folder.host().await;
    let execution = start(&host, &format!("{arn}:live")).await;
    let described = ended(&host, &execution).await;
    assert_eq!(described["stateMachineVersionArn"], format!("{arn}:1"));
    assert_eq!(described["stateMachineAliasArn"], format!("{arn}:live"));
    let listed = operator(
        &host,
        "ListExecutions",
        json!({"stateMachineArn": format!("{arn}:live")}),
    )
    .await;
    assert_eq!(listed["executions"][0]["executionArn"], execution);
    let found = operator(&host, "ListTagsForResource", json!({"resourceArn": arn})).await;
    assert_eq!(found["tags"], tags);
    let found = operator(&host, "ListActivities", json!({})).await;
    assert_eq!(found["activities"][0]["name"], "pack.goods");
    let used = json!({"stateMachineVersionArn": format!("{arn}:1")});
    let refused = call(&host, "operator", "DeleteStateMachineVersion", used).await;
    is_error(&refused, 400, "ConflictException");
}

#[tokio::test]
async fn deleting_a_state_machine_stops_what_runs_of_it_and_frees_its_name() {
    let folder = Folder::new();
    let host = folder.host().await;
    let arn = machine(&host, "slow", &stage::wait(3600), json!({})).await;
    let executions = [start(&host, &arn).await, start(&host, &arn).await];
    operator(&host, "DeleteStateMachine", json!({"stateMachineArn": arn})).await;
    host.kill_9().await;
    let host = folder.host().await;
    for execution in &executions {
        assert_eq!(ended(&host, execution).await["status"], "ABORTED");
    }
    let is_gone = async {
        loop {
            let body = json!({"stateMachineArn": arn});
            let found = call(&host, "operator", "DescribeStateMachine", body.clone()).await;
            let started = call(&host, "operator", "StartExecution", body).await;
            assert_eq!(started.status, 400, "{}", started.text);
            if found.status == 400 {
                return is_error(&found, 400, "StateMachineDoesNotExist");
            }
            assert_eq!(found.body["status"], "DELETING");
        }
    };
    tokio::time::timeout(super::host::SOON, is_gone)
        .await
        .unwrap();
    machine(&host, "slow", &stage::pass(), json!({})).await;
    let execution = start(&host, &arn).await;
    assert_eq!(ended(&host, &execution).await["status"], "SUCCEEDED");
}
