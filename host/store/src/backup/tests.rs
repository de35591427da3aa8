use std::path::Path;
use std::sync::Arc;

use audit::Sha256Chain;
use ports::{Archive, Backups, Commit, Journal, Kind};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::contract::{Step, document, everything, key, link, noise};
use crate::{SledStore, StoreConfig};

async fn open(path: &Path) -> SledStore {
    let config = StoreConfig {
        table_bytes_max: 30_000,
        ..StoreConfig::default()
    };
    SledStore::open(path, config, Arc::new(Sha256Chain))
        .await
        .unwrap()
}

/// A store with something of everything.
async fn filled(folder: &TempDir) -> SledStore {
    let store = open(folder.path()).await;
    let fence = store.fence().await.unwrap();
    let wasm: Vec<u8> = (0..500_000_u32).map(|number| number as u8).collect();
    let digest = Digest::of(&wasm);
    let mut upload = document(key(Kind::Component, "c", 1), json!(digest));
    upload.blobs.push(ports::Blob {
        digest,
        bytes: wasm.into(),
    });
    let long = || json!(noise(30_000));
    let many = Step {
        payloads: (0..600)
            .map(|number| json!(number))
            .chain([long()])
            .collect(),
        events: (0..600).map(|number| (1, number)).collect(),
        ..Step::next("e-1", 1, json!(1))
    };
    for commit in [
        upload,
        document(key(Kind::Role, "r", 1), json!({"a": [1, 2.5, "ä"]})),
        Step::first("e-1", long()).commit(fence),
        many.commit(fence),
        Step::first("e-2", long()).commit(fence),
        Step::next("e-2", 1, json!(1))
            .parked(Some(77))
            .commit(fence),
        Step::last("e-1", 2, long()).commit(fence),
        Step::first("e-3", json!(3)).commit(fence),
        Commit {
            moves_authority: true,
            ..link("role")
        },
    ] {
        store.commit(commit).await.unwrap();
    }
    store
}

async fn backup(store: &impl Backups) -> Vec<u8> {
    let mut backup = store.backup().await.unwrap().unwrap();
    let mut bytes = Vec::new();
    while let Some(more) = backup.next_bytes().unwrap() {
        bytes.extend_from_slice(&more);
    }
    bytes
}

fn restored(bytes: &[u8]) -> (TempDir, Result<Restored, RestoreError>) {
    let folder = tempfile::tempdir().unwrap();
    let restored = restore(folder.path(), &Sha256Chain, bytes);
    (folder, restored)
}

fn refusal(bytes: &[u8]) -> String {
    restored(bytes).1.unwrap_err().to_string()
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// A backup of some other lines that says that they are whole.
fn whole(lines: &[&[u8]]) -> Vec<u8> {
    let mut bytes = lines.concat();
    let end = Item::End {
        lines: lines.len() as u64,
        sha256: Digest::of(&bytes).as_str().to_owned(),
    };
    bytes.extend(line(&end).unwrap());
    bytes
}

#[tokio::test]
async fn a_restored_store_has_everything_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder).await;
    let expected = everything(&store).await.unwrap();
    let bytes = backup(&store).await;
    let (restored_to, restored) = restored(&bytes);
    let restored = restored.unwrap();
    assert_eq!(
        (restored.documents, restored.blobs, restored.executions),
        (2, 1, 3)
    );
    assert_eq!((restored.records, restored.audit.length), (6, 9));

    let other = open(restored_to.path()).await;
    assert_eq!(everything(&other).await.unwrap(), expected);
    let alarms = other.alarms(asl::Timestamp(100), None, 10).await.unwrap();
    assert_eq!(alarms.due.len(), 1);
    assert_eq!(other.claim(None, 10).await.unwrap().len(), 1);
    let fence = other.fence().await.unwrap();
    assert!(fence > store.fence().await.unwrap());
    let taken = Step {
        name: "e-3".to_owned(),
        ..Step::first("e-9", json!(1))
    };
    other.commit(taken.commit(fence)).await.unwrap_err();
    let next = Step::last("e-3", 1, json!(4)).commit(fence);
    other.commit(next).await.unwrap();
    // What it then holds can be backed up again.
    other.close().await.unwrap();
    let again = open(restored_to.path()).await;
    self::restored(&backup(&again).await).1.unwrap();
}

