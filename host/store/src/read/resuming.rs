//! Reading of an execution what going on with it needs: the records since the last one that tells
//! all of it, and of those before the payloads that it names.

use std::collections::{BTreeMap, VecDeque};

use asl::{Behind, ExecutionId, PayloadId};
use ports::{Record, StoreError, StoredExecution};

use super::{standing, unless_expired};
use crate::entries::{Entries, Order};
use crate::envelope::damaged;
use crate::key;
use crate::record::Opened;

/// How many records are read at once; rarely are there more since one that tells all.
const PAGE_RECORDS: usize = if cfg!(test) { 8 } else { 96 };

/// What was written about one execution, as far as going on with it needs.
pub(crate) fn load(
    entries: &impl Entries,
    id: &ExecutionId,
) -> Result<Option<StoredExecution>, StoreError> {
    unless_expired(entries, id, || {
        let Some((start, _)) = standing(entries, id)? else {
            return Ok(None);
        };
        let records = records(entries, id)?;
        let behind = behind(entries, id, records.front())?;
        Ok(Some(StoredExecution {
            start,
            behind,
            records: records.into(),
        }))
    })
}

/// The last records, from the last one that tells all on; every one where none does.
fn records(entries: &impl Entries, id: &ExecutionId) -> Result<VecDeque<Record>, StoreError> {
    let mut records = VecDeque::new();
    let mut range = key::records(id, 0);
    let mut expected = None;
    loop {
        let page = entries.range(range.clone(), Order::Backward, PAGE_RECORDS)?;
        for (key, value) in &page {
            let number = key::record_number(key);
            let number = number.ok_or_else(|| damaged(key, "has no number"))?;
            let expected = expected.replace(number.checked_sub(1));
            match expected {
                None => {}
                Some(Some(expected)) if expected == number => {}
                Some(expected) => {
                    let missing = expected.unwrap_or_default();
                    return Err(damaged(&key::record(id, missing), "is missing"));
                }
            }
            let record = Opened::new(entries, id, number, value)?.whole()?;
            let is_full = record.delta.behind().is_some();
            records.push_front(record);
            if is_full {
                return Ok(records);
            }
            range.end.clone_from(&key.to_vec());
        }
        if page.len() < PAGE_RECORDS {
            break;
        }
    }
    match records.front().map(|first| first.number) {
        Some(0) => Ok(records),
        first => {
            let missing = first.unwrap_or_default().saturating_sub(1);
            Err(damaged(&key::record(id, missing), "is missing"))
        }
    }
}

/// What the records before `first` leave behind.
fn behind(
    entries: &impl Entries,
    id: &ExecutionId,
    first: Option<&Record>,
) -> Result<Behind, StoreError> {
    let mut behind = Behind::default();
    let named = first.and_then(|first| Some((first.number, first.delta.behind()?)));
    let Some((number, named)) = named else {
        return Ok(behind);
    };
    behind.records = number;
    let mut by_record = BTreeMap::<u32, Vec<PayloadId>>::new();
    for id in named {
        by_record.entry(id.record).or_default().push(*id);
    }
    for (number, payloads) in by_record {
        let mut record = Opened::read(entries, id, number)?;
        for payload in payloads {
            let value = record.payload(payload.index)?;
            behind.payloads.insert(payload, value);
        }
    }
    Ok(behind)
}

#[cfg(test)]
mod tests;
