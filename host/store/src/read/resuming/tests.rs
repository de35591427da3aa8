use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;

use ports::{ExecutionCommit, Fence};
use serde_json::json;
use sled::IVec;

use super::*;
use crate::contract::{Step, id};
use crate::envelope::{Entry, Kind};
use crate::prepare;
use crate::record::LaidOut;
use crate::standings;

/// Entries that count how many of them are read.
#[derive(Default)]
struct Counted {
    entries: BTreeMap<IVec, IVec>,
    read: Cell<usize>,
}

impl Counted {
    fn put(&mut self, entry: Entry) {
        self.entries.extend(entry.parts);
        self.entries.insert(entry.key, entry.value);
    }

    fn add(&mut self, step: &Step) {
        let ExecutionCommit {
            id,
            start,
            record,
            summary,
            ..
        } = step.commit(Fence(1)).execution.unwrap();
        if let Some(start) = start {
            let (start, summary) = (
                prepare::json(&start).unwrap(),
                prepare::json(&summary).unwrap(),
            );
            let standing = standings::join(&start, &summary);
            self.put(Entry::new(Kind::Execution, key::execution(&id), &standing));
        }
        let text = prepare::json(&record).unwrap();
        let LaidOut {
            record,
            pieces,
            shared,
        } = LaidOut::new(&id, record, &text).unwrap();
        self.put(record);
        pieces.into_iter().for_each(|piece| self.put(piece));
        shared
            .into_iter()
            .for_each(|shared| self.put(shared.payload));
    }

    /// What is loaded, and how many entries were read for it.
    fn load(&self) -> (StoredExecution, usize) {
        self.read.set(0);
        let loaded = load(self, &id("e-1")).unwrap().unwrap();
        (loaded, self.read.get())
    }
}

impl Entries for Counted {
    fn entry(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        self.read.set(self.read.get() + 1);
        Ok(self.entries.get(key).cloned())
    }

    fn range(
        &self,
        range: Range<Vec<u8>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(IVec, IVec)>, StoreError> {
        let range = IVec::from(range.start)..IVec::from(range.end);
        let copy = |(key, value): (&IVec, &IVec)| (key.clone(), value.clone());
        let range = self.entries.range(range);
        let found: Vec<_> = match order {
            Order::Forward => range.take(limit).map(copy).collect(),
            Order::Backward => range.rev().take(limit).map(copy).collect(),
        };
        self.read.set(self.read.get() + found.len());
        Ok(found)
    }
}

fn place(record: u32, index: u32) -> PayloadId {
    PayloadId { record, index }
}

/// So many records, those of `full` telling all, with the input and one payload from before.
fn written(records: u32, full: &[u32]) -> Counted {
    let mut entries = Counted::default();
    let large = "x".repeat(10_000);
    entries.add(&Step::first("e-1", json!({ "input": large })));
    for number in 1..records {
        let step = Step::next("e-1", number, json!({ "payload": number }));
        let step = match full.contains(&number) {
            true => step.full(vec![place(0, 0), place(2, 0)]),
            false => step,
        };
        entries.add(&step);
    }
    entries
}

#[test]
fn what_is_read_does_not_grow_with_the_past() {
    let (short, few) = written(40, &[30]).load();
    let (long, as_few) = written(3_000, &[1_000, 2_990]).load();
    assert_eq!(few, as_few);
    assert!(as_few <= 20, "{as_few} entries are read");
    assert_eq!((short.records.len(), long.records.len()), (10, 10));
    assert_eq!(long.records.first().unwrap().number, 2_990);
    assert_eq!(long.behind.records, 2_990);
    let payloads: Vec<_> = long.behind.payloads.keys().copied().collect();
    assert_eq!(payloads, [place(0, 0), place(2, 0)]);
    assert_eq!(*long.behind.payloads[&place(2, 0)], json!({ "payload": 2 }));
    let input = &long.behind.payloads[&place(0, 0)];
    assert_eq!(input["input"].as_str().unwrap().len(), 10_000);
}

#[test]
fn one_of_which_no_record_tells_all_is_read_from_the_first_on() {
    let (loaded, _) = written(40, &[]).load();
    assert_eq!(loaded.behind, Behind::default());
    let numbers: Vec<_> = loaded.records.iter().map(|record| record.number).collect();
    assert_eq!(numbers, (0..40).collect::<Vec<_>>());
}

#[test]
fn a_record_or_payload_that_is_missing_is_named() {
    for (missing, full) in [
        (0, vec![]),
        (5, vec![]),
        (19, vec![]),
        (25, vec![20]),
        (2, vec![20]),
        (0, vec![20]),
    ] {
        let mut entries = written(40, &full);
        let key = key::record(&id("e-1"), missing);
        entries.entries.remove(&IVec::from(key.as_slice()));
        let error = load(&entries, &id("e-1")).unwrap_err().to_string();
        assert!(error.contains("is missing"), "{missing}: {error}");
    }
    let mut unneeded = written(40, &[20]);
    let key = key::record(&id("e-1"), 7);
    unneeded.entries.remove(&IVec::from(key.as_slice()));
    assert!(load(&unneeded, &id("e-1")).unwrap().is_some());
}
