//! What is read back, of any size and page by page.

use asl::{ExecutionId, Status};
use audit::Verifier;
use auth::names::Digest;
use bytes::Bytes;
use ports::{AuditPage, Blob, Commit, ExecutionFilter, HistoryCursor, HistoryPayloads, Selection};
use serde_json::{Value, json};

use super::{Step, Store, id, link};

pub(super) async fn bytes_of_any_size_read_back_by_their_digest(store: &impl Store) {
    for size in [0, 1, 16 * 1024, 16 * 1024 + 1, 100_000, 3 * 1024 * 1024] {
        let bytes: Bytes = (0..size)
            .map(|byte| (byte * 7 % 251) as u8)
            .collect::<Vec<_>>()
            .into();
        let digest = Digest::of(&bytes);
        assert_eq!(store.blob(&digest).await.unwrap(), None);
        let commit = || Commit {
            blobs: vec![Blob {
                digest: digest.clone(),
                bytes: bytes.clone(),
            }],
            ..link("upload")
        };
        store.commit(commit()).await.unwrap();
        store.commit(commit()).await.unwrap();
        assert_eq!(store.blob(&digest).await.unwrap(), Some(bytes));
    }
}

pub(super) async fn payloads_of_any_size_and_depth_read_back(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    let long = json!("ä\n".repeat(100_000));
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    store
        .commit(Step::first("e-1", long.clone()).commit(fence))
        .await
        .unwrap();
    store
        .commit(Step::next("e-1", 1, deep.clone()).commit(fence))
        .await
        .unwrap();
    store
        .commit(Step::last("e-1", 2, long.clone()).commit(fence))
        .await
        .unwrap();
    let described = store.execution(&id("e-1")).await.unwrap().unwrap();
    assert_eq!(
        (described.input.as_deref(), described.output.as_deref()),
        (Some(&long), Some(&long))
    );
    let loaded = store.load(&id("e-1")).await.unwrap().unwrap();
    assert_eq!(*loaded.records[1].delta.payloads[0], deep);
    assert_eq!(
        shown(store, HistoryCursor::default(), 10).await.0,
        [&long, &long, &deep, &long, &long].map(Value::clone)
    );
}

/// The payloads that a page of the history of `e-1` shows, and where the next begins.
async fn shown(
    store: &impl Store,
    cursor: HistoryCursor,
    limit: usize,
) -> (Vec<Value>, HistoryCursor, bool) {
    let page = store
        .history(&id("e-1"), cursor, HistoryPayloads::Shown, limit)
        .await
        .unwrap()
        .unwrap();
    assert!(page.events.len() <= limit);
    let values = page.events.into_iter().map(|mut event| {
        let payload = event.payloads_mut().next().unwrap();
        payload.value().clone()
    });
    (values.collect(), page.next, page.has_more)
}

pub(super) async fn history_pages_join_to_the_whole_history(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    store
        .commit(Step::first("e-1", json!("input")).commit(fence))
        .await
        .unwrap();
    for number in 1..80 {
        let mut step = Step::next("e-1", number, json!(number));
        step.events = (0..number % 4).map(|_| (number, 0)).collect();
        step.logs = vec![format!("line {number}")];
        store.commit(step.commit(fence)).await.unwrap();
    }
    let mut whole = vec![json!("input")];
    whole.extend((1..80).flat_map(|number| (0..number % 4).map(move |_| json!(number))));
    for limit in [1, 2, 3, 7, 64, 1000] {
        let (mut values, mut cursor, mut has_more) = (Vec::new(), HistoryCursor::default(), true);
        let mut lines = 0;
        while has_more {
            lines += store
                .history(&id("e-1"), cursor, HistoryPayloads::Shown, limit)
                .await
                .unwrap()
                .unwrap()
                .logs
                .len();
            let (page, next, more) = shown(store, cursor, limit).await;
            assert!(!page.is_empty() || !more);
            values.extend(page);
            (cursor, has_more) = (next, more);
        }
        assert_eq!((values, lines), (whole.clone(), 79), "pages of {limit}");
        assert_eq!(
            cursor,
            HistoryCursor {
                record: 80,
                ..HistoryCursor::default()
            }
        );
        assert_eq!(
            shown(store, cursor, limit).await,
            (Vec::new(), cursor, false)
        );
    }
}

