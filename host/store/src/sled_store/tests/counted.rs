//! What the store counts of itself while it works, and what of that survives.

use auth::names::Digest;

use super::*;
use crate::metrics::Wait;

/// Parked until some time, and for an answer.
fn parked(store: &SledStore) -> (i64, i64) {
    let count = |until| store.metrics().parked.get_or_create(&Wait { until }).get();
    (count("time"), count("answer"))
}

#[tokio::test]
async fn parked_executions_are_counted_by_what_they_wait_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    assert_eq!(parked(&store), (0, 0));
    for (step, expected) in [
        (Step::first("e-1", json!(1)).parked(Some(7)), (1, 0)),
        (Step::first("e-2", json!(1)).parked(None), (1, 1)),
        (Step::first("e-3", json!(1)), (1, 1)),
        (Step::next("e-1", 1, json!(1)).parked(Some(9)), (1, 1)),
        (Step::next("e-1", 2, json!(1)).parked(None), (0, 2)),
        (Step::next("e-2", 1, json!(1)), (0, 1)),
        (Step::next("e-3", 1, json!(1)).parked(Some(1)), (1, 1)),
        (Step::last("e-1", 3, json!(1)), (1, 0)),
    ] {
        store.commit(step.commit(store.fence)).await.unwrap();
        assert_eq!(parked(&store), expected);
    }
    let refused = store
        .commit(Step::next("e-3", 7, json!(1)).commit(store.fence))
        .await;
    assert!(refused.is_err());
    assert_eq!(parked(&store), (1, 0));
}

#[tokio::test]
async fn the_count_of_parked_executions_is_there_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for (name, wake_at) in [("e-1", Some(7)), ("e-2", None), ("e-3", Some(8))] {
        let step = Step::first(name, json!(1)).parked(wake_at);
        store.commit(step.commit(store.fence)).await.unwrap();
    }
    let found = copy(folder.path());
    let next = open(found.path()).await;
    assert_eq!(parked(&next), (2, 1));
}

#[tokio::test]
async fn a_store_whose_last_opening_kept_no_count_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for (name, wake_at) in [("e-1", Some(7)), ("e-2", None), ("e-3", Some(8))] {
        let step = Step::first(name, json!(1)).parked(wake_at);
        store.commit(step.commit(store.fence)).await.unwrap();
    }
    store
        .commit(Step::first("e-4", json!(1)).commit(store.fence))
        .await
        .unwrap();
    store
        .commit(Step::last("e-3", 1, json!(1)).commit(store.fence))
        .await
        .unwrap();
    let other = crate::ledger::Parked::open(&*store.durable, Fence(store.fence.0 + 1));
    let counted = other.unwrap();
    assert_eq!((counted.for_time, counted.for_answer), (1, 1));
}

#[tokio::test]
async fn the_base_is_behind_until_its_table_is_written() {
    // Digests, as anything more regular may take less room than it has letters.
    let digests = (0..4_000_u32).map(|number| Digest::of(&number.to_be_bytes()).to_string());
    let large = json!(digests.collect::<String>());
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let waiting = store.metrics().base_waiting_bytes.clone();
    let before = waiting.get();
    assert!(before > 0);
    let step = Step::first("e-1", large.clone());
    store.commit(step.commit(store.fence)).await.unwrap();
    assert!(waiting.get() > before + 50_000, "{}", waiting.get());

    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        table_bytes_max: 1,
        ..StoreConfig::default()
    };
    let store = SledStore::open(folder.path(), config, Arc::new(Sha256Chain));
    let store = store.await.unwrap();
    let waiting = store.metrics().base_waiting_bytes.clone();
    assert!(waiting.get() > 0);
    store.commit(step.commit(store.fence)).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(waiting.get(), 0);
}
