//! A full host, and a caller who has its share of one, say when to come back.

use reqwest::Method;
use serde_json::json;

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