pub(super) async fn history_reads_backwards_page_by_page(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    let first = Step::first("e-1", json!("input"));
    store.commit(first.commit(fence)).await.unwrap();
    for number in 1..80 {
        let mut step = Step::next("e-1", number, json!(number));
        step.payloads.push(json!([number]));
        step.events = (0..number % 4).map(|event| (number, event % 2)).collect();
        store.commit(step.commit(fence)).await.unwrap();
    }
    let whole = shown(store, HistoryCursor::default(), 1000).await.0;
    for limit in [1, 2, 3, 7, 64, 1000] {
        let (mut values, mut cursor, mut has_more) = (Vec::new(), HistoryCursor::NEWEST, true);
        while has_more {
            let (page, next, more) = shown(store, cursor, limit).await;
            assert!(!page.is_empty() || !more);
            values.extend(page);
            (cursor, has_more) = (next, more);
        }
        values.reverse();
        assert_eq!(values, whole, "pages of {limit}");
    }
}

pub(super) async fn a_record_of_many_events_is_read_piece_by_piece(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    let long = |number: u32| json!("x".repeat(5000) + &number.to_string());
    let payload = |number: u32| match number % 100 {
        7 => long(number),
        _ => json!(number),
    };
    let step = Step {
        payloads: (0..700).map(payload).collect(),
        events: (0..1000).map(|event| (0, event * 7 % 700)).collect(),
        logs: vec!["a line".to_owned()],
        ..Step::first("e-1", Value::Null)
    };
    store.commit(step.commit(fence)).await.unwrap();
    let mut next = Step::next("e-1", 1, json!("next"));
    next.events.push((0, 607));
    store.commit(next.commit(fence)).await.unwrap();
    let whole = shown(store, HistoryCursor::default(), 2000).await.0;
    assert_eq!(whole.len(), 1003);
    assert_eq!((&whole[1], &whole[1002]), (&long(7), &long(607)));
    for limit in [1, 255, 256, 257, 999] {
        for begin in [HistoryCursor::default(), HistoryCursor::NEWEST] {
            let (mut values, mut cursor, mut has_more) = (Vec::new(), begin, true);
            while has_more {
                let (page, next, more) = shown(store, cursor, limit).await;
                values.extend(page);
                (cursor, has_more) = (next, more);
            }
            if begin == HistoryCursor::NEWEST {
                values.reverse();
            }
            assert!(values == whole, "pages of {limit} from {begin:?}");
        }
    }
    let loaded = store.load(&id("e-1")).await.unwrap().unwrap();
    let payloads = &loaded.records[0].delta.payloads;
    assert!((0..700).all(|number| *payloads[number as usize] == payload(number)));
    assert_eq!(loaded.records[0].logs[0].line, "a line");
    let bare = store
        .history(
            &id("e-1"),
            HistoryCursor::default(),
            HistoryPayloads::LeftOut,
            2000,
        )
        .await
        .unwrap()
        .unwrap();
    let mut events = bare.events;
    let mut payloads = events.iter_mut().flat_map(asl::HistoryEvent::payloads_mut);
    assert!(payloads.all(|payload| payload.value().is_null()));
    // The next commit is checked against what is stored.
    store
        .commit(Step::last("e-1", 2, json!(1)).commit(fence))
        .await
        .unwrap();
}

pub(super) async fn executions_are_listed_by_version_and_alias_too(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    let selections = [
        (None, None),
        (Some(1), None),
        (Some(1), Some("live".to_owned())),
        (Some(2), Some("live".to_owned())),
    ];
    for (number, (version, alias)) in selections.into_iter().enumerate() {
        let selection = Selection {
            version,
            alias,
            ..Selection::default()
        };
        let step = Step {
            machine: "arn:m".to_owned(),
            selection,
            ..Step::first(&format!("e-{number}"), json!(number))
        };
        store.commit(step.commit(fence)).await.unwrap();
    }
    let table: [(&str, &[&str]); 5] = [
        ("arn:m", &["e-3", "e-2", "e-1", "e-0"]),
        ("arn:m:1", &["e-2", "e-1"]),
        ("arn:m:2", &["e-3"]),
        ("arn:m:live", &["e-3", "e-2"]),
        ("arn:m:li", &[]),
    ];
    for (arn, expected) in table {
        let filter = ExecutionFilter {
            machine_arn: Some(arn.to_owned()),
            ..ExecutionFilter::default()
        };
        let page = store.executions(filter, None, 10).await.unwrap();
        let found: Vec<_> = page
            .items
            .iter()
            .map(|item| item.start.header.id.as_str())
            .collect();
        assert_eq!(found, expected, "{arn}");
    }
}

