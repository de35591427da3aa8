//! Listings, each against what a look at every execution finds.

use std::collections::BTreeMap;

use asl::{ExecutionId, Status, Timestamp};
use ports::{Ended, EndedOrder, ExecutionFilter, Fence, ListCursor, Selection, Upkeep};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::fixtures::{Step, link};
use super::{Commit, Store};

const STATUSES: [Status; 4] = [
    Status::Succeeded,
    Status::Failed,
    Status::TimedOut,
    Status::Aborted,
];

/// An execution as it should be found.
#[derive(Clone, Debug)]
struct Known {
    machine: String,
    name: String,
    alias: Option<String>,
    started_at: i64,
    status: Status,
    records: u32,
}

/// What happens to a store.
#[derive(Clone, Debug)]
enum Happening {
    /// The machine, the milliseconds since the last start, and whether through an alias.
    Start(u8, u16, bool),
    /// Which running one, counted from the first, ends how.
    End(u8, u8),
    /// Which ended one, counted from the first, expires.
    Expire(u8),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => (0..3_u8, 0..5_u16, any::<bool>()).prop_map(|(machine, later, alias)| Happening::Start(machine, later, alias)),
        2 => (any::<u8>(), 0..4_u8).prop_map(|(which, how)| Happening::End(which, how)),
        1 => any::<u8>().prop_map(Happening::Expire),
    ]
}

fn unique(at: i64, number: usize) -> ExecutionId {
    let (high, low) = (at >> 16, at & 0xffff);
    let id = format!("{high:08x}-{low:04x}-7000-8000-{number:012x}");
    ExecutionId::parse(&id).unwrap()
}

/// Random starts, ends and expiries: every listing agrees with a look at every execution.
pub(super) async fn listings_agree_with_what_is_there<S: Store>(empty: &impl AsyncFn() -> S) {
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::default()
    });
    let happenings = proptest::collection::vec(happening(), 1..60);
    for _ in 0..4 {
        let happenings = happenings.new_tree(&mut runner).unwrap().current();
        let store = empty().await;
        let mut model = Model {
            fence: store.fence().await.unwrap(),
            at: 1_700_000_000_000,
            known: BTreeMap::new(),
            begun: 0,
        };
        for happening in &happenings {
            model.happen(&store, happening).await;
        }
        model.check(&store).await;
    }
}

struct Model {
    fence: Fence,
    at: i64,
    known: BTreeMap<ExecutionId, Known>,
    begun: usize,
}

impl Model {
    async fn happen(&mut self, store: &impl Store, happening: &Happening) {
        match *happening {
            Happening::Start(machine, later, has_alias) => {
                self.at += i64::from(later);
                self.begun += 1;
                let known = Known {
                    machine: format!("arn:m{machine}"),
                    name: format!("n{}-{}", self.begun % 7, self.begun),
                    alias: has_alias.then(|| "live".to_owned()),
                    started_at: self.at,
                    status: Status::Running,
                    records: 1,
                };
                let id = unique(self.at, self.begun);
                let step = self.step(&id, &known, 0);
                store.commit(step).await.unwrap();
                self.known.insert(id, known);
            }
            Happening::End(which, how) => {
                let Some((id, mut known)) = self.pick(which, false) else {
                    return;
                };
                known.status = STATUSES[usize::from(how)];
                store
                    .commit(self.step(&id, &known, known.records))
                    .await
                    .unwrap();
                known.records += 1;
                self.known.insert(id, known);
            }
            Happening::Expire(which) => {
                let Some((id, _)) = self.pick(which, true) else {
                    return;
                };
                self.known.remove(&id);
                let at = Timestamp(2);
                let expire = vec![Ended { at, id }];
                let upkeep = Upkeep {
                    expire,
                    ..Upkeep::default()
                };
                let commit = Commit {
                    upkeep,
                    ..link("expire")
                };
                store.commit(commit).await.unwrap();
            }
        }
    }

    fn pick(&self, which: u8, has_ended: bool) -> Option<(ExecutionId, Known)> {
        let fitting = || {
            let known = self.known.iter();
            known.filter(|(_, known)| known.status.is_terminal() == has_ended)
        };
        let at = usize::from(which) % fitting().count().max(1);
        let (id, known) = fitting().nth(at)?;
        Some((id.clone(), known.clone()))
    }

