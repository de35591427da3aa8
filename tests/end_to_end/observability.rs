//! What a host tells of itself, and to whom.

use std::collections::BTreeSet;

use serde_json::json;

use super::aws_wire::call;
use super::guest;
use super::host::{Folder, Host};
use super::http::Person;
use super::stage;

const PAGE: &str = include_str!("../../docs/observability.md");
const OWN_ADDRESS: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n";

/// Runs a Task and an expression, and has something refused.
async fn work(host: &Host) {
    stage::component(host, "echo", &guest::echo()).await;
    let mut definition = stage::task("echo");
    definition["States"]["Work"]["Next"] = json!("Add");
    definition["States"]["Work"]
        .as_object_mut()
        .unwrap()
        .remove("End");
    definition["States"]["Add"] = json!({"Type": "Pass", "QueryLanguage": "JSONata", "Next": "Wait",
        "Output": "{% $sum([1..3]) %}"});
    definition["States"]["Wait"] = json!({"Type": "Wait", "Seconds": 1, "End": true});
    stage::machine(host, "work", definition).await;
    let operator = host.person("operator");
    let id = operator.start("work", json!({"a": 1})).await;
    assert_eq!(operator.ended(&id).await["status"], "SUCCEEDED");
    host.person("author").get("/v1/audit").await.is(403);
}

async fn scrape(host: &Host) -> String {
    let address = host.ready.metrics.as_deref().unwrap();
    let address = address.strip_suffix("/metrics").unwrap();
    let scraper = Person::new(address, None);
    scraper.get("/metrics").await.is(200).text.clone()
}

fn shown(text: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types
        .map(|kind| kind.split(' ').next().unwrap().to_owned())
        .collect()
}

/// The first cells of the page's list.
fn listed() -> BTreeSet<String> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.filter_map(|row| row.split('`').next());
    let is_metric = |name: &&str| name.starts_with("sluice_") || name.starts_with("process_");
    names.filter(is_metric).map(str::to_owned).collect()
}

/// The value of the one series that begins so.
fn value(text: &str, series: &str) -> f64 {
    let found: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix(series)?.trim().parse().ok())
        .collect();
    assert_eq!(found.len(), 1, "{series} in\n{text}");
    found[0]
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn every_metric_of_the_page_is_shown_and_no_other() {
    let folder = Folder::new();
    let host = folder.host_with(OWN_ADDRESS).await;
    work(&host).await;
    let text = scrape(&host).await;
    assert_eq!(shown(&text), listed());
}

#[tokio::test]
async fn what_was_done_is_counted() {
    let folder = Folder::new();
    let host = folder.host_with(OWN_ADDRESS).await;
    work(&host).await;
    let text = scrape(&host).await;
    for (series, expected) in [
        ("sluice_ready", 1.0),
        ("sluice_executions_started_total{kind=\"standard\"}", 1.0),
        (
            "sluice_executions_ended_total{kind=\"standard\",status=\"SUCCEEDED\"}",
            1.0,
        ),
        ("sluice_attempts_total{outcome=\"succeeded\"}", 1.0),
        ("sluice_attempts_running", 0.0),
        ("sluice_attempts_waiting", 0.0),
        ("sluice_commits_waiting", 0.0),
        ("sluice_timer_lag_seconds_count", 1.0),
        (
            "sluice_policy_decisions_total{action=\"ReadAudit\",decision=\"denied\"}",
            1.0,
        ),
        (
            "sluice_http_requests_total{method=\"GET\",route=\"/v1/audit\",operation=\"\",status=\"403\"}",
            1.0,
        ),
    ] {
        assert_eq!(value(&text, series), expected, "{series}");
    }
    for phase in ["queue", "admit", "record", "instantiate", "run", "commit"] {
        let series = format!("sluice_attempt_phase_seconds_count{{phase=\"{phase}\"}}");
        assert_eq!(value(&text, &series), 1.0, "{series}");
    }
    let audit = host.person("auditor").get("/v1/audit").await;
    let links = audit.is(200).body["head"]["length"].as_f64().unwrap();
    assert_eq!(value(&scrape(&host).await, "sluice_audit_links"), links);
    assert!(
        value(&text, "sluice_store_sync_seconds_count")
            >= value(&text, "sluice_store_group_commits_count")
    );
}

