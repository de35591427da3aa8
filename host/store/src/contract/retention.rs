//! What expires is gone with everything that was its own, and with nothing that is another's.

use asl::{EffectId, Timestamp};
use audit::Verifier;
use ports::{
    AuditPage, Commit, Ended, EndedOrder, ExecutionFilter, HistoryCursor, HistoryPayloads, Kind,
    Parent, Upkeep,
};
use serde_json::{Value, json};

use super::fixtures::{Step, audit_record, document, id, key, link};
use super::{Store, everything, head_length};

pub(super) fn ended(of: &str) -> Ended {
    Ended {
        at: Timestamp(2),
        id: id(of),
    }
}

pub(crate) fn expire(of: &[&str]) -> Commit {
    Commit {
        upkeep: Upkeep {
            expire: of.iter().map(|of| ended(of)).collect(),
            ..Upkeep::default()
        },
        ..link("expire")
    }
}

/// Commits until nothing is left of what expired.
pub(crate) async fn clear(store: &impl Store) {
    loop {
        let expire = store.leftovers(2).await.unwrap();
        if expire.is_empty() {
            return;
        }
        let upkeep = Upkeep {
            expire,
            ..Upkeep::default()
        };
        let commit = Commit {
            upkeep,
            ..Commit::default()
        };
        store.commit(commit).await.unwrap();
    }
}

fn large(text: &str) -> Value {
    json!(text.repeat(5000))
}

async fn known(store: &impl Store, of: &str) -> bool {
    let (id, all) = (id(of), ExecutionFilter::default());
    let described = store.execution(&id).await.unwrap().is_some();
    let (loaded, history) = (
        store.load(&id).await.unwrap().is_some(),
        store
            .history(
                &id,
                HistoryCursor::default(),
                HistoryPayloads::Shown,
                10_000,
            )
            .await
            .unwrap()
            .is_some(),
    );
    let listed = store.executions(all, None, 1000).await.unwrap();
    let is_listed = listed
        .items
        .iter()
        .any(|item| item.start.header.id.as_str() == of);
    assert_eq!(
        [loaded, history, is_listed],
        [described; 3],
        "`{of}` is known in part"
    );
    described
}

pub(super) async fn an_expired_execution_is_gone_and_its_name_is_free(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    for name in ["e-1", "e-2"] {
        store
            .commit(Step::first(name, json!(1)).commit(fence))
            .await
            .unwrap();
    }
    store
        .commit(Step::last("e-1", 1, json!(2)).commit(fence))
        .await
        .unwrap();
    let page = store
        .ended(EndedOrder::OldestFirst, None, 10)
        .await
        .unwrap();
    assert_eq!((page.count, page.items.len()), (1, 1));
    assert_eq!(page.items[0].ended, ended("e-1"));
    assert_eq!(page.items[0].arn, "execution:m:e-1");
    store.commit(expire(&["e-1"])).await.unwrap();
    assert!(!known(store, "e-1").await);
    assert!(known(store, "e-2").await);
    assert_eq!(
        store
            .ended(EndedOrder::OldestFirst, None, 10)
            .await
            .unwrap()
            .count,
        0
    );
    let again = Step {
        name: "e-1".to_owned(),
        ..Step::first("e-3", json!(1))
    };
    store.commit(again.commit(fence)).await.unwrap();
    let holder = store.execution_named("m", "e-1").await.unwrap();
    assert_eq!(holder, Some(id("e-3")));
    // What was said of it stays.
    assert_eq!(head_length(store).await, 5);
    everything(store).await.unwrap();
}

pub(super) async fn what_runs_does_not_expire_and_what_is_gone_expires_once(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    for step in [
        Step::first("e-1", json!(1)),
        Step::first("e-2", json!(1)),
        Step::last("e-2", 1, json!(1)),
    ] {
        store.commit(step.commit(fence)).await.unwrap();
    }
    store.commit(expire(&["e-1", "e-9"])).await.unwrap();
    assert!(known(store, "e-1").await);
    for _ in 0..2 {
        store.commit(expire(&["e-2"])).await.unwrap();
        assert!(!known(store, "e-2").await);
        assert_eq!(
            store
                .ended(EndedOrder::OldestFirst, None, 10)
                .await
                .unwrap()
                .count,
            0
        );
    }
    let mut silent = expire(&["e-1"]);
    silent.audit.clear();
    store.commit(silent).await.unwrap();
    for (step, is_audited) in [
        (Step::last("e-1", 1, json!(1)).commit(fence), true),
        (expire(&["e-1"]), false),
    ] {
        let mut commit = step;
        if !is_audited {
            commit.audit.clear();
            let error = store.commit(commit).await.unwrap_err();
            assert!(error.to_string().contains("needs an audit record"));
            continue;
        }
        store.commit(commit).await.unwrap();
    }
    assert!(known(store, "e-1").await);
}

