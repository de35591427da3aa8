mod counted;
mod crash;
mod damage;
mod sharing;
mod upgrade;

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use audit::Sha256Chain;
use ports::{
    Archive, AuditPage, Catalogue, Commit, CommitError, ExecutionFilter, HistoryCursor,
    HistoryPayloads, Journal, Kind, Receipt,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::*;
use crate::contract::{self, Step, everything, id, link};

async fn open(path: &Path) -> SledStore {
    SledStore::open(path, StoreConfig::default(), Arc::new(Sha256Chain))
        .await
        .unwrap()
}

async fn open_with(
    path: &Path,
    sync_data: impl FnMut(&File) -> io::Result<()> + Send + 'static,
) -> SledStore {
    let config = StoreConfig::default();
    SledStore::open_with(path, config, Arc::new(Sha256Chain), Box::new(sync_data))
        .await
        .unwrap()
}

/// What a process that is killed at this moment leaves behind.
fn copy(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_into(folder, copy.path());
    copy
}

fn copy_into(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        match file.file_type().unwrap().is_dir() {
            true => {
                fs::create_dir_all(&target).unwrap();
                copy_into(&file.path(), &target);
            }
            false => drop(fs::copy(file.path(), target).unwrap()),
        }
    }
}

#[tokio::test]
async fn the_contract_holds() {
    let folder = tempfile::tempdir().unwrap();
    let count = std::sync::atomic::AtomicU32::new(0);
    contract::check(async || {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        open(&folder.path().join(number.to_string())).await
    })
    .await;
}

#[tokio::test]
async fn what_was_written_is_there_after_closing_and_opening() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let fence = store.fence;
    store
        .commit(Step::first("e-1", json!("x".repeat(50_000))).commit(fence))
        .await
        .unwrap();
    store
        .commit(Step::next("e-1", 1, json!(2)).commit(fence))
        .await
        .unwrap();
    let before = everything(&store).await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(
        store.load(&id("e-1")).await,
        Err(StoreError::Closed)
    ));
    assert!(matches!(
        store.commit(link("a")).await,
        Err(CommitError::Store(StoreError::Closed))
    ));
    store.close().await.unwrap();

    let store = open(folder.path()).await;
    assert_eq!(everything(&store).await.unwrap(), before);
    let late = store
        .commit(Step::next("e-1", 2, json!(3)).commit(fence))
        .await;
    assert!(matches!(late, Err(CommitError::Fenced(_))));
    store
        .commit(Step::last("e-1", 2, json!(3)).commit(store.fence))
        .await
        .unwrap();
    assert!(store.claim(None, 10).await.unwrap().is_empty());
}