#[tokio::test]
async fn what_waits_on_disk_and_what_was_refused_is_counted() {
    let folder = Folder::new();
    let limits = "[limits]\nstay_ms = 1\nexpress_running_max = 1\nprincipal_share_percent = 100\n";
    let host = folder.host_with(&format!("{limits}{OWN_ADDRESS}")).await;
    let operator = host.person("operator");
    let workers = operator.put("/v1/roles/workers", stage::wide_role());
    workers.await.is(201);
    stage::machine(&host, "waits", stage::wait(600)).await;
    let id = operator.start("waits", json!({})).await;
    let parked = "sluice_executions_parked{until=\"time\"}";
    // It leaves memory a moment after its start was answered.
    while value(&scrape(&host).await, parked) != 1.0 {}
    let role = "arn:aws:iam::000000000000:role/workers";
    let fast = json!({"name": "fast", "type": "EXPRESS", "roleArn": role,
        "definition": stage::wait(200).to_string()});
    call(&host, "operator", "CreateStateMachine", fast)
        .await
        .is(200);
    operator.start("fast", json!({})).await;
    let start = json!({"stateMachine": "fast", "input": {}});
    operator.post("/v1/executions", start).await.is(503);
    let text = scrape(&host).await;
    let refusals = |full: &str| {
        let series =
            format!("sluice_refusals_total{{limit=\"express_running_max\",full=\"{full}\"}}");
        value(&text, &series)
    };
    assert_eq!((refusals("host"), refusals("share")), (1.0, 0.0));
    assert_eq!(value(&text, "sluice_express_running"), 1.0);
    assert!(value(&text, "sluice_store_base_waiting_bytes") > 0.0);
    assert_eq!(value(&text, "sluice_alarms_behind_seconds"), 0.0);
    let stop = format!("/v1/executions/{id}/stop");
    operator.post(&stop, json!({})).await.is(200);
    assert_eq!(value(&scrape(&host).await, parked), 0.0);
}

#[tokio::test]
async fn metrics_are_for_those_whom_policy_permits_and_nobody_else() {
    let folder = Folder::new();
    let host = folder.host().await;
    assert_eq!(host.ready.metrics, None);
    host.nobody().get("/metrics").await.is(401);
    host.person("author").get("/metrics").await.is(403);
    for person in ["operator", "auditor"] {
        let answer = host.person(person).get("/metrics").await;
        let content_type = answer.is(200).headers["content-type"].to_str().unwrap();
        assert!(content_type.starts_with("text/plain; version=0.0.4"));
        assert!(answer.text.contains("sluice_build_info{"));
    }
}

#[tokio::test]
async fn the_address_for_metrics_serves_nothing_else() {
    let folder = Folder::new();
    let host = folder.host_with(OWN_ADDRESS).await;
    let address = host.ready.metrics.clone().unwrap();
    let address = address.strip_suffix("/metrics").unwrap();
    let scraper = Person::new(
        address,
        host.ready.tokens.get("operator").map(String::as_str),
    );
    scraper.get("/readyz").await.is(200);
    scraper.get("/v1/whoami").await.is(404);
    scraper.get("/openapi.json").await.is(404);
    scraper.post("/metrics", json!({})).await.is(405);
}

#[tokio::test]
async fn no_label_holds_what_a_client_made_up() {
    let folder = Folder::new();
    let host = folder.host_with(OWN_ADDRESS).await;
    host.nobody()
        .get("/invented-path?invented=query")
        .await
        .is(404);
    let operator = host.person("operator");
    operator.get("/v1/executions/invented-id").await.is(404);
    let invented = reqwest::Method::from_bytes(b"INVENTED").unwrap();
    operator
        .send(invented, "/v1/whoami", "text/plain", "")
        .await
        .is(405);
    let request = operator.request(reqwest::Method::POST, "/");
    let request = request
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "AWSStepFunctions.InventedOperation");
    assert_eq!(request.body("{}").send().await.unwrap().status(), 404);
    let text = scrape(&host).await;
    assert!(!text.to_lowercase().contains("invented"), "{text}");
    assert!(text.contains("route=\"unmatched\""), "{text}");
    assert!(text.contains("method=\"OTHER\""), "{text}");
}

/// The members of the spans that the first line with this message stands in.
fn ids(folder: &Folder, message: &str) -> serde_json::Map<String, serde_json::Value> {
    let log = folder.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut found = lines.filter(|line| line["fields"]["message"] == message);
    let line = found.next().unwrap_or_else(|| panic!("no {message}"));
    let spans = line["spans"].as_array().cloned().unwrap_or_default();
    let members = spans
        .into_iter()
        .filter_map(|span| span.as_object().cloned());
    members.flatten().collect()
}

#[tokio::test]
async fn lines_carry_the_ids_of_what_they_are_about_and_no_payload() {
    let folder = Folder::talkative();
    let host = folder.host().await;
    stage::component(&host, "echo", &guest::echo()).await;
    stage::machine(&host, "work", stage::task("echo")).await;
    let operator = host.person("operator");
    let id = operator.start("work", json!({"pin": "a-payload"})).await;
    assert_eq!(operator.ended(&id).await["status"], "SUCCEEDED");
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = operator.request(reqwest::Method::GET, "/v1/whoami");
    let request = request.header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"));
    let answer = request.send().await.unwrap();
    let request_id = answer.headers()["x-request-id"].clone();
    host.kill_9().await;

    let attempt = ids(&folder, "the attempt ended");
    assert_eq!(attempt["execution"], id);
    assert_eq!(
        (&attempt["state"], &attempt["attempt"]),
        (&json!("Work"), &json!(1))
    );
    assert_eq!(ids(&folder, "the execution ended")["execution"], id);
    assert!(ids(&folder, "answered").contains_key("request"));
    assert!(folder.log().contains(request_id.to_str().unwrap()));
    let traced = format!("\"trace\":\"{trace}\"");
    assert!(folder.log().lines().any(|line| line.contains(&traced)));
    assert!(!folder.log().contains("a-payload"));
}
