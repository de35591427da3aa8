//! What every store promises, checked against each of them.

mod fixtures;
mod listing;
mod parking;
mod reading;
mod retention;

use std::future::Future;

use asl::{EffectId, Status, Timestamp};
use audit::Verifier;
use auth::authority::AuthorityVersion;
use auth::names::Digest;
use bytes::Bytes;
use ports::{
    Archive, AuditPage, AuditRecord, Blob, Catalogue, Commit, CommitError, EndedOrder,
    ExecutionFilter, Fence, HistoryCursor, HistoryPayloads, Journal, Kind, Parent, Retention,
    Sealed, StoreError,
};
use serde_json::json;

pub(crate) use fixtures::{Step, document, id, key, link, noise};

/// A whole store.
pub(crate) trait Store: Journal + Catalogue + Archive + Retention {}

impl<S: Journal + Catalogue + Archive + Retention> Store for S {}

/// Checks every promise, each on a store of its own.
pub(crate) async fn check<S: Store, F: Future<Output = S>>(empty: impl Fn() -> F) {
    a_started_execution_can_be_read_in_every_way(&empty().await).await;
    an_ended_execution_is_not_claimed_again(&empty().await).await;
    parking::alarms_are_listed_in_the_order_of_time(&empty().await).await;
    parking::an_execution_is_claimed_or_has_an_alarm_or_waits(&empty().await).await;
    parking::a_forgotten_execution_leaves_no_alarm_behind(&empty().await).await;
    a_name_is_given_once_within_a_state_machine(&empty().await).await;
    an_effect_starts_one_express_execution_under_a_name(&empty().await).await;
    nothing_is_committed_under_an_authority_that_has_passed(&empty().await).await;
    a_document_is_written_once_and_listed_in_order(&empty().await).await;
    only_the_owner_writes_and_only_the_next_record(&empty().await).await;
    a_commit_that_contradicts_itself_is_refused(&empty().await).await;
    reading::bytes_of_any_size_read_back_by_their_digest(&empty().await).await;
    reading::payloads_of_any_size_and_depth_read_back(&empty().await).await;
    reading::history_pages_join_to_the_whole_history(&empty().await).await;
    reading::history_reads_backwards_page_by_page(&empty().await).await;
    reading::executions_are_listed_newest_first(&empty().await).await;
    reading::executions_are_listed_by_version_and_alias_too(&empty().await).await;
    reading::the_audit_log_verifies_page_by_page(&empty().await).await;
    reading::a_long_start_and_summary_change_together(&empty().await).await;
    reading::a_record_of_many_events_is_read_piece_by_piece(&empty().await).await;
    listing::listings_agree_with_what_is_there(&async || empty().await).await;
    listing::a_listing_that_makes_no_sense_is_refused(&empty().await).await;
    retention::an_expired_execution_is_gone_and_its_name_is_free(&empty().await).await;
    retention::what_runs_does_not_expire_and_what_is_gone_expires_once(&empty().await).await;
    retention::a_payload_is_there_for_as_long_as_somebody_has_it(&empty().await).await;
    retention::a_large_execution_goes_in_several_commits(&empty().await).await;
    retention::ended_executions_are_told_in_order_and_held_by_who_started_them(&empty().await)
        .await;
    retention::ended_executions_are_told_from_either_end(&empty().await).await;
    retention::revisions_that_are_used_are_told_and_others_can_go(&empty().await).await;
    retention::a_pruned_log_verifies_from_its_anchor(&empty().await).await;
}

