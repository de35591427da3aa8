use super::*;
use crate::contract::{document, key};

#[tokio::test]
async fn a_folder_that_is_open_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let second =
        SledStore::open(folder.path(), StoreConfig::default(), Arc::new(Sha256Chain)).await;
    let error = second.err().unwrap();
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    assert!(error.to_string().contains("in use by another process"));
    store.close().await.unwrap();
    open(folder.path()).await;
}

#[tokio::test]
async fn a_second_process_waits_until_the_first_has_closed() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).await;
    first.commit(link("first")).await.unwrap();
    let (waits, waiting) = tokio::sync::oneshot::channel();
    let path = folder.path().to_owned();
    let second = tokio::spawn(async move {
        let mut waits = Some(waits);
        let report = |_| {
            if let Some(waits) = waits.take() {
                waits.send(()).unwrap();
            }
        };
        SledStore::open_when_free(&path, StoreConfig::default(), Arc::new(Sha256Chain), report)
            .await
    });
    waiting.await.unwrap();
    first.commit(link("second")).await.unwrap();
    first.close().await.unwrap();
    let second = second.await.unwrap().unwrap();
    assert_eq!(second.commit(link("third")).await.unwrap().audit.length, 3);
    assert!(second.fence > first.fence);
}

#[tokio::test]
async fn a_database_that_another_program_holds_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).await.close().await.unwrap();
    let db = File::options()
        .write(true)
        .open(folder.path().join("db"))
        .unwrap();
    db.lock().unwrap();
    let second =
        SledStore::open(folder.path(), StoreConfig::default(), Arc::new(Sha256Chain)).await;
    assert!(matches!(second.err().unwrap(), OpenError::InUse(_)));
    drop(db);
    open(folder.path()).await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let opened =
        SledStore::open_when_free(&file, StoreConfig::default(), Arc::new(Sha256Chain), |_| {})
            .await;
    assert!(matches!(opened.err().unwrap(), StoreError::Io(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_publishes_of_one_key_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).await);
    let publishes = (0..50).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            store
                .commit(document(key(Kind::Role, "r", 1), json!(number)))
                .await
                .is_ok()
        })
    });
    let mut winners = Vec::new();
    for (number, publish) in publishes.collect::<Vec<_>>().into_iter().enumerate() {
        if publish.await.unwrap() {
            winners.push(json!(number));
        }
    }
    let stored = store.documents(Kind::Role, None, 10).await.unwrap();
    assert_eq!(
        stored.into_iter().map(|role| role.body).collect::<Vec<_>>(),
        winners
    );
    assert_eq!(winners.len(), 1);
    assert_eq!(store.audit(0, 100).await.unwrap().head.length, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_executions_and_readers_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).await);
    let runs = (0..40).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let name = format!("e-{number}");
            store
                .commit(Step::first(&name, json!(number)).commit(store.fence))
                .await
                .unwrap();
            for step in 1..20 {
                store
                    .commit(Step::next(&name, step, json!(step)).commit(store.fence))
                    .await
                    .unwrap();
                let records = store.load(&id(&name)).await.unwrap().unwrap().records.len();
                assert_eq!(records, step as usize + 1);
            }
            store
                .commit(Step::last(&name, 20, json!("end")).commit(store.fence))
                .await
                .unwrap();
        })
    });
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap();
    }
    assert!(store.claim(None, 10).await.unwrap().is_empty());
    assert_eq!(store.audit(0, 1).await.unwrap().head.length, 40 * 21);
    let before = everything(&*store).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(
        everything(&open(folder.path()).await).await.unwrap(),
        before
    );
}
