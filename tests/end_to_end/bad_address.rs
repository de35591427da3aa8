//! Names, versions, parameters and page tokens that are none, and things that are not there.

use reqwest::Method;
use serde_json::json;

use super::guest;
use super::host::Folder;
use super::stage;

#[tokio::test]
async fn what_is_no_name_or_version_is_refused() {
    let folder = Folder::new();
    let host = folder.host().await;
    let (author, operator) = (host.person("author"), host.person("operator"));
    let long = "x".repeat(81);
    for name in [
        "a%20b",
        "%ff",
        "a%2Fb",
        "a.b",
        "%C3%A4",
        "%00",
        long.as_str(),
    ] {
        for path in [
            format!("/v1/roles/{name}"),
            format!("/v1/roles/{name}/revisions"),
            format!("/v1/state-machines/{name}"),
            format!("/v1/components/{name}/versions/1.0.0"),
        ] {
            operator.get(&path).await.is_problem(400);
        }
        let role = operator.put(&format!("/v1/roles/{name}"), json!({})).await;
        role.is_problem(400);
        let machine = format!("/v1/state-machines/{name}");
        let machine = operator.put(&machine, stage::pass()).await;
        machine.is_problem(400);
        let component = author.upload(name, "1.0.0", &guest::echo()).await;
        component.is_problem(400);
    }
    for version in ["1", "1.0", "v1.0.0", "latest", "1.0.0%20", "01.0.0"] {
        let component = author.upload("echo", version, &guest::echo()).await;
        component.is_problem(400);
    }
    stage::is_well(&host).await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let folder = Folder::new();
    let host = folder.host().await;
    let operator = host.person("operator");
    for path in [
        "/v1/roles/absent",
        "/v1/roles/absent/revisions",
        "/v1/state-machines/absent",
        "/v1/components/absent/versions/1.0.0",
        "/v1/executions/absent",
        "/v1/executions/absent/history",
        "/v1/executions/absent/events",
        "/v1/executions/%00",
        "/v1/reviews?component=absent&version=1.0.0&role=absent",
        "/v1/nothing",
        "/v1/executions/a/b/c",
        "/v1/roles/",
    ] {
        operator.get(path).await.is_problem(404);
    }
    // The AWS wire is there for POST alone.
    operator.get("/").await.is_problem(405);
    let stop = operator.post("/v1/executions/absent/stop", json!({})).await;
    stop.is_problem(404);
    let start = json!({"stateMachine": "absent"});
    operator.post("/v1/executions", start).await.is_problem(404);
    let reviewer = host.person("reviewer");
    let review = reviewer.review("absent", "absent", "approve").await;
    review.is_problem(404);
    stage::is_well(&host).await;
}

#[tokio::test]
async fn parameters_that_make_no_sense_are_refused() {
    let folder = Folder::new();
    let host = folder.host().await;
    let operator = host.person("operator");
    operator
        .put("/v1/state-machines/work", stage::pass())
        .await
        .is(201);
    let id = operator.start("work", json!({})).await;
    operator.ended(&id).await;
    for query in [
        "maxResults=0",
        "maxResults=-1",
        "maxResults=1001",
        "maxResults=many",
        "maxResults=",
        "nextToken=x",
        "nextToken=%00",
        "status=BUSY",
        "stateMachine=a.b",
        "maxResults=1&maxResults=2",
        "surprise=1",
    ] {
        operator
            .get(&format!("/v1/executions?{query}"))
            .await
            .is_problem(400);
    }
    for query in [
        "nextToken=x",
        "nextToken=1.",
        "nextToken=-1.0",
        "maxResults=0",
        "surprise=1",
    ] {
        operator
            .get(&format!("/v1/executions/{id}/history?{query}"))
            .await
            .is_problem(400);
    }
    for query in ["after=x", "nextToken=x", "after=1&nextToken=1", "after=-1"] {
        host.person("auditor")
            .get(&format!("/v1/audit?{query}"))
            .await
            .is_problem(400);
    }
    for query in [
        "component=a",
        "component=a&version=1.0.0",
        "component=a&version=x&role=b",
    ] {
        operator
            .get(&format!("/v1/reviews?{query}"))
            .await
            .is_problem(400);
    }
    let events = operator.request(Method::GET, &format!("/v1/executions/{id}/events"));
    super::http::answer(events.header("last-event-id", "x"))
        .await
        .is_problem(400);
    let beyond = host
        .person("auditor")
        .get("/v1/audit?after=18446744073709551615")
        .await;
    assert_eq!(beyond.is(200).body["records"], json!([]));
    stage::is_well(&host).await;
}
