//! The log can be taken away and verified anywhere; one changed byte is found and named.

use serde_json::{Value, json};

use super::host::{Folder, cli};
use super::stage;

#[tokio::test]
async fn a_changed_record_is_named() {
    let folder = Folder::new();
    let host = folder.host().await;
    let operator = host.person("operator");
    operator
        .put("/v1/state-machines/work", stage::pass())
        .await
        .is(201);
    for number in 0..3 {
        let id = operator.start("work", json!({"number": number})).await;
        operator.ended(&id).await;
    }
    let exported = host.cli("auditor", "audit export --out audit.jsonl").await;
    assert_eq!(exported.code, 0, "{exported:?}");
    let denied = host.cli("operator", "audit export --out other.jsonl").await;
    assert_eq!(denied.code, 1, "{denied:?}");
    host.kill_9().await;

    let file = folder.path("audit.jsonl");
    let file = file.to_str().unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    assert!(lines.len() >= 7, "{text}");
    assert_eq!(verify(file).await, (0, String::new()));

    let victim = lines.len() / 2;
    let mut renamed: Value = serde_json::from_str(&lines[victim]).unwrap();
    renamed["body"] = json!(
        renamed["body"]
            .as_str()
            .unwrap()
            .replacen("operator", "operatoR", 1)
    );
    renamed["record"] = serde_json::from_str(renamed["body"].as_str().unwrap()).unwrap();
    let only_shown = lines[victim].replacen(r#""record":{"at":1"#, r#""record":{"at":2"#, 1);
    assert_ne!(only_shown, lines[victim]);
    let mut removed = lines.clone();
    removed.remove(victim);
    let mut swapped = lines.clone();
    swapped.swap(victim, victim + 1);
    let mut torn = lines[victim].clone();
    torn.truncate(torn.len() / 2);
    let with = |line: String| {
        let mut lines = lines.clone();
        lines[victim] = line;
        lines
    };
    for broken in [
        with(renamed.to_string()),
        with(only_shown),
        with(torn),
        removed,
        swapped,
    ] {
        std::fs::write(file, broken.join("\n")).unwrap();
        let (code, stderr) = verify(file).await;
        assert_eq!(code, 1, "{stderr}");
        assert!(
            stderr.contains(&format!("record {}", victim + 1)),
            "{stderr}"
        );
    }
}

async fn verify(file: &str) -> (i32, String) {
    let ran = cli(&["audit", "verify", "--file", file, "--output", "json"]).await;
    (ran.code, ran.stderr)
}
