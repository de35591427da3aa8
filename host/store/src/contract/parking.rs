//! Executions that only wait are listed by when they are to be woken.

use asl::{Posture, Timestamp};
use ports::{Alarm, Alarms, StoredExecution};
use serde_json::json;

use super::Store;
use super::fixtures::{Step, id};
use crate::standings::REMEMBERED_MIN;

fn alarm(at: i64, of: &str) -> Alarm {
    Alarm {
        at: Timestamp(at),
        id: id(of),
    }
}

async fn alarms(store: &impl Store, until: i64, after: Option<Alarm>, limit: usize) -> Alarms {
    store.alarms(Timestamp(until), after, limit).await.unwrap()
}

async fn claimed(store: &impl Store) -> Vec<String> {
    let claims = store.claim(None, usize::MAX).await.unwrap();
    claims.iter().map(|claim| claim.id.to_string()).collect()
}

pub(super) async fn alarms_are_listed_in_the_order_of_time(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    for (name, at) in [("a", 300), ("b", -5), ("c", 20), ("d", 300), ("e", 1000)] {
        let step = Step::first(name, json!(1)).parked(Some(at));
        store.commit(step.commit(fence)).await.unwrap();
    }
    let none = alarms(store, -6, None, 10).await;
    assert_eq!((none.due, none.next), (vec![], Some(Timestamp(-5))));
    let first = alarms(store, 300, None, 3).await;
    assert_eq!(first.due, [alarm(-5, "b"), alarm(20, "c"), alarm(300, "a")]);
    assert_eq!(first.next, Some(Timestamp(300)));
    let rest = alarms(store, 300, first.due.last().cloned(), 3).await;
    assert_eq!(
        (rest.due, rest.next),
        (vec![alarm(300, "d")], Some(Timestamp(1000)))
    );
    let all = alarms(store, i64::MAX, Some(alarm(300, "d")), 3).await;
    assert_eq!((all.due, all.next), (vec![alarm(1000, "e")], None));
    assert!(claimed(store).await.is_empty());
}

pub(super) async fn an_execution_is_claimed_or_has_an_alarm_or_waits(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    let listed = async || {
        let due = alarms(store, i64::MAX, None, 10).await.due;
        (claimed(store).await.len(), due)
    };
    let steps = [
        (Step::first("e-1", json!(1)), 1, vec![]),
        (
            Step::next("e-1", 1, json!(1)).parked(Some(7)),
            0,
            vec![alarm(7, "e-1")],
        ),
        (
            Step::next("e-1", 2, json!(1)).parked(Some(8)),
            0,
            vec![alarm(8, "e-1")],
        ),
        (
            Step::next("e-1", 3, json!(1)).parked(Some(8)),
            0,
            vec![alarm(8, "e-1")],
        ),
        (Step::next("e-1", 4, json!(1)).parked(None), 0, vec![]),
        (
            Step::next("e-1", 5, json!(1)).parked(Some(9)),
            0,
            vec![alarm(9, "e-1")],
        ),
        (Step::next("e-1", 6, json!(1)), 1, vec![]),
        (
            Step::next("e-1", 7, json!(1)).parked(Some(9)),
            0,
            vec![alarm(9, "e-1")],
        ),
        (Step::last("e-1", 8, json!(1)).parked(Some(9)), 0, vec![]),
    ];
    for (step, claims, due) in steps {
        store.commit(step.commit(fence)).await.unwrap();
        assert_eq!(listed().await, (claims, due), "after {}", step.number);
        let StoredExecution { records, .. } = store.load(&id("e-1")).await.unwrap().unwrap();
        assert_eq!(records.last().unwrap().posture, step.posture);
    }
}

pub(super) async fn a_forgotten_execution_leaves_no_alarm_behind(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    let parked = Step::first("e-1", json!(1)).parked(Some(7));
    let open = Step::first("e-2", json!(1));
    let waiting = Step::first("e-3", json!(1)).parked(None);
    for step in [parked, open, waiting] {
        store.commit(step.commit(fence)).await.unwrap();
    }
    for number in 0..2 * REMEMBERED_MIN {
        let step = Step::last(&format!("f-{number}"), 0, json!(1));
        store.commit(step.commit(fence)).await.unwrap();
    }
    for name in ["e-1", "e-2", "e-3"] {
        let step = Step::next(name, 1, json!(1)).parked(Some(8));
        store.commit(step.commit(fence)).await.unwrap();
        let loaded = store.load(&id(name)).await.unwrap().unwrap();
        let wake_at = Some(Timestamp(8));
        assert_eq!(loaded.posture(), Posture::Parked { wake_at });
    }
    let due = alarms(store, i64::MAX, None, 10).await.due;
    assert_eq!(due, [alarm(8, "e-1"), alarm(8, "e-2"), alarm(8, "e-3")]);
    assert!(claimed(store).await.is_empty());
}
