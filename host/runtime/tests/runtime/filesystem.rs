//! Volumes.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use auth::names::Name;
use runtime::{Runtime, RuntimeConfig, StartError};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Bench, Blobs, Ran, config, guest, say};

/// A volume `data` with a file and a secret beside it.
struct Disk {
    folder: TempDir,
    bench: Bench,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::write(data.join("file"), "content").unwrap();
        fs::write(folder.path().join("secret"), "secret").unwrap();
        let volumes = BTreeMap::from([(Name::parse("data").unwrap(), data)]);
        let bench = Bench::with(RuntimeConfig {
            volumes,
            ..config()
        });
        Self { folder, bench }
    }

    async fn run(&self, words: &str, grants: Value) -> Ran {
        self.bench.run(&guest("files"), &say(words), grants).await
    }
}

fn granted(access: &str) -> Value {
    json!({"filesystem": [{"volume": "data", "mount": "/data", "access": access}]})
}

#[tokio::test]
async fn a_granted_volume_is_read() {
    let disk = Disk::new();
    let ran = disk.run("read /data/file", granted("read")).await;
    assert_eq!(ran.output(), r#""content""#);
    let uses: Vec<_> = ran
        .report
        .uses
        .iter()
        .map(|one| (one.on.as_str(), one.count))
        .collect();
    assert_eq!(uses, [("read data", 1)]);
    assert_eq!(
        disk.run("list /data", granted("read")).await.output(),
        r#""file""#
    );
}

#[tokio::test]
async fn a_component_without_a_volume_finds_none() {
    let ran = Disk::new().run("read /data/file", json!({})).await;
    ran.cause("States.TaskFailed");
    assert!(ran.refusals.is_empty());
}

#[tokio::test]
async fn a_volume_granted_for_writing_is_written() {
    let disk = Disk::new();
    for words in [
        "write /data/new text",
        "append /data/new more",
        "make /data/folder",
        "rename /data/new /data/folder/new",
    ] {
        disk.run(words, granted("read-write")).await.output();
    }
    let text = fs::read_to_string(disk.folder.path().join("data/folder/new")).unwrap();
    assert_eq!(text, "textmore");
    disk.run("remove /data/folder/new", granted("read-write"))
        .await
        .output();
}

#[tokio::test]
async fn a_volume_granted_for_reading_is_not_written() {
    let disk = Disk::new();
    for words in [
        "write /data/file text",
        "write /data/new text",
        "append /data/file more",
        "make /data/folder",
        "remove /data/file",
        "rename /data/file /data/new",
        "raw stream",
    ] {
        let ran = disk.run(words, granted("read")).await;
        let refusal = ran.is_denied("filesystem.access");
        assert!(
            refusal.reason.contains("`data`") && refusal.reason.contains("read-write"),
            "{words}"
        );
    }
    assert_eq!(
        fs::read_to_string(disk.folder.path().join("data/file")).unwrap(),
        "content"
    );
    assert_eq!(
        fs::read_dir(disk.folder.path().join("data"))
            .unwrap()
            .count(),
        1
    );
}

#[tokio::test]
async fn a_refusal_fails_the_attempt_even_if_the_component_goes_on() {
    Disk::new()
        .run("ignore /data/new", granted("read"))
        .await
        .is_denied("filesystem.access");
}

#[tokio::test]
async fn a_path_does_not_lead_out_of_its_volume() {
    let disk = Disk::new();
    for words in ["raw ../secret", "raw ./../secret", "raw /etc/passwd"] {
        disk.run(words, granted("read-write"))
            .await
            .is_denied("filesystem.path");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_symbolic_link_does_not_lead_out_of_its_volume() {
    let disk = Disk::new();
    let data = disk.folder.path().join("data");
    std::os::unix::fs::symlink("../secret", data.join("up")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", data.join("absolute")).unwrap();
    std::os::unix::fs::symlink("file", data.join("inside")).unwrap();
    assert_eq!(
        disk.run("read /data/inside", granted("read"))
            .await
            .output(),
        r#""content""#
    );
    for words in ["read /data/up", "read /data/absolute"] {
        disk.run(words, granted("read"))
            .await
            .is_denied("filesystem.path");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_volume_that_is_replaced_after_the_start_is_not_followed() {
    let disk = Disk::new();
    let root = disk.folder.path();
    fs::create_dir(root.join("other")).unwrap();
    fs::write(root.join("other/file"), "other").unwrap();
    fs::rename(root.join("data"), root.join("moved")).unwrap();
    std::os::unix::fs::symlink(root.join("other"), root.join("data")).unwrap();
    assert_eq!(
        disk.run("read /data/file", granted("read")).await.output(),
        r#""content""#
    );
}

#[tokio::test]
async fn a_volume_the_server_does_not_have_is_refused() {
    let grants = json!({"filesystem": [{"volume": "other", "mount": "/data", "access": "read"}]});
    let ran = Disk::new().run("read /data/file", grants).await;
    assert!(
        ran.is_denied("filesystem.volume")
            .reason
            .contains("[volumes]")
    );
}

#[tokio::test]
async fn a_missing_directory_is_a_clear_error_at_start() {
    let volumes = ["one", "two"].map(|name| {
        (
            Name::parse(name).unwrap(),
            format!("/nowhere/{name}").into(),
        )
    });
    let config = RuntimeConfig {
        volumes: volumes.into(),
        ..config()
    };
    let Err(StartError::Config(problems)) = Runtime::new(config, Arc::<Blobs>::default()) else {
        panic!("it started");
    };
    assert_eq!(problems.len(), 2);
    assert!(
        problems[0].contains("volumes.one") && problems[0].contains("`/nowhere/one`"),
        "{problems:?}"
    );
}

#[tokio::test]
async fn open_files_are_limited() {
    let disk = Disk::new();
    assert_eq!(
        disk.run("hold 32", granted("read")).await.output(),
        r#""32""#
    );
    for words in ["hold 100", "stream 100", "begin 100"] {
        let ran = disk.run(words, granted("read")).await;
        let cause = ran.cause("Sluice.LimitExceeded");
        assert!(cause.contains("`64` open files and directories"), "{cause}");
    }
    disk.run("reopen 500", granted("read")).await.output();
}

#[tokio::test]
async fn listed_directories_are_limited() {
    let disk = Disk::new();
    disk.run("lists 4", granted("read")).await.output();
    let ran = disk.run("lists 5", granted("read")).await;
    let cause = ran.cause("Sluice.LimitExceeded");
    assert!(cause.contains("`4` directories listed at once"), "{cause}");
    disk.run("relist 20", granted("read")).await.output();
}

#[tokio::test]
async fn a_directory_with_too_many_entries_is_not_listed() {
    let disk = Disk::new();
    for number in 0..10_000 {
        fs::write(disk.folder.path().join(format!("data/{number}")), "").unwrap();
    }
    let ran = disk.run("list /data", granted("read")).await;
    let cause = ran.cause("Sluice.LimitExceeded");
    assert!(cause.contains("`10000` entries"), "{cause}");
    fs::remove_file(disk.folder.path().join("data/file")).unwrap();
    disk.run("list /data", granted("read")).await.output();
}
