//! What most tests need first: a component that may run under a role, and a definition.

use serde_json::{Value, json};

use crate::host::Host;

/// The role of every test that needs no particular one.
pub const ROLE: &str = "workers";

/// Limits wide enough for a component that is meant to be killed.
pub fn wide_role() -> Value {
    json!({"limits": {"cpu": "10m", "time": "10m"}})
}

/// Uploads a component, writes the role, and has the pair approved.
pub async fn component(host: &Host, name: &str, wasm: &[u8]) {
    host.person("author")
        .upload(name, "1.0.0", wasm)
        .await
        .is(201);
    let role = host
        .person("operator")
        .put(&format!("/v1/roles/{ROLE}"), wide_role())
        .await;
    assert!([200, 201].contains(&role.status), "{}", role.text);
    host.person("reviewer")
        .review(name, ROLE, "approve")
        .await
        .is(201);
}

/// Publishes a definition under the role.
pub async fn machine(host: &Host, name: &str, definition: Value) {
    let path = format!("/v1/state-machines/{name}?role={ROLE}");
    host.person("operator").put(&path, definition).await.is(201);
}

/// One Task.
pub fn task(component: &str) -> Value {
    json!({"StartAt": "Work", "States": {
        "Work": {"Type": "Task", "Resource": format!("component:{component}@1.0.0"), "End": true}}})
}

/// One Task that is tried again if its host dies under it.
pub fn task_with_retry(component: &str) -> Value {
    let mut definition = task(component);
    definition["States"]["Work"]["Retry"] = json!([
        {"ErrorEquals": ["Sluice.Interrupted"], "IntervalSeconds": 1, "MaxAttempts": 50, "BackoffRate": 1.0}]);
    definition
}

/// One Wait, then one Pass.
pub fn wait(seconds: u64) -> Value {
    json!({"StartAt": "Wait", "States": {
        "Wait": {"Type": "Wait", "Seconds": seconds, "Next": "Done"},
        "Done": {"Type": "Pass", "End": true}}})
}

/// One Pass.
pub fn pass() -> Value {
    json!({"StartAt": "Done", "States": {"Done": {"Type": "Pass", "End": true}}})
}

/// Asserts that the host's whole audit log verifies, through the command line.
pub async fn audit_verifies(host: &Host) {
    let verified = host.cli("auditor", "audit verify").await;
    assert_eq!(verified.code, 0, "{verified:?}");
}

/// The host answers, and takes work.
pub async fn is_well(host: &Host) {
    host.nobody().get("/healthz").await.is(200);
    host.nobody().get("/readyz").await.is(200);
    let operator = host.person("operator");
    operator
        .put("/v1/state-machines/well", pass())
        .await
        .is(201);
    let id = operator.start("well", json!({"still": "here"})).await;
    assert_eq!(operator.ended(&id).await["status"], "SUCCEEDED");
}