#[tokio::test]
async fn a_backup_is_of_one_moment_while_commits_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder).await;
    let expected = everything(&store).await.unwrap();
    let fence = store.fence().await.unwrap();
    let mut backup = store.backup().await.unwrap().unwrap();
    assert!(store.backup().await.unwrap().is_none());
    let mut bytes = Vec::new();
    let mut number = 1;
    while let Some(more) = backup.next_bytes().unwrap() {
        bytes.extend_from_slice(&more);
        let step = Step::next("e-3", number, json!(noise(20_000)));
        store.commit(step.commit(fence)).await.unwrap();
        number += 1;
    }
    drop(backup);
    assert!(store.backup().await.unwrap().is_some());
    let (restored_to, restored) = restored(&bytes);
    restored.unwrap();
    let other = open(restored_to.path()).await;
    assert_eq!(everything(&other).await.unwrap(), expected);
}

#[tokio::test]
async fn a_backup_is_handed_out_in_small_chunks_whatever_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder).await;
    for letter in 0..3_u8 {
        let wasm = vec![letter; 2 << 20];
        let digest = Digest::of(&wasm);
        let mut upload = document(
            key(Kind::Component, "large", 1 + u64::from(letter)),
            json!(digest),
        );
        upload.blobs.push(ports::Blob {
            digest,
            bytes: wasm.into(),
        });
        store.commit(upload).await.unwrap();
    }
    let fence = store.fence().await.unwrap();
    for number in 1..200 {
        let step = Step::next("e-3", number, json!(noise(4000)));
        store.commit(step.commit(fence)).await.unwrap();
    }
    let mut backup = store.backup().await.unwrap().unwrap();
    let mut bytes = Vec::new();
    while let Some(more) = backup.next_bytes().unwrap() {
        assert!((1..600_000).contains(&more.len()), "{}", more.len());
        bytes.extend_from_slice(&more);
    }
    let (_folder, restored) = restored(&bytes);
    let restored = restored.unwrap();
    assert_eq!((restored.blobs, restored.records), (4, 6 + 199));
}

#[tokio::test]
async fn a_backup_that_is_not_read_on_breaks_off() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        table_bytes_max: 30_000,
        backup_bytes_max: 100_000,
        ..StoreConfig::default()
    };
    let opened = SledStore::open(folder.path(), config, Arc::new(Sha256Chain)).await;
    let store = opened.unwrap();
    let fence = store.fence().await.unwrap();
    let first = Step::first("e-1", json!(1));
    store.commit(first.commit(fence)).await.unwrap();
    let mut backup = store.backup().await.unwrap().unwrap();
    backup.next_bytes().unwrap().unwrap();
    let mut number = 1;
    while store.backup().await.unwrap().is_none() {
        let step = Step::next("e-1", number, json!(noise(3000)));
        store.commit(step.commit(fence)).await.unwrap();
        number += 1;
        assert!(number < 3000);
    }
    let error = backup.next_bytes().unwrap_err().to_string();
    assert!(error.contains("read too slowly"), "{error}");
    restored(&self::backup(&store).await).1.unwrap();
}