/// Everything that can be read of a store, as text to compare.
pub(crate) async fn everything(store: &impl Store) -> Result<Vec<String>, StoreError> {
    let mut all = Vec::new();
    let AuditPage { links, head, .. } = store.audit(0, usize::MAX).await?;
    let mut verifier = Verifier::new();
    for link in &links {
        verifier
            .push(link)
            .map_err(|broken| StoreError::Io(broken.to_string().into()))?;
    }
    let end = verifier
        .finish(head)
        .map_err(|broken| StoreError::Io(broken.to_string().into()))?;
    all.push(format!("{end:?}"));
    for kind in [
        Kind::Component,
        Kind::Role,
        Kind::Review,
        Kind::StateMachine,
        Kind::Registration,
        Kind::Activity,
        Kind::Host,
    ] {
        for document in store.documents(kind, None, usize::MAX).await? {
            if let Some(digest) = document.body.as_str().and_then(Digest::parse) {
                all.push(format!(
                    "{:?}",
                    store.blob(&digest).await?.map(|bytes| bytes.len())
                ));
            }
            all.push(format!("{document:?}"));
        }
    }
    let listed = store
        .executions(ExecutionFilter::default(), None, usize::MAX)
        .await?;
    for execution in listed.items {
        let header = execution.start.header;
        let named = store
            .execution_named(&header.machine_arn, &header.name)
            .await?;
        all.push(format!("{named:?} {:?}", store.load(&header.id).await?));
        all.push(format!("{:?}", store.execution(&header.id).await?));
        all.push(format!(
            "{:?}",
            store
                .history(
                    &header.id,
                    HistoryCursor::default(),
                    HistoryPayloads::Shown,
                    usize::MAX
                )
                .await?
        ));
        let filter = ExecutionFilter {
            machine_arn: Some(header.machine_arn),
            ..ExecutionFilter::default()
        };
        all.push(format!(
            "{:?}",
            store.executions(filter, None, usize::MAX).await?.items
        ));
    }
    all.extend(in_line(store).await?);
    Ok(all)
}

/// Who waits for what: to be taken up, to be woken, to expire.
async fn in_line(store: &impl Store) -> Result<Vec<String>, StoreError> {
    let mut all = Vec::new();
    all.push(format!(
        "{:?}",
        store
            .ended(EndedOrder::OldestFirst, None, usize::MAX)
            .await?
    ));
    all.push(format!("{:?}", store.leftovers(usize::MAX).await?));
    let claims = store.claim(None, usize::MAX).await?;
    let claimed = claims.iter().map(|claim| &claim.id);
    all.push(format!("{:?}", claimed.collect::<Vec<_>>()));
    let alarms = store
        .alarms(Timestamp(i64::MAX), None, usize::MAX - 1)
        .await?;
    all.push(format!("{:?}", alarms.due));
    Ok(all)
}

async fn head_length(store: &impl Store) -> u64 {
    store.audit(0, 0).await.unwrap().head.length
}

fn read(link: &Sealed) -> AuditRecord {
    serde_json::from_str(&link.body).unwrap()
}

async fn a_started_execution_can_be_read_in_every_way(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    let receipt = store
        .commit(Step::first("e-1", json!({"n": 1.50})).commit(fence))
        .await
        .unwrap();
    assert_eq!(receipt.audit.length, 1);
    let described = store.execution(&id("e-1")).await.unwrap().unwrap();
    assert_eq!(described.input.as_deref(), Some(&json!({"n": 1.5})));
    assert_eq!(
        (described.output, described.summary.status),
        (None, Status::Running)
    );
    assert_eq!(described.start.header.name, "e-1");
    let loaded = store.load(&id("e-1")).await.unwrap().unwrap();
    assert_eq!(
        (loaded.records.len(), loaded.start.caller.method.as_str()),
        (1, "oidc")
    );
    assert_eq!(
        store.execution_named("m", "e-1").await.unwrap(),
        Some(id("e-1"))
    );
    let claims = store.claim(None, 10).await.unwrap();
    assert_eq!(
        claims
            .iter()
            .map(|claim| (claim.id.clone(), claim.fence))
            .collect::<Vec<_>>(),
        [(id("e-1"), fence)]
    );
    let page = store
        .history(
            &id("e-1"),
            HistoryCursor::default(),
            HistoryPayloads::Shown,
            10,
        )
        .await
        .unwrap()
        .unwrap();
    assert_eq!((page.events.len(), page.has_more), (1, false));
    assert_eq!(
        page.next,
        HistoryCursor {
            record: 1,
            ..HistoryCursor::default()
        }
    );
    let AuditPage { links, head, .. } = store.audit(0, 10).await.unwrap();
    assert_eq!(head, receipt.audit);
    let (number, digest) = read(&links[0]).checkpoint.unwrap();
    let stored = serde_json::to_vec(&loaded.records[0]).unwrap();
    assert_eq!((number, digest.as_str()), (0, Digest::of(&stored).as_str()));

    another_is_not_there(store).await;
}

