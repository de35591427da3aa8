//! Nothing is published that its role does not grant and no reviewer has signed off.

use serde_json::{Value, json};

use super::guest;
use super::host::Folder;
use super::stage;

const GREEDY: &str = r#"
[[http]]
origins = ["https://orders.internal:8443"]
methods = ["POST"]
paths = ["/v1/orders"]
reason = "post the order"

[[filesystem]]
volume = "invoices"
mount = "/invoices"
access = "read"
reason = "read the invoice"
"#;

fn granting() -> Value {
    json!({
        "http": [{"origins": ["https://orders.internal:8443"], "methods": ["POST"], "paths": ["/v1/orders"]}],
        "filesystem": [{"volume": "invoices", "mount": "/invoices", "access": "read"}],
    })
}

#[tokio::test]
async fn needs_beyond_the_role_and_missing_reviews_are_all_listed() {
    let folder = Folder::new();
    let host = folder.host().await;
    let (author, operator, reviewer) = (
        host.person("author"),
        host.person("operator"),
        host.person("reviewer"),
    );
    author
        .upload("greedy", "1.0.0", &guest::echo_needing(GREEDY))
        .await
        .is(201);
    author.upload("echo", "1.0.0", &guest::echo()).await.is(201);
    operator.put("/v1/roles/narrow", json!({})).await.is(201);
    let definition = json!({"StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": "component:greedy@1.0.0", "Next": "B"},
        "B": {"Type": "Task", "Resource": "component:echo", "Next": "C"},
        "C": {"Type": "Task", "Resource": "component:absent", "Next": "D"},
        "D": {"Type": "Task", "Resource": "component:echo@9.9.9", "Next": "E"},
        "E": {"Type": "Task", "Resource": "component:echo", "Credentials": {"RoleArn": "nobody"}, "End": true}}});
    let refused = operator
        .put("/v1/state-machines/work?role=narrow", definition)
        .await;
    let pointers = refused.is_problem(422).pointers();
    for state in ["A", "B", "C", "D", "E"] {
        let place = format!("/States/{state}/");
        assert!(
            pointers.iter().any(|pointer| pointer.starts_with(&place)),
            "{state}: {}",
            refused.text
        );
    }
    assert!(
        pointers
            .iter()
            .filter(|pointer| pointer.starts_with("/States/A/"))
            .count()
            >= 3,
        "{}",
        refused.text
    );
    refused
        .says("orders.internal")
        .says("invoices")
        .says("no review covers")
        .says("no role `nobody`");
    operator
        .get("/v1/state-machines/work")
        .await
        .is_problem(404);

    operator.put("/v1/roles/narrow", granting()).await.is(201);
    let path = "/v1/state-machines/work?role=narrow";
    let unreviewed = operator.put(path, stage::task("greedy")).await;
    unreviewed.is_problem(422).says("no review covers");
    reviewer.review("greedy", "narrow", "approve").await.is(201);
    operator.put(path, stage::task("greedy")).await.is(201);
    stage::audit_verifies(&host).await;
}

#[tokio::test]
async fn a_rejection_stands_until_somebody_else_approves() {
    let folder = Folder::new();
    let host = folder.host().await;
    let (author, operator, reviewer) = (
        host.person("author"),
        host.person("operator"),
        host.person("reviewer"),
    );
    author.upload("echo", "1.0.0", &guest::echo()).await.is(201);
    operator.put("/v1/roles/workers", json!({})).await.is(201);
    reviewer.review("echo", "workers", "reject").await.is(201);
    let path = "/v1/state-machines/work?role=workers";
    operator
        .put(path, stage::task("echo"))
        .await
        .is_problem(422)
        .says("rejected");
    author
        .review("echo", "workers", "approve")
        .await
        .is_denied();
    operator
        .review("echo", "workers", "approve")
        .await
        .is_denied();
    operator
        .put(path, stage::task("echo"))
        .await
        .is_problem(422);
    reviewer.review("echo", "workers", "approve").await.is(201);
    operator.put(path, stage::task("echo")).await.is(201);
}

#[tokio::test]
async fn nobody_reviews_what_they_uploaded_whatever_policy_says() {
    let folder = Folder::new();
    let policy = folder.path("all.cedar");
    std::fs::write(
        &policy,
        "@id(\"all\") permit (principal, action, resource);",
    )
    .unwrap();
    let host = folder
        .host_with("[policy]\nfiles = [\"all.cedar\"]\n")
        .await;
    let (author, reviewer) = (host.person("author"), host.person("reviewer"));
    author.upload("echo", "1.0.0", &guest::echo()).await.is(201);
    author.put("/v1/roles/workers", json!({})).await.is(201);
    let own = author.review("echo", "workers", "approve").await;
    assert_eq!(own.is_problem(422).pointers(), ["/component", "/role"]);
    let definition = stage::task("echo");
    author
        .put("/v1/state-machines/work?role=workers", definition.clone())
        .await
        .is_problem(422);
    reviewer.review("echo", "workers", "approve").await.is(201);
    author
        .put("/v1/state-machines/work?role=workers", definition)
        .await
        .is(201);
}

