use sled::IVec;

use super::*;
use crate::base::Base;
use crate::contract::{document, key, noise};

/// A closed store, everything of which is in its base and in its log.
async fn written() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        table_bytes_max: 1,
        ..StoreConfig::default()
    };
    let store = SledStore::open(folder.path(), config, Arc::new(Sha256Chain))
        .await
        .unwrap();
    store
        .commit(document(key(Kind::Role, "r", 1), json!(noise(40_000))))
        .await
        .unwrap();
    store
        .commit(Step::first("e-1", json!("input")).commit(store.fence))
        .await
        .unwrap();
    store
        .commit(Step::next("e-1", 1, json!(1)).commit(store.fence))
        .await
        .unwrap();
    store
        .commit(Step::last("e-1", 2, json!("output")).commit(store.fence))
        .await
        .unwrap();
    store
        .commit(Step::first("e-2", json!(2)).commit(store.fence))
        .await
        .unwrap();
    store.close().await.unwrap();
    folder
}

/// Changes a closed store behind its back; sled's own checksums are right afterwards.
fn tamper(folder: &Path, change: impl FnOnce(&sled::Db)) {
    let base = Base::open(folder, 1 << 20).unwrap();
    change(&base.db);
    base.db.flush().unwrap();
    base.close().unwrap();
}

/// What reading everything says.
async fn read_all(folder: &Path) -> Result<Vec<String>, String> {
    match SledStore::open(folder, StoreConfig::default(), Arc::new(Sha256Chain)).await {
        Ok(store) => {
            let read = everything(&store).await.map_err(|error| error.to_string());
            store.close().await.unwrap();
            read
        }
        Err(error) => Err(error.to_string()),
    }
}

fn entries(folder: &Path) -> Vec<(IVec, IVec)> {
    let mut entries = Vec::new();
    tamper(folder, |db| {
        entries = db.iter().map(Result::unwrap).collect()
    });
    entries
}

#[tokio::test]
async fn a_flipped_bit_in_any_value_is_found_and_named() {
    let folder = written().await;
    let entries = entries(folder.path());
    assert!(entries.len() > 15);
    for (number, (key, value)) in entries.iter().enumerate() {
        let left = copy(folder.path());
        tamper(left.path(), |db| {
            let mut flipped = value.to_vec();
            let bit = number * 37 % (flipped.len() * 8);
            flipped[bit / 8] ^= 1 << (bit % 8);
            db.insert(key, flipped).unwrap();
        });
        let name = key.escape_ascii().to_string();
        let error = read_all(left.path()).await.unwrap_err();
        assert!(
            error.starts_with(&format!("damaged record at `{name}`: ")),
            "{name}: {error}"
        );
    }
}

