use std::future::poll_fn;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::Poll;

use auth::authority::AuthorityVersion;
use auth::names::Digest;
use ports::{Blob, Kind};
use tokio::task::JoinHandle;

use super::*;
use crate::base::Base;
use crate::contract::{document, key, noise};

type Answer = Result<Receipt, CommitError>;

/// Commits of every kind, in an order that works.
fn commits(fence: Fence) -> Vec<Commit> {
    let wasm = vec![7; 700_000];
    let digest = Digest::of(&wasm);
    let mut upload = document(key(Kind::Component, "c", 1), json!(digest));
    upload.blobs.push(Blob {
        digest,
        bytes: wasm.into(),
    });
    vec![
        upload,
        document(key(Kind::Role, "r", 1), json!(noise(30_000))),
        Step::first("e-1", json!(noise(200_000))).commit(fence),
        Step::first("e-2", json!(1)).commit(fence),
        Step::next("e-1", 1, json!(1)).commit(fence),
        Commit {
            moves_authority: true,
            ..link("role")
        },
        Step::last("e-2", 1, json!(noise(20_000))).commit(fence),
        Step::last("e-1", 2, json!(2)).commit(fence),
    ]
}

#[tokio::test]
async fn everything_acknowledged_survives_a_kill_after_each_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for commit in commits(store.fence) {
        store.commit(commit).await.unwrap();
        let expected = everything(&store).await.unwrap();
        let left = copy(folder.path());
        let reopened = open(left.path()).await;
        assert_eq!(everything(&reopened).await.unwrap(), expected);
        reopened.commit(link("goes on")).await.unwrap();
    }
}

/// What is acknowledged must be in what was synced, not in what the process wrote afterwards.
#[tokio::test]
async fn everything_acknowledged_was_in_the_file_when_it_was_synced() {
    let folder = tempfile::tempdir().unwrap();
    let synced = Arc::new(Mutex::new(tempfile::tempdir().unwrap()));
    let (path, last) = (folder.path().to_owned(), Arc::clone(&synced));
    let store = open_with(folder.path(), move |file| {
        file.sync_data()?;
        *last.lock().unwrap() = copy(&path);
        Ok(())
    })
    .await;
    for commit in commits(store.fence) {
        store.commit(commit).await.unwrap();
        let expected = everything(&store).await.unwrap();
        let left = copy(synced.lock().unwrap().path());
        assert_eq!(
            everything(&open(left.path()).await).await.unwrap(),
            expected
        );
    }
}

/// A store that writes to its base all the time.
async fn flushing(folder: &Path) -> SledStore {
    let config = StoreConfig {
        table_bytes_max: 60_000,
        ..StoreConfig::default()
    };
    SledStore::open(folder, config, Arc::new(Sha256Chain))
        .await
        .unwrap()
}

async fn commit_one(store: &SledStore, number: usize) {
    let input = json!(noise(number % 40 * 900));
    let commit = Step::first(&format!("e-{number:04}"), input).commit(store.fence);
    store.commit(commit).await.unwrap();
}