#[tokio::test]
async fn a_reviewer_reads_what_is_imported_needed_granted_and_changed() {
    let folder = Folder::new();
    let host = folder.host().await;
    let (author, operator, reviewer) = (
        host.person("author"),
        host.person("operator"),
        host.person("reviewer"),
    );
    author
        .upload("greedy", "1.0.0", &guest::echo_needing(GREEDY))
        .await
        .is(201);
    operator.put("/v1/roles/workers", json!({})).await.is(201);
    let path = "/v1/reviews?component=greedy&version=1.0.0&role=workers";
    let document = reviewer.get(path).await.is(200).body.clone();
    assert_eq!(document["imports"], json!(["sluice:step/types@0.1.0"]));
    assert_eq!(
        document["needs"]["http"][0]["reason"], "post the order",
        "{document}"
    );
    assert_eq!(
        (&document["standing"]["decision"], &document["lastApproved"]),
        (&json!("missing"), &Value::Null)
    );
    assert!(
        document["problems"].as_array().unwrap().len() >= 2,
        "{document}"
    );
    host.person("approver").get(path).await.is_denied();

    operator.put("/v1/roles/workers", granting()).await.is(201);
    reviewer
        .review("greedy", "workers", "approve")
        .await
        .is(201);
    let mut wider = granting();
    wider["filesystem"][0]["access"] = json!("read-write");
    operator.put("/v1/roles/workers", wider).await.is(201);
    let document = reviewer.get(path).await.is(200).body.clone();
    assert_eq!(document["lastApproved"]["roleRevision"], 2, "{document}");
    assert_eq!(document["standing"]["decision"], "missing", "{document}");
    assert_eq!(document["problems"], json!([]), "{document}");
    assert!(
        document["difference"].to_string().contains("read-write"),
        "{document}"
    );
}

#[tokio::test]
async fn a_role_that_is_narrowed_stops_an_execution_that_is_parked() {
    let folder = Folder::new();
    let host = folder.host().await;
    let (author, operator, reviewer) = (
        host.person("author"),
        host.person("operator"),
        host.person("reviewer"),
    );
    author
        .upload("greedy", "1.0.0", &guest::echo_needing(GREEDY))
        .await
        .is(201);
    operator.put("/v1/roles/workers", granting()).await.is(201);
    reviewer
        .review("greedy", "workers", "approve")
        .await
        .is(201);
    let mut definition = stage::task("greedy");
    definition["StartAt"] = json!("Park");
    definition["States"]["Park"] = json!({"Type": "Wait", "Seconds": 2, "Next": "Work"});
    stage::machine(&host, "work", definition.clone()).await;
    definition["States"]["Work"]["Catch"] =
        json!([{"ErrorEquals": ["Sluice.AccessDenied"], "Next": "Told"}]);
    definition["States"]["Told"] = json!({"Type": "Pass", "End": true});
    stage::machine(&host, "careful", definition).await;
    let careful = operator.start("careful", json!({})).await;
    let id = operator.start("work", json!({})).await;
    operator.events(&id).await.until("WaitStateEntered").await;
    operator.put("/v1/roles/workers", json!({})).await.is(201);
    let execution = operator.ended(&id).await;
    assert_eq!(execution["status"], "FAILED", "{execution}");
    assert_eq!(execution["error"], "Sluice.AccessDenied", "{execution}");
    let history = operator.history(&id).await;
    assert!(
        !super::http::types(&history).contains(&"TaskStarted"),
        "{history:#?}"
    );
    let careful = operator.ended(&careful).await;
    assert_eq!(
        (&careful["status"], &careful["output"]["Error"]),
        (&json!("SUCCEEDED"), &json!("Sluice.AccessDenied")),
        "{careful}"
    );
    let records = host.person("auditor").audit().await;
    let denied = records.iter().find(|record| {
        record["execution"] == id.as_str() && record["decision"]["effect"] == "denied"
    });
    assert_eq!(
        denied.unwrap()["decision"]["rule"],
        "authority.needs-beyond-role",
        "{denied:?}"
    );
}