async fn another_is_not_there(store: &impl Store) {
    assert!(store.execution(&id("e-2")).await.unwrap().is_none());
    assert!(store.load(&id("e-2")).await.unwrap().is_none());
    assert!(
        store
            .history(
                &id("e-2"),
                HistoryCursor::default(),
                HistoryPayloads::Shown,
                10
            )
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(store.execution_named("m", "e-2").await.unwrap(), None);
    assert_eq!(store.execution_named("other", "e-1").await.unwrap(), None);
}

async fn an_ended_execution_is_not_claimed_again(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    for name in ["e-1", "e-2", "e-3"] {
        store
            .commit(Step::first(name, json!(1)).commit(fence))
            .await
            .unwrap();
    }
    store
        .commit(Step::next("e-2", 1, json!(2)).commit(fence))
        .await
        .unwrap();
    store
        .commit(Step::last("e-2", 2, json!("done")).commit(fence))
        .await
        .unwrap();
    let ids =
        |claims: Vec<ports::Claim>| claims.into_iter().map(|claim| claim.id).collect::<Vec<_>>();
    assert_eq!(
        ids(store.claim(None, 10).await.unwrap()),
        [id("e-1"), id("e-3")]
    );
    assert_eq!(ids(store.claim(None, 1).await.unwrap()), [id("e-1")]);
    assert_eq!(
        ids(store.claim(Some(id("e-1")), 10).await.unwrap()),
        [id("e-3")]
    );
    let described = store.execution(&id("e-2")).await.unwrap().unwrap();
    assert_eq!(described.output.as_deref(), Some(&json!("done")));
    assert!(described.summary.stopped_at.is_some());
    let loaded = store.load(&id("e-2")).await.unwrap().unwrap();
    assert_eq!(
        loaded
            .records
            .iter()
            .map(|record| record.number)
            .collect::<Vec<_>>(),
        [0, 1, 2]
    );
}

async fn a_name_is_given_once_within_a_state_machine(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    store
        .commit(Step::first("e-1", json!(1)).commit(fence))
        .await
        .unwrap();
    let mut again = Step {
        name: "e-1".to_owned(),
        ..Step::first("e-2", json!(2))
    };
    let error = store.commit(again.commit(fence)).await.unwrap_err();
    assert!(
        matches!(&error, CommitError::NameTaken(holder) if *holder == id("e-1")),
        "{error}"
    );
    assert_eq!(head_length(store).await, 1);
    assert!(store.load(&id("e-2")).await.unwrap().is_none());
    again.machine = "other".to_owned();
    store.commit(again.commit(fence)).await.unwrap();
    assert_eq!(
        store.execution_named("other", "e-1").await.unwrap(),
        Some(id("e-2"))
    );
}

async fn an_effect_starts_one_express_execution_under_a_name(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    let parent = |effect| Parent {
        execution: id("p"),
        effect: EffectId(effect),
        is_bound: false,
        depth: 1,
    };
    let started = |of: &str, effect| {
        let mut commit = Step {
            name: "n".to_owned(),
            ..Step::first(of, json!(1))
        }
        .commit(fence);
        let start = commit.execution.as_mut().unwrap().start.as_mut().unwrap();
        start.header.arn = format!("arn:express:m:n:{of}");
        start.selection.parent = Some(parent(effect));
        commit
    };
    store.commit(started("e-1", 1)).await.unwrap();
    store.commit(started("e-2", 2)).await.unwrap();
    let error = store.commit(started("e-3", 1)).await.unwrap_err();
    assert!(
        matches!(&error, CommitError::NameTaken(holder) if *holder == id("e-1")),
        "{error}"
    );
    let own = parent(2).express_name("n");
    assert_eq!(
        store.execution_named("m", &own).await.unwrap(),
        Some(id("e-2"))
    );
    assert_eq!(store.execution_named("m", "n").await.unwrap(), None);
}

async fn nothing_is_committed_under_an_authority_that_has_passed(store: &impl Store) {
    let moves = |decided_under| Commit {
        decided_under,
        moves_authority: true,
        ..link("role")
    };
    let first = store
        .commit(moves(Some(AuthorityVersion(0))))
        .await
        .unwrap();
    assert_eq!(first.authority, AuthorityVersion(1));
    let error = store
        .commit(moves(Some(AuthorityVersion(0))))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            CommitError::AuthorityMoved {
                now: AuthorityVersion(1)
            }
        ),
        "{error}"
    );
    assert_eq!(head_length(store).await, 1);
    let undecided = store.commit(link("denied")).await.unwrap();
    assert_eq!(undecided.authority, AuthorityVersion(1));
    let decided = Commit {
        decided_under: Some(AuthorityVersion(1)),
        ..link("start")
    };
    assert_eq!(store.commit(decided).await.unwrap().audit.length, 3);
}