pub(super) async fn a_payload_is_there_for_as_long_as_somebody_has_it(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    let (mine, ours) = (large("mine"), large("ours"));
    for (name, payloads) in [
        ("e-1", vec![ours.clone(), mine.clone()]),
        ("e-2", vec![ours.clone(), json!(1)]),
        ("e-3", vec![json!(1), ours.clone()]),
    ] {
        let first = Step {
            payloads,
            ..Step::first(name, Value::Null)
        };
        store.commit(first.commit(fence)).await.unwrap();
        let last = Step::last(name, 1, ours.clone());
        store.commit(last.commit(fence)).await.unwrap();
    }
    store.commit(expire(&["e-1", "e-3"])).await.unwrap();
    clear(store).await;
    let left = store.load(&id("e-2")).await.unwrap().unwrap();
    assert_eq!(*left.records[0].delta.payloads[0], ours);
    assert_eq!(*left.records[1].delta.payloads[0], ours);
    // The last owner goes in the same breath as the next one comes.
    let again = Step::first("e-4", ours.clone()).commit(fence);
    let (gone, come) = tokio::join!(store.commit(expire(&["e-2"])), store.commit(again));
    gone.unwrap();
    come.unwrap();
    clear(store).await;
    let described = store.execution(&id("e-4")).await.unwrap().unwrap();
    assert_eq!(described.input.as_deref(), Some(&ours));
    store
        .commit(Step::first("e-5", mine.clone()).commit(fence))
        .await
        .unwrap();
    let described = store.execution(&id("e-5")).await.unwrap().unwrap();
    assert_eq!(described.input.as_deref(), Some(&mine));
    everything(store).await.unwrap();
}

pub(super) async fn a_large_execution_goes_in_several_commits(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    let first = Step {
        payloads: (0..600).map(|number| json!(number)).collect(),
        events: (0..600).map(|number| (0, number)).collect(),
        ..Step::first("e-1", Value::Null)
    };
    store.commit(first.commit(fence)).await.unwrap();
    for number in 1..30 {
        let step = Step::next("e-1", number, large(&number.to_string()));
        store.commit(step.commit(fence)).await.unwrap();
    }
    store
        .commit(Step::last("e-1", 30, json!(1)).commit(fence))
        .await
        .unwrap();
    store.commit(expire(&["e-1"])).await.unwrap();
    assert!(!known(store, "e-1").await);
    assert_eq!(store.leftovers(10).await.unwrap(), [ended("e-1")]);
    let links = head_length(store).await;
    clear(store).await;
    assert_eq!(head_length(store).await, links);
    let again = Step {
        name: "e-1".to_owned(),
        ..Step::first("e-2", large("1"))
    };
    store.commit(again.commit(fence)).await.unwrap();
    everything(store).await.unwrap();
}

pub(super) async fn ended_executions_are_told_in_order_and_held_by_who_started_them(
    store: &impl Store,
) {
    let fence = store.fence().await.unwrap();
    let parent = |of: &str| Parent {
        execution: id(of),
        effect: EffectId(1),
        is_bound: true,
        depth: 1,
    };
    store
        .commit(Step::first("p", json!(1)).commit(fence))
        .await
        .unwrap();
    for (name, of) in [("e-1", None), ("e-2", Some("p")), ("e-3", Some("gone"))] {
        let mut first = Step::first(name, json!(1));
        first.selection.parent = of.map(parent);
        store.commit(first.commit(fence)).await.unwrap();
        store
            .commit(Step::last(name, 1, json!(1)).commit(fence))
            .await
            .unwrap();
    }
    let held = async |limit| {
        let mut held = Vec::new();
        let mut after = None;
        loop {
            let page = store
                .ended(EndedOrder::OldestFirst, after.clone(), limit)
                .await
                .unwrap();
            assert_eq!(page.count, 3);
            let Some(last) = page.items.last() else { break };
            after = Some(last.ended.clone());
            let told = page.items.iter();
            held.extend(told.map(|item| (item.ended.id.to_string(), item.is_held)));
        }
        held
    };
    let told =
        |names: [(&str, bool); 3]| names.map(|(name, held)| (name.to_owned(), held)).to_vec();
    for limit in [1, 2, 10] {
        let expected = told([("e-1", false), ("e-2", true), ("e-3", false)]);
        assert_eq!(held(limit).await, expected);
    }
    let upkeep = Upkeep {
        postpone: vec![(ended("e-2"), Timestamp(3)), (ended("e-9"), Timestamp(3))],
        ..Upkeep::default()
    };
    let postpone = Commit {
        upkeep,
        ..Commit::default()
    };
    store.commit(postpone).await.unwrap();
    store
        .commit(Step::last("p", 1, json!(1)).commit(fence))
        .await
        .unwrap();
    let page = store
        .ended(EndedOrder::OldestFirst, None, 10)
        .await
        .unwrap();
    let ids: Vec<_> = page
        .items
        .iter()
        .map(|item| item.ended.id.as_str())
        .collect();
    assert_eq!(ids, ["e-1", "e-3", "p", "e-2"]);
    assert!(page.items.iter().all(|item| !item.is_held));
}

