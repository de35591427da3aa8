//! Two hosts on one folder: the second waits, alive but not ready, and takes over.

use serde_json::json;

use super::host::{Folder, Host};
use super::http::Person;
use super::stage;

#[tokio::test]
async fn a_second_host_waits_and_takes_over() {
    let folder = Folder::new();
    let first = folder.host().await;
    let operator = first.person("operator");
    operator
        .put("/v1/state-machines/patient", stage::wait(2))
        .await
        .is(201);
    let id = operator.start("patient", json!({})).await;

    let (child, ready_file) = folder.spawn("dev", "second.json", "");
    let second = Person::new(&folder.next_address(1).await, None);
    second.get("/healthz").await.is(200);
    assert_eq!(
        second.get("/readyz").await.is(503).body["status"],
        "starting"
    );
    let early = second.get("/v1/whoami").await;
    early.is_problem(503);
    assert!(early.headers.contains_key("retry-after"));
    assert!(!ready_file.exists());
    operator.get("/v1/whoami").await.is(200);

    first.kill_9().await;
    let second = Host::when_ready(&folder, child, ready_file).await;
    second.nobody().get("/readyz").await.is(200);
    let execution = second.person("operator").ended(&id).await;
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    stage::audit_verifies(&second).await;
}

#[tokio::test]
async fn the_log_of_a_folder_that_a_host_holds_is_not_read_beside_it() {
    let folder = Folder::new();
    let host = folder.host().await;
    let data = folder.data();
    let refused = super::host::cli(&["audit", "verify", "--data", data.to_str().unwrap()]).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("a host holds"), "{refused:?}");
    host.nobody().get("/readyz").await.is(200);
}