#[tokio::test]
async fn a_backup_that_was_cut_off_or_changed_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = backup(&filled(&folder).await).await;
    for line in lines(&bytes) {
        let end = line.as_ptr() as usize - bytes.as_ptr() as usize;
        refusal(&bytes[..end]);
        refusal(&bytes[..end + line.len() / 2]);
        check_backup(&bytes[..end]).unwrap_err();
        let mut flipped = bytes.clone();
        flipped[end + line.len() / 3] ^= 1;
        let problem = refusal(&flipped);
        assert!(problem.starts_with("line "), "{problem}");
    }
    let twice = [bytes.as_slice(), &bytes].concat();
    assert!(refusal(&twice).contains("more follows"));
    assert!(refusal(b"").contains("cut off"));
    assert!(refusal(b"something else\n").contains("is not a line of a backup"));
}

/// Whoever leaves out a line and makes the end fit is found out by the audit log.
#[tokio::test]
async fn a_backup_that_lacks_something_acknowledged_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = backup(&filled(&folder).await).await;
    let mut all = lines(&bytes);
    all.pop();
    assert_eq!(
        check_backup(bytes.as_slice()).unwrap(),
        all.len() as u64 + 1
    );
    restored(&whole(&all)).1.unwrap();
    let mut refused = 0;
    for (number, line) in all.iter().enumerate() {
        let mut fewer = all.clone();
        fewer.remove(number);
        let is_named = ["record", "execution", "link", "payload", "sluiceBackup"]
            .iter()
            .any(|kind| line[9..].starts_with(format!("{{\"{kind}").as_bytes()));
        if is_named {
            refusal(&whole(&fewer));
            refused += 1;
        }
    }
    assert_eq!(refused, 1 + 1 + 3 + 6 + 9);
    let records: Vec<_> = all
        .iter()
        .position(|line| line[9..].starts_with(b"{\"record"))
        .into_iter()
        .collect();
    let mut other = all.clone();
    let changed = String::from_utf8(other[records[0]][9..].to_vec()).unwrap();
    let changed = changed
        .trim_end()
        .replace("\"number\":0", "\"number\":0,\"logs\":[]");
    let changed = changed.replace("\"t\":1", "\"t\":2");
    let changed = format!("{:08x} {changed}\n", crc32fast::hash(changed.as_bytes()));
    other[records[0]] = changed.as_bytes();
    assert!(
        refusal(&whole(&other)).contains("names another record 0"),
        "{}",
        refusal(&whole(&other))
    );
}

#[tokio::test]
async fn a_folder_that_holds_a_store_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder).await;
    let bytes = backup(&store).await;
    let expected = everything(&store).await.unwrap();
    let in_use = restore(folder.path(), &Sha256Chain, bytes.as_slice());
    assert!(matches!(in_use, Err(RestoreError::Open(_))));
    store.close().await.unwrap();
    let occupied = restore(folder.path(), &Sha256Chain, bytes.as_slice());
    assert!(
        matches!(occupied, Err(RestoreError::Occupied(_))),
        "{occupied:?}"
    );
    let store = open(folder.path()).await;
    assert_eq!(everything(&store).await.unwrap(), expected);
}

/// What a store wrote is in its log alone until there is enough for the base.
#[tokio::test]
async fn a_folder_that_holds_a_small_store_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = backup(&filled(&folder).await).await;
    let occupied = |folder: &TempDir| {
        let restored = restore(folder.path(), &Sha256Chain, bytes.as_slice());
        matches!(restored, Err(RestoreError::Occupied(_)))
    };
    let small = tempfile::tempdir().unwrap();
    let opened = async || {
        let (config, chain) = (StoreConfig::default(), Arc::new(Sha256Chain));
        SledStore::open(small.path(), config, chain).await.unwrap()
    };
    let store = opened().await;
    store.commit(link("kept")).await.unwrap();
    let expected = everything(&store).await.unwrap();
    store.close().await.unwrap();
    assert!(occupied(&small));
    let store = opened().await;
    assert_eq!(everything(&store).await.unwrap(), expected);
    store.close().await.unwrap();

    let without_log = tempfile::tempdir().unwrap();
    std::fs::write(without_log.path().join("watermark"), "").unwrap();
    assert!(occupied(&without_log));
    let empty = tempfile::tempdir().unwrap();
    std::fs::create_dir(empty.path().join("log")).unwrap();
    assert!(!occupied(&empty));
}

