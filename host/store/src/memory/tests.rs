use audit::Sha256Chain;
use serde_json::json;

use super::*;
use crate::contract::{self, Step, everything, id, link};

fn store() -> MemoryStore {
    MemoryStore::new(Arc::new(Sha256Chain))
}

#[tokio::test]
async fn the_contract_holds() {
    contract::check(async || store()).await;
}

/// Commits three steps with a fault at the second; the records found after reopening.
async fn records_after(fault: Fault) -> usize {
    let store = store();
    store.fault_at(2, fault);
    store
        .commit(Step::first("e-1", json!(1)).commit(store.fence))
        .await
        .unwrap();
    for number in 1..3 {
        assert!(
            store
                .commit(Step::next("e-1", number, json!(2)).commit(store.fence))
                .await
                .is_err()
        );
    }
    let reopened = store.reopen().unwrap();
    assert!(reopened.fence > store.fence);
    everything(&reopened).await.unwrap();
    reopened
        .load(&id("e-1"))
        .await
        .unwrap()
        .unwrap()
        .records
        .len()
}

#[tokio::test]
async fn a_full_disk_refuses_one_commit_and_takes_the_next() {
    let store = store();
    store.fault_at(2, Fault::Full);
    store
        .commit(Step::first("e-1", json!(1)).commit(store.fence))
        .await
        .unwrap();
    let before = everything(&store).await.unwrap();
    let next = || Step::next("e-1", 1, json!(2)).commit(store.fence);
    let refused = store.commit(next()).await;
    let is_full = matches!(refused, Err(CommitError::Store(StoreError::Full { .. })));
    assert!(is_full, "{refused:?}");
    assert_eq!(everything(&store).await.unwrap(), before);
    store.commit(next()).await.unwrap();
    assert_ne!(everything(&store).await.unwrap(), before);
}

#[tokio::test]
async fn a_crash_before_the_write_loses_it_and_one_after_keeps_it() {
    assert_eq!(records_after(Fault::CrashBefore).await, 1);
    assert_eq!(records_after(Fault::CrashAfter).await, 2);
    assert_eq!(records_after(Fault::Fail).await, 1);
    assert_eq!(records_after(Fault::FailLate).await, 2);
}

#[tokio::test]
async fn a_failed_disk_still_shows_what_was_durable_and_a_dead_host_nothing() {
    let failed = store();
    failed.fault_at(1, Fault::Fail);
    assert!(failed.commit(link("a")).await.is_err());
    assert_eq!(failed.audit(0, 10).await.unwrap().head.length, 0);
    let dead = store();
    dead.fault_at(1, Fault::CrashAfter);
    assert!(dead.commit(link("a")).await.is_err());
    assert!(matches!(dead.audit(0, 10).await, Err(StoreError::Closed)));
    assert!(matches!(dead.fence().await, Err(StoreError::Closed)));
}

#[tokio::test]
async fn refused_commits_do_not_count() {
    let store = store();
    store.commit(link("a")).await.unwrap();
    assert!(
        store
            .commit(Step::next("e-1", 5, json!(1)).commit(store.fence))
            .await
            .is_err()
    );
    assert_eq!(store.commits(), 1);
}

#[tokio::test]
async fn an_opening_that_was_replaced_can_do_nothing() {
    let old = store();
    let new = old.reopen().unwrap();
    assert!(matches!(
        old.commit(link("a")).await,
        Err(CommitError::Store(StoreError::Closed))
    ));
    let fenced = new
        .commit(Step::first("e-1", json!(1)).commit(old.fence))
        .await;
    assert!(matches!(fenced, Err(CommitError::Fenced(_))));
    new.commit(Step::first("e-1", json!(1)).commit(new.fence))
        .await
        .unwrap();
}

/// Strikes once, and keeps every commit and read waiting for one turn of the scheduler.
struct Scripted(Mutex<Option<Fault>>, Mutex<Vec<u64>>);

#[async_trait]
impl Weather for Scripted {
    async fn before_write(&self) {
        tokio::task::yield_now().await;
    }

    fn strikes(&self) -> Option<Fault> {
        self.0.lock().unwrap().take()
    }

    fn written(&self, _: &Commit, receipt: &Receipt) {
        self.1.lock().unwrap().push(receipt.audit.length);
    }

    async fn before_answer(&self) {
        tokio::task::yield_now().await;
    }

    async fn around_read(&self) {
        tokio::task::yield_now().await;
    }
}

fn under(fault: Option<Fault>) -> (MemoryStore, Arc<Scripted>) {
    let weather = Arc::new(Scripted(Mutex::new(fault), Mutex::default()));
    (store().under(Arc::clone(&weather) as _), weather)
}

/// Whether a call ends; time is not waited for.
async fn ends<T>(call: impl Future<Output = T>) -> bool {
    let turns = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _ = call => true,
        () = turns => false,
    }
}

#[tokio::test]
async fn the_contract_holds_under_weather() {
    contract::check(async || under(None).0).await;
}

#[tokio::test]
async fn a_call_that_a_crash_falls_upon_never_returns() {
    for (fault, durable) in [(Fault::CrashBefore, 0), (Fault::CrashAfter, 1)] {
        let (dying, weather) = under(Some(fault));
        assert!(!ends(dying.commit(link("a"))).await);
        assert!(!ends(dying.audit(0, 10)).await);
        assert_eq!(weather.1.lock().unwrap().len(), durable, "{fault:?}");
        let reopened = dying.reopen().unwrap();
        assert_eq!(reopened.audit(0, 10).await.unwrap().links.len(), durable);
    }
}

#[tokio::test]
async fn a_commit_is_written_even_if_nobody_waits_for_it_any_more() {
    let (store, weather) = under(None);
    let mut asked = Box::pin(store.commit(link("a")));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(asked.as_mut().poll(&mut context).is_pending());
    drop(asked);
    assert_eq!(*weather.1.lock().unwrap(), [1]);
}

#[tokio::test]
async fn a_commit_that_nobody_waits_for_is_lost_with_its_host() {
    let (store, weather) = under(None);
    let mut asked = Box::pin(store.commit(link("a")));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(asked.as_mut().poll(&mut context).is_pending());
    store.crash();
    drop(asked);
    assert!(weather.1.lock().unwrap().is_empty());
}
