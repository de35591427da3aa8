//! What a host does when it is told to stop, and what it does for nobody.

use super::host::{Folder, Host};
use super::http::Person;

#[cfg(unix)]
#[tokio::test]
async fn a_host_asked_to_stop_lets_the_attempt_end_and_the_next_one_goes_on() {
    use serde_json::json;

    use super::{guest, stage};

    let folder = Folder::new();
    let host = folder.host().await;
    stage::component(&host, "slow", &guest::slow()).await;
    let mut definition = stage::task("slow");
    definition["States"]["Work"]["End"] = json!(false);
    definition["States"]["Work"]
        .as_object_mut()
        .unwrap()
        .remove("End");
    definition["States"]["Work"]["Next"] = json!("Done");
    definition["States"]["Done"] = json!({"Type": "Pass", "End": true});
    stage::machine(&host, "work", definition).await;
    let operator = host.person("operator");
    let id = operator.start("work", json!({"a": 1})).await;
    operator.events(&id).await.until("TaskStarted").await;
    host.terminate().await;
    assert!(host.ended().await.success());

    let host = folder.host().await;
    let operator = host.person("operator");
    let execution = operator.ended(&id).await;
    assert_eq!(
        (&execution["status"], &execution["output"]),
        (&json!("SUCCEEDED"), &json!({"a": 1})),
        "{execution}"
    );
    let history = operator.history(&id).await;
    let types = super::http::types(&history);
    assert_eq!(
        types
            .iter()
            .filter(|found| **found == "TaskStarted")
            .count(),
        1,
        "{types:?}"
    );
    super::http::is_gapless(&history);
    stage::audit_verifies(&host).await;
}

#[tokio::test]
async fn without_an_identity_provider_nobody_gets_in() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    let host = Host::start(&folder, "serve", "ready.json", "").await;
    assert!(host.ready.tokens.is_empty());
    let stranger = elsewhere.host().await;
    host.nobody().get("/healthz").await.is(200);
    for token in [
        None,
        Some("garbage"),
        stranger.ready.tokens.get("operator").map(String::as_str),
    ] {
        let person = Person::new(&host.ready.url, token);
        for path in [
            "/v1/whoami",
            "/v1/components",
            "/v1/executions",
            "/v1/audit",
        ] {
            let answer = person.get(path).await;
            answer.is_problem(401);
            assert!(answer.headers.contains_key("www-authenticate"));
        }
    }
    assert!(folder.log().contains("nobody gets in"), "{}", folder.log());
}

#[tokio::test]
async fn a_bad_configuration_ends_the_process_with_every_problem() {
    let folder = Folder::new();
    let config =
        "surprise = 1\n[server]\nlisten = \"0.0.0.0:0\"\ndrain_ms = -1\n[store]\npth = \"x\"\n";
    let (mut child, ready_file) = folder.spawn("dev", "ready.json", config);
    let status = tokio::time::timeout(super::host::SOON, child.wait())
        .await
        .unwrap()
        .unwrap();
    assert!(!status.success());
    assert!(!ready_file.exists());
    for pointer in ["/surprise", "/server/drain_ms", "/store/pth"] {
        assert!(
            folder.log().contains(pointer),
            "{pointer}: {}",
            folder.log()
        );
    }
}