#[tokio::test]
async fn a_kill_while_the_base_is_written_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = flushing(folder.path()).await;
    for number in 0..60 {
        commit_one(&store, number).await;
        let expected = everything(&store).await.unwrap();
        let left = copy(folder.path());
        let reopened = open(left.path()).await;
        assert_eq!(everything(&reopened).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn everything_is_read_from_base_and_log_together() {
    let folder = tempfile::tempdir().unwrap();
    let store = flushing(folder.path()).await;
    for number in 0..120 {
        commit_one(&store, number).await;
    }
    let expected = everything(&store).await.unwrap();
    store.close().await.unwrap();
    let base = Base::open(folder.path(), 1 << 20).unwrap();
    assert!(base.applied().unwrap() > 10);
    base.close().unwrap();
    assert_eq!(
        everything(&open(folder.path()).await).await.unwrap(),
        expected
    );
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_goes_on_reading() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        reserve_bytes: u64::MAX,
        ..StoreConfig::default()
    };
    let store = SledStore::open(folder.path(), config, Arc::new(Sha256Chain))
        .await
        .unwrap();
    // The file's own room is used up first.
    let long = |number: u32| {
        let input = json!(format!("{number}{}", noise(200_000)));
        Step::first(&format!("e-{number}"), input).commit(store.fence)
    };
    let mut number = 0;
    let refused = loop {
        match store.commit(long(number)).await {
            Ok(_) => number += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(
        refused,
        CommitError::Store(StoreError::Full { .. })
    ));
    assert!((1..6).contains(&number), "{number}");
    let shown = everything(&store).await.unwrap();
    assert!(store.commit(long(number)).await.is_err());
    assert_eq!(everything(&store).await.unwrap(), shown);
    store.close().await.unwrap();

    let store = open(folder.path()).await;
    assert_eq!(everything(&store).await.unwrap(), shown);
    let late = Step::first(&format!("e-{number}"), json!(1)).commit(store.fence);
    store.commit(late).await.unwrap();
}

#[tokio::test]
async fn a_store_on_a_full_disk_is_opened_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        reserve_bytes: u64::MAX,
        ..StoreConfig::default()
    };
    let opened = async || {
        let chain = Arc::new(Sha256Chain);
        SledStore::open(folder.path(), config.clone(), chain).await
    };
    let store = opened().await.unwrap();
    let mut number = 0;
    // Down to where nothing fits into what the file already has.
    for letters in [200_000, 20_000, 2_000, 0] {
        loop {
            let input = json!(noise(letters));
            let commit = Step::first(&format!("e-{number}"), input).commit(store.fence);
            if store.commit(commit).await.is_err() {
                break;
            }
            number += 1;
        }
    }
    while store.commit(link("")).await.is_ok() {}
    let shown = everything(&store).await.unwrap();
    store.close().await.unwrap();

    let store = opened().await.unwrap();
    assert_eq!(everything(&store).await.unwrap(), shown);
    store.close().await.unwrap();
    opened().await.unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_measured_or_tidied_does_not_end_writing() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        table_bytes_max: 1,
        ..StoreConfig::default()
    };
    let store = SledStore::open(folder.path(), config, Arc::new(Sha256Chain))
        .await
        .unwrap();
    let (log, away) = (folder.path().join("log"), folder.path().join("away"));
    store.commit(link("before")).await.unwrap();
    fs::rename(&log, &away).unwrap();
    for _ in 0..3 {
        store.commit(link("meanwhile")).await.unwrap();
    }
    fs::rename(&away, &log).unwrap();
    store.commit(link("after")).await.unwrap();
    store.close().await.unwrap();
    let audit = open(folder.path()).await.audit(0, 10).await.unwrap();
    assert_eq!(audit.head.length, 5);
}

/// A store whose syncs, but for the first when it opens, wait until they are let through.
struct Gate {
    store: Arc<SledStore>,
    reached: mpsc::Receiver<()>,
    through: mpsc::Sender<io::Result<()>>,
    syncs: Arc<AtomicU64>,
    _folder: TempDir,
}