#[tokio::test]
async fn a_half_restored_store_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = backup(&filled(&folder).await).await;
    let all = lines(&bytes);
    let mut many: Vec<_> = all[..all.len() - 1].to_vec();
    // Enough for a first write.
    let link = *many.last().unwrap();
    many.extend(std::iter::repeat_n(link, 600));
    let (left, restored) = restored(&many.concat());
    restored.unwrap_err();
    let opened = SledStore::open(left.path(), StoreConfig::default(), Arc::new(Sha256Chain)).await;
    let error = opened.err().unwrap().to_string();
    assert!(
        error.contains("is missing from a store that is not empty"),
        "{error}"
    );
}

/// A line with something else in it, and a checksum that fits.
fn changed(line: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(line[9..].to_vec()).unwrap();
    assert!(text.contains(from), "{text}");
    let text = text.trim_end().replace(from, to);
    format!("{:08x} {text}\n", crc32fast::hash(text.as_bytes())).into_bytes()
}

#[tokio::test]
async fn a_backup_of_an_earlier_version_is_read_and_one_of_another_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = backup(&filled(&folder).await).await;
    let mut all = lines(&bytes);
    all.pop();
    let written = "\"version\":2";
    let of = |version: u32| {
        let heading = changed(all[0], written, &format!("\"version\":{version}"));
        let mut other = all.clone();
        other[0] = &heading;
        whole(&other)
    };
    restored(&of(1)).1.unwrap();
    for version in [0, 3] {
        let problem = refusal(&of(version));
        assert!(
            problem.contains(&format!("has version {version}")),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn a_backup_with_an_execution_twice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = backup(&filled(&folder).await).await;
    let mut all = lines(&bytes);
    all.pop();
    let is_of = |line: &[u8], kind: &str| line[9..].starts_with(format!("{{\"{kind}").as_bytes());
    let first = all
        .iter()
        .position(|line| is_of(line, "execution"))
        .unwrap();
    let link = all.iter().position(|line| is_of(line, "link")).unwrap();
    let records = all[first + 1..].iter();
    let records = records.take_while(|line| is_of(line, "record")).count();
    let again = all[first..=first + records].to_vec();
    all.splice(link..link, again);
    let problem = refusal(&whole(&all));
    assert!(problem.contains("a second time"), "{problem}");
}

/// Whoever takes the beginning of a log away needs a record that tells of it.
#[tokio::test]
async fn a_backup_whose_log_begins_late_without_a_reason_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for number in 0..5 {
        store.commit(link(&format!("a-{number}"))).await.unwrap();
    }
    let first = store.audit(0, 2).await.unwrap().links;
    let anchor = ports::Head {
        length: first[1].sequence,
        hash: first[1].hash,
    };
    let cut = |bytes: &[u8]| {
        let mut all = lines(bytes);
        all.pop();
        let links = |line: &[u8]| line[9..].starts_with(b"{\"link");
        let begin = all.iter().position(|line| links(line)).unwrap();
        all.drain(begin..begin + 2);
        let none = ports::Head {
            length: 0,
            hash: ports::Hash([0; 32]),
        };
        let (none, some) = (none.to_json().to_string(), anchor.to_json().to_string());
        let (from, to) = (format!("\"anchor\":{none}"), format!("\"anchor\":{some}"));
        let heading = changed(all[0], &from, &to);
        all[0] = &heading;
        whole(&all)
    };
    let problem = refusal(&cut(&backup(&store).await));
    assert!(problem.contains("begins behind record 2"), "{problem}");
    let mut told = link(ports::PRUNE_AUDIT);
    told.audit[0].outcome = json!({"anchor": anchor.to_json()});
    store.commit(told).await.unwrap();
    restored(&cut(&backup(&store).await)).1.unwrap();
}