#[tokio::test]
async fn a_value_under_the_key_of_another_is_found() {
    let folder = written().await;
    tamper(folder.path(), |db| {
        let (first, second) = (b"x/e-1\0\0\0\0\x01", b"x/e-1\0\0\0\0\x02");
        let value = db.get(first).unwrap().unwrap();
        db.insert(second, value).unwrap();
    });
    let error = read_all(folder.path()).await.unwrap_err();
    assert!(
        error.contains("x/e-1\\x00\\x00\\x00\\x00\\x02`: does not match its checksum"),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_record_part_or_end_of_the_log_is_found() {
    let folder = written().await;
    let entries = entries(folder.path());
    let find = |prefix: &str| {
        let found = entries
            .iter()
            .rev()
            .find(|(key, _)| key.starts_with(prefix.as_bytes()));
        found.unwrap().0.clone()
    };
    for (key, problem) in [
        (IVec::from(b"x/e-1\0\0\0\0\x01"), "is missing"),
        (find("c/"), "is missing"),
        (find("a/"), "the audit log ends with record"),
        (find("s/"), "is missing"),
        (find("m/state"), "is missing"),
        (
            find("m/format"),
            "is missing from a store that is not empty",
        ),
    ] {
        let left = copy(folder.path());
        tamper(left.path(), |db| drop(db.remove(&key).unwrap()));
        let error = read_all(left.path()).await.unwrap_err();
        assert!(error.contains(problem), "{key:?}: {error}");
    }
}

#[tokio::test]
async fn a_store_of_a_later_version_is_refused() {
    let folder = written().await;
    tamper(folder.path(), |db| {
        let later = crate::envelope::wrap(
            crate::envelope::Kind::Meta,
            b"m/format",
            &3_u32.to_be_bytes(),
        );
        db.insert(b"m/format", later).unwrap();
    });
    let error = read_all(folder.path()).await.unwrap_err();
    assert!(
        error.contains("the store has format 3, this program reads formats up to 2"),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_sled_never_syncs_is_refused() {
    let folder = written().await;
    fs::write(folder.path().join("blobs").join("1"), "x").unwrap();
    let error = read_all(folder.path()).await.unwrap_err();
    assert!(error.contains("would not survive a power cut"), "{error}");
}

#[tokio::test]
async fn a_snapshot_that_was_being_written_does_no_harm() {
    let folder = written().await;
    let before = read_all(folder.path()).await.unwrap();
    fs::write(
        folder.path().join("snap.FFFFFFFFFFFFFFFF.generating"),
        "half",
    )
    .unwrap();
    assert_eq!(read_all(folder.path()).await.unwrap(), before);
}

#[tokio::test]
async fn values_of_every_size_keep_the_unsynced_folder_empty() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for number in 0..150 {
        let input = json!(noise(number * 331));
        store
            .commit(Step::first(&format!("e-{number:03}"), input).commit(store.fence))
            .await
            .unwrap();
    }
    for number in 1..60 {
        store
            .commit(Step::next("e-000", number, json!(noise(15_500))).commit(store.fence))
            .await
            .unwrap();
    }
    assert_eq!(
        fs::read_dir(folder.path().join("blobs")).unwrap().count(),
        0
    );
    store.close().await.unwrap();
    open(folder.path()).await;
}

/// The one file of a store's log, and where its frames end.
fn log_file(folder: &Path) -> (std::path::PathBuf, usize) {
    let mut files = fs::read_dir(folder.join("log")).unwrap();
    let path = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    let recovered = crate::log::recover(&folder.join("log"), 0, |_| {}).unwrap();
    (path, recovered.end().unwrap() as usize)
}

fn flip(path: &Path, place: usize) {
    let mut flipped = fs::read(path).unwrap();
    flipped[place] ^= 1 << (place % 8);
    fs::write(path, flipped).unwrap();
}

/// Everything from the flipped bit on is lost to sled, which says nothing of it; the log has it.
#[tokio::test]
async fn a_flipped_bit_in_the_base_is_found_or_made_up_for() {
    let folder = written().await;
    let db = fs::read(folder.path().join("db")).unwrap();
    let before = read_all(copy(folder.path()).path()).await.unwrap();
    let reopened = copy(folder.path());
    read_all(reopened.path()).await.unwrap();
    for folder in [folder, reopened] {
        for place in (0..40).map(|number| number * db.len() / 40) {
            let left = copy(folder.path());
            flip(&left.path().join("db"), place);
            match read_all(left.path()).await {
                Ok(read) => assert_eq!(read, before, "byte {place}"),
                Err(error) => assert!(
                    error.starts_with("damaged record at `"),
                    "byte {place}: {error}"
                ),
            }
        }
    }
}

/// A store whose base has nothing, so that all of its log is needed.
async fn logged() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for number in 0..8 {
        let input = json!(noise(number * 700));
        let commit = Step::first(&format!("e-{number}"), input).commit(store.fence);
        store.commit(commit).await.unwrap();
    }
    store.close().await.unwrap();
    folder
}

#[tokio::test]
async fn a_flipped_bit_anywhere_in_the_log_is_found_and_named() {
    let folder = logged().await;
    let (path, end) = log_file(folder.path());
    let name = path.file_name().unwrap();
    let before = read_all(copy(folder.path()).path()).await.unwrap();
    for place in (0..end).step_by(97) {
        let left = copy(folder.path());
        flip(&left.path().join("log").join(name), place);
        match read_all(left.path()).await {
            // Zeros that fill a header or a frame up.
            Ok(read) => assert_eq!(read, before, "byte {place}"),
            Err(error) => assert!(
                error.starts_with("damaged record at `") && error.contains("log"),
                "byte {place}: {error}"
            ),
        }
    }
}

#[tokio::test]
async fn a_lost_end_of_the_log_is_named_until_the_operator_accepts_it() {
    let folder = logged().await;
    let (path, end) = log_file(folder.path());
    flip(&path, end - 100);
    for _ in 0..2 {
        let error = read_all(folder.path()).await.unwrap_err();
        assert!(
            error.contains("the audit log ends with record 7, but record 8 was durable"),
            "{error}"
        );
    }
    fs::remove_file(folder.path().join("watermark")).unwrap();
    read_all(folder.path()).await.unwrap();
}

#[tokio::test]
async fn a_log_without_its_first_file_is_named() {
    let folder = logged().await;
    let (path, _) = log_file(folder.path());
    fs::rename(&path, path.with_file_name("0000000000000005.log")).unwrap();
    let error = read_all(folder.path()).await.unwrap_err();
    assert!(error.contains("damaged record at `"), "{error}");
}

#[tokio::test]
async fn a_torn_frame_that_was_never_acknowledged_is_written_over() {
    let folder = logged().await;
    let (path, end) = log_file(folder.path());
    let before = read_all(copy(folder.path()).path()).await.unwrap();
    let mut torn = fs::read(&path).unwrap();
    torn[end..][..300].fill(0x5a);
    fs::write(&path, torn).unwrap();
    assert_eq!(read_all(folder.path()).await.unwrap(), before);
    let store = open(folder.path()).await;
    store.commit(link("goes on")).await.unwrap();
    store.close().await.unwrap();
    assert_ne!(read_all(folder.path()).await.unwrap(), before);
}
