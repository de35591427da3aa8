//! `wasi:config/store`.

use serde_json::json;

use crate::harness::{Bench, guest, say};

#[tokio::test]
async fn a_component_reads_the_values_it_was_granted_and_no_others() {
    let bench = Bench::new();
    let grants = json!({"config": {"region": "eu"}});
    let ran = bench
        .run(&guest("settings"), &say("region"), grants.clone())
        .await;
    assert!(ran.output().contains(r#"Ok(Some(\"eu\"))"#), "{ran:?}");
    assert_eq!(ran.report.uses[0].on, "region");
    let ran = bench
        .run(&guest("settings"), &say("password"), grants)
        .await;
    assert!(ran.output().starts_with(r#""Ok(None)"#), "{ran:?}");
}

#[tokio::test]
async fn without_a_value_the_interface_does_not_exist() {
    let ran = Bench::new()
        .run(&guest("settings"), &say("region"), json!({}))
        .await;
    let refusal = ran.is_denied("import.not-granted");
    assert_eq!(
        (refusal.capability.as_str(), refusal.asked.as_str()),
        ("config", "wasi:config/store@0.2.0-rc.1")
    );
}