async fn a_document_is_written_once_and_listed_in_order(store: &impl Store) {
    let keys = [
        key(Kind::Role, "a", 1),
        key(Kind::Role, "a", 2),
        key(Kind::Role, "a-b", 1),
        key(Kind::Role, "b", 1),
        key(Kind::Review, "a", 1),
    ];
    for (number, key) in keys.iter().enumerate().rev() {
        store
            .commit(document(key.clone(), json!({ "number": number })))
            .await
            .unwrap();
    }
    let error = store
        .commit(document(keys[1].clone(), json!("other")))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, CommitError::Conflict(taken) if *taken == keys[1]),
        "{error}"
    );
    let mut twice = document(key(Kind::Role, "c", 1), json!(1));
    twice.documents.push(twice.documents[0].clone());
    assert!(matches!(
        store.commit(twice).await.unwrap_err(),
        CommitError::Conflict(_)
    ));
    assert_eq!(head_length(store).await, 5);
    let roles = store.documents(Kind::Role, None, 10).await.unwrap();
    assert_eq!(
        roles
            .iter()
            .map(|role| role.key.clone())
            .collect::<Vec<_>>(),
        keys[..4]
    );
    assert_eq!(roles[1].body, json!({ "number": 1 }));
    let page = store
        .documents(Kind::Role, Some(keys[0].clone()), 2)
        .await
        .unwrap();
    assert_eq!(
        page.iter().map(|role| role.key.clone()).collect::<Vec<_>>(),
        keys[1..3]
    );
    assert!(
        store
            .documents(Kind::Component, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn only_the_owner_writes_and_only_the_next_record(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    let stranger = Fence(fence.0 + 1);
    let first = Step::first("e-1", json!(1));
    let error = store.commit(first.commit(stranger)).await.unwrap_err();
    assert!(
        matches!(&error, CommitError::Fenced(fenced) if *fenced == id("e-1")),
        "{error}"
    );
    store.commit(first.commit(fence)).await.unwrap();
    for number in [0, 2, u32::MAX] {
        let mut step = Step::next("e-1", number, json!(2));
        step.name = "other".to_owned();
        let error = store.commit(step.commit(fence)).await.unwrap_err();
        assert!(
            error.to_string().contains("the next record is number 1"),
            "{error}"
        );
    }
    let error = store
        .commit(Step::next("e-2", 1, json!(2)).commit(fence))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("the next record is number 0"),
        "{error}"
    );
    assert_eq!(head_length(store).await, 1);
    assert_eq!(store.execution_named("m", "other").await.unwrap(), None);
    store
        .commit(Step::next("e-1", 1, json!(2)).commit(fence))
        .await
        .unwrap();
}

async fn a_commit_that_contradicts_itself_is_refused(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    let first = Step::first("e-1", json!(1));
    let mut without_start = first.commit(fence);
    without_start.execution.as_mut().unwrap().start = None;
    let mut of_another = first.commit(fence);
    of_another.execution.as_mut().unwrap().id = id("e-2");
    let unaudited = Commit {
        audit: Vec::new(),
        ..first.commit(fence)
    };
    let named = Step {
        name: "a\0b".to_owned(),
        ..first.clone()
    }
    .commit(fence);
    let documented = document(key(Kind::Role, "a\0", 1), json!(1));
    let blob = Blob {
        digest: Digest::of(b"a"),
        bytes: Bytes::from_static(b"b"),
    };
    let forged = Commit {
        blobs: vec![blob],
        ..link("upload")
    };
    for (commit, problem) in [
        (without_start, "do not belong together"),
        (of_another, "is that of `e-1`"),
        (unaudited, "needs an audit record"),
        (named, "the name `a\\0b` holds a NUL"),
        (documented, "holds a NUL"),
        (forged, "do not have the digest"),
    ] {
        let error = store.commit(commit).await.unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
    assert_eq!(head_length(store).await, 0);
    store.commit(first.commit(fence)).await.unwrap();
}