    fn step(&self, id: &ExecutionId, known: &Known, number: u32) -> Commit {
        let step = Step {
            id: id.clone(),
            number,
            machine: known.machine.clone(),
            name: known.name.clone(),
            status: known.status,
            selection: Selection {
                alias: known.alias.clone(),
                ..Selection::default()
            },
            ..Step::first("e", json!(1))
        };
        let mut commit = step.commit(self.fence);
        let execution = commit.execution.as_mut().unwrap();
        if let Some(start) = &mut execution.start {
            start.header.started_at = Timestamp(known.started_at);
        }
        commit
    }

    async fn check(&self, store: &impl Store) {
        let arns = ["arn:m0", "arn:m1", "arn:m2", "arn:m0:live", "arn:none"];
        let arns = arns.map(Some).into_iter().chain([None]);
        let statuses = STATUSES.map(Some).into_iter();
        let statuses = statuses.chain([Some(Status::Running), None]);
        let middle = Timestamp(1_700_000_000_000 + (self.at - 1_700_000_000_000) / 2);
        for (arn, status) in arns.flat_map(|arn| statuses.clone().map(move |status| (arn, status)))
        {
            for (from, before) in [
                (None, None),
                (Some(middle), None),
                (None, Some(middle)),
                (Some(middle), Some(middle.plus_ms(3))),
            ] {
                let filter = ExecutionFilter {
                    machine_arn: arn.map(str::to_owned),
                    status,
                    started_from: from,
                    started_before: before,
                    name_prefix: None,
                };
                let mut expected = self.matching(&filter);
                expected.reverse();
                self.is_listed(store, &filter, expected).await;
                if arn.is_none_or(|arn| arn.len() != 6) {
                    continue;
                }
                for prefix in ["", "n1", "n3-", "x"] {
                    let filter = ExecutionFilter {
                        name_prefix: Some(prefix.to_owned()),
                        ..filter.clone()
                    };
                    let mut expected = self.matching(&filter);
                    expected.sort_by_key(|id| &self.known[id].name);
                    self.is_listed(store, &filter, expected).await;
                }
            }
        }
        let ended = self
            .known
            .values()
            .filter(|known| known.status.is_terminal());
        let page = store
            .ended(EndedOrder::OldestFirst, None, 1000)
            .await
            .unwrap();
        assert_eq!(page.count, ended.count() as u64);
        assert_eq!(page.items.len() as u64, page.count);
    }

    /// A look at every execution.
    fn matching(&self, filter: &ExecutionFilter) -> Vec<ExecutionId> {
        let is_wanted = |known: &Known| {
            let alias = known.alias.as_ref();
            let alias = alias.map(|alias| format!("{}:{alias}", known.machine));
            let at = Timestamp(known.started_at);
            let arn = filter.machine_arn.as_ref();
            arn.is_none_or(|arn| *arn == known.machine || Some(arn) == alias.as_ref())
                && filter.status.is_none_or(|status| status == known.status)
                && filter.started_from.is_none_or(|from| at >= from)
                && filter.started_before.is_none_or(|before| at < before)
                && filter
                    .name_prefix
                    .as_ref()
                    .is_none_or(|prefix| known.name.starts_with(prefix.as_str()))
        };
        let known = self.known.iter();
        let wanted = known.filter(|(_, known)| is_wanted(known));
        wanted.map(|(id, _)| id.clone()).collect()
    }

    async fn is_listed(
        &self,
        store: &impl Store,
        filter: &ExecutionFilter,
        expected: Vec<ExecutionId>,
    ) {
        for limit in [2, 100] {
            let (mut found, mut cursor) = (Vec::new(), None);
            loop {
                let page = store
                    .executions(filter.clone(), cursor, limit)
                    .await
                    .unwrap();
                assert!(page.items.len() <= limit);
                found.extend(page.items.into_iter().map(|item| item.start.header.id));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "{filter:?} by {limit}");
        }
    }
}

pub(super) async fn a_listing_that_makes_no_sense_is_refused(store: &impl Store) {
    let prefixed = |arn: Option<&str>| ExecutionFilter {
        machine_arn: arn.map(str::to_owned),
        name_prefix: Some("n".to_owned()),
        ..ExecutionFilter::default()
    };
    let before = Some(ListCursor::Before(unique(1, 1)));
    let behind = Some(ListCursor::Behind("n".to_owned()));
    for (filter, cursor, problem) in [
        (prefixed(None), None, "needs a state machine"),
        (prefixed(Some("m")), before, "is that of another listing"),
        (
            ExecutionFilter::default(),
            behind,
            "is that of another listing",
        ),
    ] {
        let error = store.executions(filter, cursor, 10).await.unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
}
