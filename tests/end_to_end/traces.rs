//! Traces: what a collector is sent, and that nobody waits for it.

mod collector;

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::guest;
use super::host::{Folder, Host, SOON, cli};
use super::http::Person;
use super::stage;
use collector::{Collector, Mood, Span};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
const SERVER: i32 = 2;
const KEY: &str = "the-key-of-the-collector";

fn traced_at(endpoint: &str) -> String {
    format!("[metrics]\nlisten = \"127.0.0.1:0\"\n[telemetry]\nendpoint = \"{endpoint}\"\n")
}

fn parent(flags: &str) -> String {
    format!("00-{TRACE}-{CALLER}-{flags}")
}

/// Starts an execution as a caller who stands in a trace.
async fn start(host: &Host, machine: &str, traceparent: &str) -> String {
    let request = host
        .person("operator")
        .request(Method::POST, "/v1/executions");
    let body = json!({"stateMachine": machine, "input": {"pin": "a-payload"}});
    let request = request.header("traceparent", traceparent).json(&body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let started: Value = answer.json().await.unwrap();
    started["id"].as_str().unwrap().to_owned()
}

/// Publishes a definition that needs no role.
async fn publish(host: &Host, machine: &str, definition: Value) {
    let path = format!("/v1/state-machines/{machine}");
    host.person("operator").put(&path, definition).await.is(201);
}

#[track_caller]
fn one<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {spans:#?}");
    found[0]
}

fn has(name: &'static str) -> impl Fn(&[Span]) -> bool {
    move |spans| spans.iter().any(|span| span.name == name)
}

/// The counts of spans, by what became of them.
async fn counted(host: &Host, outcome: &str) -> u64 {
    let address = host.ready.metrics.as_deref().unwrap();
    let scraper = Person::new(address.strip_suffix("/metrics").unwrap(), None);
    let text = scraper.get("/metrics").await.is(200).text.clone();
    let series = format!("sluice_telemetry_spans_total{{outcome=\"{outcome}\"}} ");
    let mut found = text.lines().filter_map(|line| line.strip_prefix(&series));
    found.next().unwrap().parse().unwrap()
}

async fn counted_at_least(host: &Host, outcome: &str, least: u64) {
    let begun = Instant::now();
    while counted(host, outcome).await < least {
        assert!(begun.elapsed() < SOON, "not {least} {outcome}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn each_attempt_stands_in_the_callers_trace() {
    let collector = Collector::start().await;
    let folder = Folder::new();
    let host = folder.host_with(&traced_at(&collector.endpoint)).await;
    stage::component(&host, "echo", &guest::echo()).await;
    stage::machine(&host, "work", stage::task("echo")).await;
    let id = start(&host, "work", &parent("01")).await;
    assert_eq!(
        host.person("operator").ended(&id).await["status"],
        "SUCCEEDED"
    );
    let spans = collector.until(has("execution work")).await;

    let caused: Vec<_> = spans
        .into_iter()
        .filter(|span| span.trace == TRACE)
        .collect();
    let request = one(&caused, "POST /v1/executions");
    assert_eq!((request.parent.as_str(), request.kind), (CALLER, SERVER));
    assert_eq!(request.tells("http.request.method"), Some("POST"));
    assert_eq!(request.tells("http.route"), Some("/v1/executions"));
    assert_eq!(request.tells("http.response.status_code"), Some("201"));
    let execution = one(&caused, "execution work");
    assert_eq!(execution.parent, request.id);
    let arn = execution.tells("sluice.execution.arn").unwrap();
    assert!(arn.ends_with(&format!(":execution:work:{id}")), "{arn}");
    let attempt = one(&caused, "attempt Work");
    assert_eq!(attempt.parent, execution.id);
    for (name, value) in [
        ("sluice.execution.arn", arn),
        ("sluice.state_machine", "work"),
        ("sluice.state", "Work"),
        ("sluice.attempt", "1"),
        ("sluice.component.name", "echo"),
        ("sluice.component.version", "1.0.0"),
        ("sluice.outcome", "succeeded"),
    ] {
        assert_eq!(attempt.tells(name), Some(value), "{name}");
    }
    let digest = attempt.tells("sluice.component.digest").unwrap();
    assert!(digest.starts_with("sha256:"), "{digest}");
    let mut before = request.began;
    for phase in ["admit", "record", "instantiate", "run", "commit"] {
        let phase = one(&caused, phase);
        assert_eq!(phase.parent, attempt.id);
        assert!(
            before <= phase.began && phase.began <= phase.ended,
            "{phase:?}"
        );
        assert!(attempt.began <= phase.began && phase.ended <= attempt.ended);
        before = phase.ended;
    }
    assert!(execution.began <= attempt.began && attempt.ended <= execution.ended);
    assert_eq!(collector.services()[0], "sluice");
    assert!(!format!("{caused:?}").contains("a-payload"));
}

#[tokio::test]
async fn after_kill_9_what_is_left_stands_in_the_callers_trace() {
    let collector = Collector::start().await;
    let folder = Folder::new();
    let config = traced_at(&collector.endpoint);
    let host = folder.host_with(&config).await;
    stage::component(&host, "echo", &guest::echo()).await;
    let mut definition = stage::task("echo");
    definition["StartAt"] = json!("Pause");
    definition["States"]["Pause"] = json!({"Type": "Wait", "Seconds": 3, "Next": "Work"});
    stage::machine(&host, "patient", definition).await;
    let id = start(&host, "patient", &parent("01")).await;
    host.kill_9().await;

    let host = folder.host_with(&config).await;
    assert_eq!(
        host.person("operator").ended(&id).await["status"],
        "SUCCEEDED"
    );
    let spans = collector.until(has("execution patient")).await;
    let execution = one(&spans, "execution patient");
    assert_eq!(execution.trace, TRACE);
    let attempt = one(&spans, "attempt Work");
    assert_eq!(
        (&attempt.trace, &attempt.parent),
        (&execution.trace, &execution.id)
    );
    assert!(execution.ended - execution.began >= 3_000_000_000);
}

#[tokio::test]
async fn calls_of_the_aws_wire_are_named_by_their_operation() {
    let collector = Collector::start().await;
    let folder = Folder::new();
    let host = folder.host_with(&traced_at(&collector.endpoint)).await;
    let operator = host.person("operator");
    publish(&host, "pass", stage::pass()).await;
    let request = operator
        .request(Method::POST, "/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "AWSStepFunctions.StartExecution")
        .header("traceparent", parent("01"));
    let arn = "arn:aws:states:us-east-1:000000000000:stateMachine:pass";
    let body = json!({"stateMachineArn": arn}).to_string();
    assert_eq!(request.body(body).send().await.unwrap().status(), 200);
    let spans = collector.until(has("execution pass")).await;
    let call = one(&spans, "AWSStepFunctions/StartExecution");
    assert_eq!(call.parent, CALLER);
    assert_eq!(call.tells("rpc.system"), Some("aws-api"));
    assert_eq!(call.tells("rpc.method"), Some("StartExecution"));
    assert_eq!(one(&spans, "execution pass").parent, call.id);
}

#[tokio::test]
async fn an_unsampled_caller_has_no_spans_and_a_malformed_one_a_trace_of_its_own() {
    let collector = Collector::start().await;
    let folder = Folder::new();
    let host = folder.host_with(&traced_at(&collector.endpoint)).await;
    publish(&host, "unwanted", stage::pass()).await;
    publish(&host, "wanted", stage::pass()).await;
    let unsampled = start(&host, "unwanted", &parent("00")).await;
    host.person("operator").ended(&unsampled).await;
    start(&host, "wanted", "00-not-a-parent").await;
    let spans = collector.until(has("execution wanted")).await;
    assert!(!has("execution unwanted")(&spans));
    assert!(spans.iter().all(|span| span.trace != TRACE), "{spans:#?}");
    let execution = one(&spans, "execution wanted");
    let root = spans
        .iter()
        .find(|span| span.id == execution.parent)
        .unwrap();
    assert_eq!(root.parent, "");
    // What is asked every few seconds is no trace of its own.
    host.nobody().get("/healthz").await.is(200);
    start(&host, "wanted", &parent("01")).await;
    let spans = collector
        .until(|spans| spans.iter().any(|span| span.trace == TRACE))
        .await;
    assert!(!has("GET /healthz")(&spans));
}

#[tokio::test]
async fn a_failure_is_told_by_the_name_of_its_error_alone() {
    let collector = Collector::start().await;
    let folder = Folder::new();
    let host = folder.host_with(&traced_at(&collector.endpoint)).await;
    let failing = json!({"StartAt": "F", "States": {
        "F": {"Type": "Fail", "Error": "Broken", "Cause": "a-cause"}}});
    publish(&host, "fails", failing).await;
    start(&host, "fails", &parent("01")).await;
    let spans = collector.until(has("execution fails")).await;
    let execution = one(&spans, "execution fails");
    assert!(execution.is_error);
    assert_eq!(execution.tells("error.type"), Some("Broken"));
    assert_eq!(execution.tells("sluice.execution.status"), Some("FAILED"));
    assert!(!one(&spans, "POST /v1/executions").is_error);
    assert!(!format!("{spans:?}").contains("a-cause"));
}

#[tokio::test]
async fn without_a_share_only_callers_have_traces() {
    let collector = Collector::start().await;
    let folder = Folder::new();
    let config = traced_at(&collector.endpoint) + "sample_ratio = 0.0\nservice_name = \"orders\"\n";
    let host = folder.host_with(&config).await;
    publish(&host, "pass", stage::pass()).await;
    let own = host.person("operator").start("pass", json!({})).await;
    host.person("operator").ended(&own).await;
    start(&host, "pass", &parent("01")).await;
    let spans = collector.until(has("execution pass")).await;
    assert!(spans.iter().all(|span| span.trace == TRACE), "{spans:#?}");
    assert_eq!(collector.services()[0], "orders");
}

#[tokio::test]
async fn the_key_reaches_the_collector_and_nobody_else() {
    let collector = Collector::start().await;
    let folder = Folder::talkative();
    std::fs::write(folder.path("key"), format!("{KEY}\n")).unwrap();
    let config = traced_at(&collector.endpoint) + "[telemetry.header_files]\nx-api-key = \"key\"\n";
    let host = folder.host_with(&config).await;
    collector.is(Mood::Answering(401));
    host.person("operator").get("/v1/whoami").await.is(200);
    counted_at_least(&host, "failed", 1).await;
    collector.is(Mood::Taking);
    host.person("operator").get("/v1/whoami").await.is(200);
    collector.until(has("GET /v1/whoami")).await;
    assert_eq!(collector.headers()[0]["x-api-key"], KEY);
    assert!(
        folder
            .log()
            .contains("the collector answered with status 401")
    );
    assert!(!folder.log().contains(KEY));
}

#[tokio::test]
async fn a_collector_that_is_busy_gets_the_spans_later() {
    let collector = Collector::start().await;
    collector.is(Mood::Answering(503));
    let folder = Folder::new();
    let host = folder.host_with(&traced_at(&collector.endpoint)).await;
    host.person("operator").get("/v1/whoami").await.is(200);
    collector.until_called(2).await;
    collector.is(Mood::Taking);
    collector.until(has("GET /v1/whoami")).await;
    counted_at_least(&host, "sent", 1).await;
    assert_eq!(counted(&host, "failed").await, 0);
}

#[tokio::test]
async fn nobody_waits_for_a_collector_that_does_not_answer() {
    let silent = Collector::start().await;
    silent.is(Mood::Silent);
    let absent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("http://{}", absent.local_addr().unwrap());
    drop(absent);
    for endpoint in [&silent.endpoint, &nowhere] {
        let folder = Folder::new();
        let config = traced_at(endpoint) + "timeout_ms = 500\nspans_waiting_max = 1\n";
        let host = folder.host_with(&config).await;
        stage::is_well(&host).await;
        let operator = host.person("operator");
        while counted(&host, "dropped").await == 0 {
            operator.get("/v1/whoami").await.is(200);
        }
        // What waits is given up after the time that the collector has, and not before the end.
        let begun = Instant::now();
        host.terminate().await;
        assert!(host.ended().await.success());
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{:?}",
            begun.elapsed()
        );
        assert!(folder.log().contains("stopped"));
    }
    assert!(silent.requests() > 0);
}

#[tokio::test]
async fn a_host_that_stops_sends_what_is_left() {
    let collector = Collector::start().await;
    let folder = Folder::new();
    let host = folder.host_with(&traced_at(&collector.endpoint)).await;
    publish(&host, "pass", stage::pass()).await;
    let id = start(&host, "pass", &parent("01")).await;
    host.person("operator").ended(&id).await;
    host.terminate().await;
    assert!(host.ended().await.success());
    one(&collector.spans(), "execution pass");
}

#[tokio::test]
async fn the_doctor_asks_the_collector() {
    let collector = Collector::start().await;
    let folder = Folder::new();
    let doctor = async |config: &str, more: &[&str]| {
        let file = folder.path("doctor.toml");
        std::fs::write(&file, config).unwrap();
        let (file, data) = (file.to_str().unwrap(), folder.data());
        let mut arguments = vec!["doctor", "--dev", "--output", "json", "--config", file];
        arguments.extend(["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
        arguments.extend(more);
        let report: Value = serde_json::from_str(&cli(&arguments).await.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap().clone();
        let found = checks.into_iter().find(|check| check["check"] == "traces");
        found.map(|found| (found["verdict"].clone(), found["found"].to_string()))
    };
    let (verdict, found) = doctor("", &[]).await.unwrap();
    assert_eq!(
        (verdict, found.as_str()),
        (json!("OK"), "\"none are sent\"")
    );
    let config = format!("[telemetry]\nendpoint = \"{}\"\n", collector.endpoint);
    let (verdict, found) = doctor(&config, &[]).await.unwrap();
    assert!(verdict == "OK" && found.contains("takes traces"), "{found}");
    collector.is(Mood::Answering(403));
    let (verdict, found) = doctor(&config, &[]).await.unwrap();
    assert!(verdict == "WARN" && found.contains("status 403"), "{found}");
    let asked = collector.requests();
    let (verdict, found) = doctor(&config, &["--offline"]).await.unwrap();
    assert!(verdict == "OK" && found.contains("not asked"), "{found}");
    assert_eq!(collector.requests(), asked);
}