pub(super) async fn executions_are_listed_newest_first(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    for number in 0..600 {
        let machine = if number % 2 == 0 { "even" } else { "odd" };
        let step = Step {
            machine: machine.to_owned(),
            ..Step::first(&format!("e-{number:04}"), json!(number))
        };
        store.commit(step.commit(fence)).await.unwrap();
    }
    for number in (0..600).step_by(100) {
        store
            .commit(Step::last(&format!("e-{number:04}"), 1, json!(1)).commit(fence))
            .await
            .unwrap();
    }
    let check = |machine: Option<&str>, status: Option<Status>, expected: Vec<ExecutionId>| {
        let filter = ExecutionFilter {
            machine_arn: machine.map(str::to_owned),
            status,
            ..ExecutionFilter::default()
        };
        async move {
            for limit in [1, 7, 300, 1000] {
                let (mut found, mut before) = (Vec::new(), None);
                loop {
                    let page = store
                        .executions(filter.clone(), before, limit)
                        .await
                        .unwrap();
                    assert!(page.items.len() <= limit);
                    found.extend(page.items.into_iter().map(|item| item.start.header.id));
                    before = page.next;
                    if before.is_none() {
                        break;
                    }
                }
                assert_eq!(found, expected, "pages of {limit}");
            }
        }
    };
    let ids = |step: usize, first: usize| {
        (first..600)
            .step_by(step)
            .rev()
            .map(|n| id(&format!("e-{n:04}")))
            .collect()
    };
    check(None, None, ids(1, 0)).await;
    check(Some("odd"), None, ids(2, 1)).await;
    check(Some("even"), Some(Status::Succeeded), ids(100, 0)).await;
    check(Some("odd"), Some(Status::Succeeded), Vec::new()).await;
    check(Some("eve"), None, Vec::new()).await;
    check(None, Some(Status::Succeeded), ids(100, 0)).await;
}

pub(super) async fn the_audit_log_verifies_page_by_page(store: &impl Store) {
    for number in 0..300 {
        let mut commit = link(&format!("action {number}"));
        if number % 50 == 0 {
            commit.audit[0].resource = "x".repeat(40_000);
        }
        commit.audit.extend(link("second").audit);
        store.commit(commit).await.unwrap();
    }
    for limit in [1, 7, 299, 600, 1000] {
        let mut verifier = Verifier::new();
        loop {
            let AuditPage { links, head, .. } =
                store.audit(verifier.head().length, limit).await.unwrap();
            assert!(links.len() <= limit);
            links.iter().for_each(|link| verifier.push(link).unwrap());
            if links.is_empty() {
                assert_eq!(verifier.finish(head).unwrap().length, 600);
                break;
            }
        }
    }
    assert!(store.audit(u64::MAX, 10).await.unwrap().links.is_empty());
}

pub(super) async fn a_long_start_and_summary_change_together(store: &impl Store) {
    let fence = store.fence().await.unwrap();
    let first = Step {
        groups: 4000,
        ..Step::first("e-1", json!(1))
    };
    store.commit(first.commit(fence)).await.unwrap();
    for (number, cause) in [(1, "a"), (2, "b"), (3, "b")] {
        let mut step = Step::next("e-1", number, json!(number));
        step.cause = Some(cause.repeat(20_000));
        store.commit(step.commit(fence)).await.unwrap();
        let described = store.execution(&id("e-1")).await.unwrap().unwrap();
        assert_eq!(described.summary.cause, step.cause);
        assert_eq!(described.start.caller.principal.groups.len(), 4000);
    }
}
