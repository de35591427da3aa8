//! A backup of a running host becomes a host that knows everything and goes on; one that lacks
//! something is not restored.

use serde_json::json;

use super::host::{Folder, cli};
use super::stage;

#[tokio::test]
async fn a_restored_host_goes_on_where_the_backup_was_made() {
    let folder = Folder::new();
    let host = folder.host().await;
    let operator = host.person("operator");
    stage::machine(&host, "quick", stage::pass()).await;
    stage::machine(&host, "slow", stage::wait(3)).await;
    let ended = operator.start("quick", json!({"order": 7})).await;
    operator.ended(&ended).await;
    let waiting = operator.start("slow", json!({"order": 8})).await;
    let history = operator.history(&ended).await;

    let denied = host.cli("author", "backup --out no.backup").await;
    assert_eq!(denied.code, 1, "{denied:?}");
    assert!(denied.stderr.contains("default-deny"), "{denied:?}");
    let made = host.cli("operator", "backup --out all.backup").await;
    assert_eq!(made.code, 0, "{made:?}");
    // Nothing that happens later is in it.
    let later = operator.start("quick", json!({"order": 9})).await;
    operator.ended(&later).await;
    host.kill_9().await;

    let backup = folder.path("all.backup");
    let other = Folder::new();
    let restored = restore(&backup, &other).await;
    assert_eq!(restored.code, 0, "{restored:?}");
    assert!(
        restored
            .stdout
            .contains("every record that the audit log names is there")
    );
    let again = restore(&backup, &other).await;
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.stderr.contains("already holds a store"), "{again:?}");

    let host = other.host().await;
    let operator = host.person("operator");
    assert_eq!(operator.history(&ended).await, history);
    assert_eq!(operator.ended(&waiting).await["status"], "SUCCEEDED");
    operator
        .get(&format!("/v1/executions/{later}"))
        .await
        .is(404);
    let newer = operator.start("quick", json!({})).await;
    operator.ended(&newer).await;
    stage::audit_verifies(&host).await;
}

#[tokio::test]
async fn a_backup_without_one_of_its_lines_is_refused_and_says_which() {
    let folder = Folder::new();
    let host = folder.host().await;
    stage::machine(&host, "quick", stage::pass()).await;
    let operator = host.person("operator");
    let ended = operator.start("quick", json!({})).await;
    operator.ended(&ended).await;
    host.terminate().await;
    host.ended().await;

    let file = folder.path("all.backup");
    let (data, out) = (folder.data(), file.to_str().unwrap().to_owned());
    let made = cli(&["backup", "--out", &out, "--data", data.to_str().unwrap()]).await;
    assert_eq!(made.code, 0, "{made:?}");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut lines: Vec<_> = text.split_inclusive('\n').collect();
    lines.remove(lines.len() / 2);
    std::fs::write(&file, lines.concat()).unwrap();
    let other = Folder::new();
    let refused = restore(&file, &other).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("line "), "{refused:?}");
}

async fn restore(backup: &std::path::Path, to: &Folder) -> super::host::Ran {
    let (backup, data) = (backup.to_str().unwrap().to_owned(), to.data());
    cli(&["restore", &backup, "--data", data.to_str().unwrap()]).await
}
