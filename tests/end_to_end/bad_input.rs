//! Whatever is sent, the answer says what is wrong and where, and the host goes on.

use reqwest::Method;
use serde_json::{Value, json};

use super::host::{Folder, Host};
use super::http::Answer;
use super::stage;

const JSON: &str = "application/json";

async fn put(host: &Host, path: &str, body: impl Into<Vec<u8>>) -> Answer {
    host.person("operator")
        .send(Method::PUT, path, JSON, body)
        .await
}

async fn post(host: &Host, person: &str, path: &str, body: impl Into<Vec<u8>>) -> Answer {
    host.person(person)
        .send(Method::POST, path, JSON, body)
        .await
}

/// Routes that take a JSON document, and who may send one.
const DOCUMENTS: [(&str, &str, &str); 5] = [
    ("operator", "PUT", "/v1/roles/workers"),
    ("operator", "PUT", "/v1/state-machines/work"),
    ("operator", "POST", "/v1/executions"),
    ("operator", "POST", "/v1/executions/EXECUTION/stop"),
    ("reviewer", "POST", "/v1/reviews"),
];

#[tokio::test]
async fn what_is_not_a_json_document_is_refused_by_every_route() {
    let folder = Folder::new();
    let host = folder.host().await;
    let operator = host.person("operator");
    operator
        .put("/v1/state-machines/slow", stage::wait(3600))
        .await
        .is(201);
    let id = operator.start("slow", json!({})).await;
    let malformed: [(Vec<u8>, u16, &str); 9] = [
        (b"{".to_vec(), 400, "line 1"),
        (b"{\"a\": 1,\n \"a\": 2}".to_vec(), 400, "twice"),
        (b"{} {}".to_vec(), 400, "malformed JSON"),
        (b"\xff\xfe".to_vec(), 400, "UTF-8"),
        (b"[]".to_vec(), 400, "object"),
        (b"\"text\"".to_vec(), 400, "object"),
        (b"{\"surprise\": 1}".to_vec(), 400, "/surprise"),
        ("[".repeat(50_000).into_bytes(), 400, "recursion"),
        (vec![b' '; 2 << 20], 413, "larger than"),
    ];
    for (person, method, path) in DOCUMENTS {
        let path = path.replace("EXECUTION", &id);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        for (body, status, reason) in &malformed {
            let answer = host
                .person(person)
                .send(method.clone(), &path, JSON, body.clone())
                .await;
            answer.is_problem(*status).says(reason);
        }
        for content_type in [
            "text/plain",
            "application/wasm",
            "application/x-www-form-urlencoded",
        ] {
            let answer = host
                .person(person)
                .send(method.clone(), &path, content_type, "{}")
                .await;
            answer.is_problem(415);
        }
        let answer = host
            .person(person)
            .send(method.clone(), &format!("{path}?surprise=1"), JSON, "{}")
            .await;
        answer.is_problem(400).says("surprise");
        let answer = host
            .person(person)
            .send(Method::PATCH, &path, JSON, "{}")
            .await;
        answer.is_problem(405);
        assert!(answer.headers.contains_key("allow"), "{path}");
    }
    let execution = operator.get(&format!("/v1/executions/{id}")).await;
    assert_eq!(execution.body["status"], "RUNNING");
    stage::is_well(&host).await;
}

#[tokio::test]
async fn every_problem_of_a_document_is_listed_with_its_pointer() {
    let folder = Folder::new();
    let host = folder.host().await;
    let role = json!({
        "http": [{"origins": ["*", "ftp://a"], "methods": ["fetch"], "paths": ["a"], "extra": 1}],
        "filesystem": "all",
        "limits": {"memory": "a lot", "speed": 1},
        "surprise": true,
    });
    let answer = put(&host, "/v1/roles/workers", role.to_string()).await;
    let expected = [
        "/http/0/origins/0",
        "/http/0/origins/1",
        "/http/0/methods/0",
        "/http/0/paths/0",
        "/http/0/extra",
        "/filesystem",
        "/limits/memory",
        "/limits/speed",
        "/surprise",
    ];
    lists(&answer, &expected);

    let review =
        json!({"component": "a b", "version": "one", "role": 7, "decision": "maybe", "commnt": ""});
    let answer = post(&host, "reviewer", "/v1/reviews", review.to_string()).await;
    assert!(
        answer.is_problem(400).pointers().contains(&"/component"),
        "{}",
        answer.text
    );
    let review =
        json!({"component": "a", "version": "one", "role": 7, "decision": "maybe", "commnt": ""});
    let answer = post(&host, "reviewer", "/v1/reviews", review.to_string()).await;
    lists(&answer, &["/version", "/role", "/decision", "/commnt"]);

    let start = json!({"stateMachine": 7, "name": "a/b", "inptu": {}});
    let answer = post(&host, "operator", "/v1/executions", start.to_string()).await;
    lists(&answer, &["/stateMachine", "/name", "/inptu"]);

    stage::is_well(&host).await;
}