impl Gate {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (reach, reached) = mpsc::channel();
        let (through, wait) = mpsc::channel();
        let syncs = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&syncs);
        let store = open_with(folder.path(), move |file| {
            if count.fetch_add(1, Ordering::SeqCst) > 0 {
                reach.send(()).unwrap();
                wait.recv().unwrap()?;
            }
            file.sync_data()
        })
        .await;
        Self {
            store: Arc::new(store),
            reached,
            through,
            syncs,
            _folder: folder,
        }
    }

    fn commit(&self, commit: Commit) -> JoinHandle<Answer> {
        let store = Arc::clone(&self.store);
        tokio::spawn(async move { store.commit(commit).await })
    }

    /// Sends commits in this order and says when all are sent, then hands out the answers.
    fn commit_in_order(
        &self,
        commits: Vec<Commit>,
    ) -> (oneshot::Receiver<()>, JoinHandle<Vec<Answer>>) {
        let store = Arc::clone(&self.store);
        let (sent, all_sent) = oneshot::channel();
        let answers = tokio::spawn(async move {
            let mut answers: Vec<_> = commits
                .into_iter()
                .map(|commit| store.commit(commit))
                .collect();
            // Polled once, each is in the queue.
            for answer in &mut answers {
                let waits =
                    poll_fn(|context| Poll::Ready(answer.as_mut().poll(context).is_pending()));
                assert!(waits.await);
            }
            sent.send(()).unwrap();
            let mut done = Vec::new();
            for answer in answers {
                done.push(answer.await);
            }
            done
        });
        (all_sent, answers)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_before_it_is_synced() {
    let gate = Gate::new().await;
    let fence = gate.store.fence;
    let begun = gate.commit(Step::first("e-1", json!(1)).commit(fence));
    gate.reached.recv().unwrap();
    assert!(gate.store.load(&id("e-1")).await.unwrap().is_none());
    assert_eq!(gate.store.execution_named("m", "e-1").await.unwrap(), None);
    assert!(
        gate.store
            .executions(ExecutionFilter::default(), None, 10)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(gate.store.audit(0, 10).await.unwrap().head.length, 0);
    gate.through.send(Ok(())).unwrap();
    begun.await.unwrap().unwrap();
    let started = everything(&*gate.store).await.unwrap();

    let ended = gate.commit(Step::last("e-1", 1, json!(2)).commit(fence));
    gate.reached.recv().unwrap();
    assert_eq!(everything(&*gate.store).await.unwrap(), started);
    gate.through.send(Ok(())).unwrap();
    ended.await.unwrap().unwrap();
    assert_ne!(everything(&*gate.store).await.unwrap(), started);
    assert!(gate.store.claim(None, 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_wait_are_written_together_and_see_each_other() {
    let gate = Gate::new().await;
    let fence = gate.store.fence;
    let first = gate.commit(link("first"));
    gate.reached.recv().unwrap();
    let same_name = |id: &str| {
        Step {
            name: "name".to_owned(),
            ..Step::first(id, json!(1))
        }
        .commit(fence)
    };
    let publish = || document(key(Kind::Role, "r", 1), json!(1));
    let decided = Commit {
        decided_under: Some(AuthorityVersion(0)),
        moves_authority: true,
        ..link("role")
    };
    let waiting = vec![
        same_name("e-1"),
        same_name("e-2"),
        Step::next("e-1", 1, json!(2)).commit(fence),
        Step::last("e-1", 2, json!(3)).commit(fence),
        publish(),
        publish(),
        decided.clone(),
        decided,
        Step::first("e-3", json!(1)).commit(Fence(fence.0 - 1)),
    ];
    let (all_sent, answers) = gate.commit_in_order(waiting);
    all_sent.await.unwrap();
    for _ in 0..2 {
        gate.through.send(Ok(())).unwrap();
    }
    first.await.unwrap().unwrap();
    let answers = answers.await.unwrap();
    assert!(
        matches!(
            answers.as_slice(),
            [
                Ok(_),
                Err(CommitError::NameTaken(_)),
                Ok(_),
                Ok(_),
                Ok(_),
                Err(CommitError::Conflict(_)),
                Ok(_),
                Err(CommitError::AuthorityMoved {
                    now: AuthorityVersion(1)
                }),
                Err(CommitError::Fenced(_)),
            ]
        ),
        "{answers:?}"
    );
    assert_eq!(gate.syncs.load(Ordering::SeqCst), 3);
    assert_eq!(
        gate.store
            .load(&id("e-1"))
            .await
            .unwrap()
            .unwrap()
            .records
            .len(),
        3
    );
    assert!(gate.store.claim(None, 10).await.unwrap().is_empty());
    assert_eq!(gate.store.audit(0, 100).await.unwrap().head.length, 6);
    everything(&*gate.store).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_sync_nothing_is_acknowledged_or_shown() {
    let gate = Gate::new().await;
    let before = everything(&*gate.store).await.unwrap();
    let failing = gate.commit(link("lost"));
    gate.reached.recv().unwrap();
    let waiting = gate.commit(link("waiting"));
    gate.through
        .send(Err(io::Error::other("no such luck")))
        .unwrap();
    for answer in [
        failing.await.unwrap(),
        waiting.await.unwrap(),
        gate.store.commit(link("late")).await,
    ] {
        let error = answer.unwrap_err();
        assert!(error.to_string().contains("no such luck"), "{error}");
    }
    assert_eq!(everything(&*gate.store).await.unwrap(), before);
    assert_eq!(gate.syncs.load(Ordering::SeqCst), 2);
    gate.store.close().await.unwrap();
}

#[tokio::test]
async fn a_panic_while_writing_is_an_error_not_a_hang() {
    let folder = tempfile::tempdir().unwrap();
    let syncs = AtomicUsize::new(0);
    let store = open_with(folder.path(), move |file| {
        assert_eq!(syncs.fetch_add(1, Ordering::SeqCst), 0, "out of order");
        file.sync_data()
    })
    .await;
    for _ in 0..2 {
        let error = store.commit(link("a")).await.unwrap_err();
        assert!(
            error.to_string().contains("the database panicked"),
            "{error}"
        );
    }
    assert_eq!(store.audit(0, 10).await.unwrap().head.length, 0);
    store.close().await.unwrap();
    open(folder.path()).await;
}

#[tokio::test]
async fn a_commit_larger_than_a_group_is_written_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        group_bytes_max: 1,
        queue_commits_max: 1,
        ..StoreConfig::default()
    };
    let store = SledStore::open(folder.path(), config, Arc::new(Sha256Chain))
        .await
        .unwrap();
    let store = Arc::new(store);
    let commits = (0..20).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            store
                .commit(Step::first(&format!("e-{number}"), json!(1)).commit(store.fence))
                .await
        })
    });
    for commit in commits.collect::<Vec<_>>() {
        commit.await.unwrap().unwrap();
    }
    assert_eq!(store.claim(None, 100).await.unwrap().len(), 20);
}