pub(super) async fn a_pruned_log_verifies_from_its_anchor(store: &impl Store) {
    for number in 0..40 {
        let mut commit = link(&format!("action {number}"));
        commit.audit[0].at = Timestamp(number);
        store.commit(commit).await.unwrap();
    }
    assert_eq!(store.oldest_link().await.unwrap(), Some(Timestamp(0)));
    assert_eq!(store.prunable(Timestamp(0)).await.unwrap(), None);
    let mut begin = 0;
    while let Some(anchor) = store.prunable(Timestamp(30)).await.unwrap() {
        assert!(anchor.length > begin);
        begin = anchor.length;
        let mut record = audit_record(ports::PRUNE_AUDIT);
        record.at = Timestamp(100);
        record.outcome = json!({"anchor": anchor.to_json()});
        let prune = Commit {
            upkeep: Upkeep {
                prune: Some(anchor),
                ..Upkeep::default()
            },
            audit: vec![record],
            ..Commit::default()
        };
        store.commit(prune.clone()).await.unwrap();
        store.commit(prune).await.unwrap();
        for limit in [1, 7, 1000] {
            let first = store.audit(0, 1).await.unwrap();
            assert_eq!(first.anchor, anchor);
            assert_eq!(first.links[0].sequence, begin + 1);
            let mut verifier = Verifier::behind(first.anchor);
            loop {
                let after = verifier.head().length;
                let AuditPage { links, head, .. } = store.audit(after, limit).await.unwrap();
                links.iter().for_each(|link| verifier.push(link).unwrap());
                if links.is_empty() {
                    verifier.finish(head).unwrap();
                    break;
                }
            }
        }
    }
    assert_eq!(begin, 30);
    assert_eq!(store.oldest_link().await.unwrap(), Some(Timestamp(30)));
    let anchor = store.prunable(Timestamp(1000)).await.unwrap().unwrap();
    let unsaid = Commit {
        upkeep: Upkeep {
            prune: Some(anchor),
            ..Upkeep::default()
        },
        ..Commit::default()
    };
    let error = store.commit(unsaid).await.unwrap_err();
    assert!(
        error.to_string().contains("needs an audit record"),
        "{error}"
    );
}

pub(super) async fn ended_executions_are_told_from_either_end(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    for name in ["e-1", "e-2", "e-3", "e-4", "e-5"] {
        let mut step = Step::last(name, 0, json!(1));
        step.machine = format!("of-{name}");
        store.commit(step.commit(fence)).await.unwrap();
    }
    for (order, expected) in [
        (EndedOrder::OldestFirst, ["e-1", "e-2", "e-3", "e-4", "e-5"]),
        (EndedOrder::NewestFirst, ["e-5", "e-4", "e-3", "e-2", "e-1"]),
    ] {
        for limit in [1, 2, 10] {
            let (mut found, mut beyond) = (Vec::new(), None);
            loop {
                let page = store.ended(order, beyond.clone(), limit).await.unwrap();
                assert_eq!(page.count, 5);
                let Some(last) = page.items.last() else { break };
                beyond = Some(last.ended.clone());
                for item in &page.items {
                    assert_eq!(item.machine, format!("of-{}", item.ended.id));
                }
                found.extend(page.items.into_iter().map(|item| item.ended.id.to_string()));
            }
            assert_eq!(found, expected, "{order:?} by {limit}");
        }
    }
}

pub(super) async fn revisions_that_are_used_are_told_and_others_can_go(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    let large = json!("x".repeat(50_000));
    let revisions = [1, 2, 3].map(|revision| key(Kind::StateMachine, "m", revision));
    for revision in &revisions {
        let published = document(revision.clone(), json!([large, revision.revision]));
        store.commit(published).await.unwrap();
    }
    // Every step's execution runs the first revision.
    for name in ["e-1", "e-2"] {
        let step = Step::first(name, json!(1));
        store.commit(step.commit(fence)).await.unwrap();
    }
    let first = store.revisions_used(None, 1).await.unwrap();
    assert_eq!(first, [(id("e-1"), revisions[0].clone())]);
    let rest = store.revisions_used(Some(id("e-1")), 10).await.unwrap();
    assert_eq!(rest, [(id("e-2"), revisions[0].clone())]);
    let left = async || {
        let left = store.documents(Kind::StateMachine, None, 10).await.unwrap();
        let left = left.into_iter().map(|document| document.key.revision);
        left.collect::<Vec<_>>()
    };
    let prune = |audited: Commit| Commit {
        upkeep: Upkeep {
            revisions: vec![revisions[1].clone()],
            ..Upkeep::default()
        },
        ..audited
    };
    let untold = store.commit(prune(Commit::default())).await;
    assert!(untold.is_err(), "what goes is told in the audit log");
    assert_eq!(left().await, [1, 2, 3]);
    for _ in 0..2 {
        store.commit(prune(link("prune"))).await.unwrap();
        assert_eq!(left().await, [1, 3]);
    }
}