#[tokio::test]
async fn every_problem_of_a_definition_is_listed_with_its_pointer() {
    let folder = Folder::new();
    let host = folder.host().await;
    let definition = json!({
        "StartAt": "Nowhere",
        "TimeoutSeconds": "soon",
        "States": {
            "A": {"Type": "Task", "End": true, "Retry": [{"ErrorEquals": [], "MaxAttempts": -1}]},
            "B": {"Type": "Choice", "Choices": []},
            "C": {"Type": "Wait", "Seconds": 1, "SecondsPath": "$.a", "Next": "Missing"},
            "D": {"Type": "Teleport"},
            "E": {"Type": "Pass", "InputPath": "a.b", "End": true},
        },
    });
    let answer = put(&host, "/v1/state-machines/work", definition.to_string()).await;
    let pointers = answer.is_problem(400).pointers();
    for place in [
        "/StartAt",
        "/TimeoutSeconds",
        "/States/A",
        "/States/A/Retry",
        "/States/B/Choices",
        "/States/C",
        "/States/D/Type",
        "/States/E/InputPath",
    ] {
        assert!(
            pointers.iter().any(|pointer| pointer.starts_with(place)),
            "{place}: {}",
            answer.text
        );
    }
    let many: serde_json::Map<_, _> = (0..300)
        .map(|number| (format!("S{number}"), json!({"Type": "None"})))
        .collect();
    let answer = put(
        &host,
        "/v1/state-machines/work",
        json!({"StartAt": "S0", "States": many}).to_string(),
    )
    .await;
    assert_eq!(
        answer
            .is_problem(400)
            .says("the first 200 of")
            .pointers()
            .len(),
        200
    );
    stage::is_well(&host).await;
}

#[track_caller]
fn lists(answer: &Answer, expected: &[&str]) {
    let pointers = answer.is_problem(400).pointers();
    for pointer in expected {
        assert!(pointers.contains(pointer), "{pointer}: {}", answer.text);
    }
}

#[tokio::test]
async fn yaml_is_read_as_strictly_as_json() {
    let folder = Folder::new();
    let host = folder.host().await;
    let operator = host.person("operator");
    let send = |text: &'static str| {
        operator.send(
            Method::PUT,
            "/v1/state-machines/work",
            "application/yaml",
            text,
        )
    };
    send("StartAt: A\nStates:\n  A: {Type: Pass, End: true}\n")
        .await
        .is(201);
    for text in [
        "StartAt: A\nStartAt: B\n",
        "a: [",
        "a: &x [*x]\n",
        "--- 1\n--- 2\n",
        "a: !tag b\n",
        "StartAt: A\nStates:\n  A: {Type: Pass}\n",
        "",
    ] {
        send(text).await.is_problem(400);
    }
    stage::is_well(&host).await;
}

#[tokio::test]
async fn an_input_or_definition_that_is_too_large_is_refused() {
    let folder = Folder::new();
    let host = folder
        .host_with("[limits]\ninput_bytes_max = 1000\ndefinition_bytes_max = 5000\n")
        .await;
    let operator = host.person("operator");
    operator
        .put("/v1/state-machines/work", stage::pass())
        .await
        .is(201);
    let start = |bytes: usize| json!({"stateMachine": "work", "input": "x".repeat(bytes)});
    operator.post("/v1/executions", start(998)).await.is(201);
    operator
        .post("/v1/executions", start(999))
        .await
        .is_problem(413);
    let nested = |levels| (1..levels).fold(json!([]), |inner, _| json!([inner]));
    let start = |levels: usize| json!({"stateMachine": "work", "input": nested(levels)});
    let id = operator.post("/v1/executions", start(100)).await;
    let id = id.is(201).body["id"].as_str().unwrap().to_owned();
    assert_eq!(operator.ended(&id).await["output"], nested(100));
    let deep = operator.post("/v1/executions", start(101)).await;
    assert_eq!(deep.is_problem(400).pointers(), ["/input"]);
    let mut large = stage::pass();
    large["Comment"] = Value::from("x".repeat(5000));
    operator
        .put("/v1/state-machines/work", large)
        .await
        .is_problem(413);
    stage::is_well(&host).await;
}
