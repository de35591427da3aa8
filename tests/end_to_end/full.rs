//! A full host, and a caller who has its share of one, say when to come back.

use reqwest::Method;
use serde_json::json;

use super::aws_wire::call;
use super::host::Folder;
use super::http::answer;
use super::stage;

#[tokio::test]
async fn a_caller_beyond_its_share_and_one_on_a_full_host_are_told_when_to_come_back() {
    for (places, percent, status) in [(2, 50, 429), (1, 100, 503)] {
        let folder = Folder::new();
        let limits = format!(
            "[limits]\nstay_ms = 3600000\nexecutions_running_max = {places}\nevent_streams_max = {places}\nprincipal_share_percent = {percent}\n"
        );
        let host = folder.host_with(&limits).await;
        let operator = host.person("operator");
        let machine = operator.put("/v1/state-machines/waits", stage::wait(600));
        machine.await.is(201);
        let id = operator.start("waits", json!({})).await;
        let start = json!({"stateMachine": "waits", "input": {}});
        let refused = operator.post("/v1/executions", start.clone()).await;
        assert!(
            refused
                .is_problem(status)
                .headers
                .contains_key("retry-after")
        );
        let mut events = operator.events(&id).await;
        events.until("WaitStateEntered").await;
        let path = format!("/v1/executions/{id}/events");
        let refused = answer(operator.request(Method::GET, &path)).await;
        assert!(
            refused
                .is_problem(status)
                .headers
                .contains_key("retry-after")
        );
        let stop = format!("/v1/executions/{id}/stop");
        operator.post(&stop, json!({})).await.is(200);
        while events.next().await.is_some() {}
        // Its place is free once the host is done with it.
        let mut again = operator.post("/v1/executions", start.clone()).await;
        while again.status == status {
            again = operator.post("/v1/executions", start.clone()).await;
        }
        again.is(201);
        let records = host.person("auditor").audit().await;
        let refused = |record: &&serde_json::Value| {
            record["decision"]["rule"] == "limits.executions_running_max"
        };
        assert_eq!(records.iter().filter(refused).count(), 1);
    }
}

#[tokio::test]
async fn a_start_beyond_the_limit_of_express_executions_says_so_on_both_faces() {
    for (places, percent, v1, (wire, code)) in [
        (2, 50, 429, (400, "ThrottlingException")),
        (1, 100, 503, (503, "ServiceUnavailable")),
    ] {
        let folder = Folder::new();
        let limits = format!(
            "[limits]\nexpress_running_max = {places}\nprincipal_share_percent = {percent}\n"
        );
        let host = folder.host_with(&limits).await;
        let operator = host.person("operator");
        let role = operator.put("/v1/roles/workers", stage::wide_role());
        role.await.is(201);
        let machine = json!({
            "name": "fast", "type": "EXPRESS", "roleArn": "arn:aws:iam::000000000000:role/workers",
            "definition": stage::wait(200).to_string(),
        });
        let arn = call(&host, "operator", "CreateStateMachine", machine).await;
        let arn = arn.is(200).body["stateMachineArn"].clone();
        let id = operator.start("fast", json!({})).await;
        let start = json!({"stateMachine": "fast", "input": {}});
        let refused = operator.post("/v1/executions", start.clone()).await;
        let told = refused.is_problem(v1);
        assert!(told.headers.contains_key("retry-after"));
        for operation in ["StartExecution", "StartSyncExecution"] {
            let body = json!({"stateMachineArn": arn, "input": "{}"});
            let refused = call(&host, "operator", operation, body).await;
            assert_eq!(refused.is(wire).body["__type"], code, "{operation}");
            assert!(refused.headers.contains_key("retry-after"));
        }
        let stop = format!("/v1/executions/{id}/stop");
        operator.post(&stop, json!({})).await.is(200);
        // Its place is free once the host is done with it.
        let mut again = operator.post("/v1/executions", start.clone()).await;
        while again.status == v1 {
            again = operator.post("/v1/executions", start.clone()).await;
        }
        again.is(201);
    }
}
