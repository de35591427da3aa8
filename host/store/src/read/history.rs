//! Pages of history events, with the payloads they show read from wherever they were written.

use std::collections::HashMap;
use std::sync::Arc;

use asl::{ExecutionId, HistoryEvent, PayloadId};
use ports::{HistoryCursor, HistoryOrder, HistoryPage, Record, StoreError};
use serde_json::Value;

use crate::entries::{Entries, Order, read};
use crate::envelope::{Kind, damaged};
use crate::key;

/// How many records are read at once.
const PAGE_RECORDS: usize = 32;

/// A page ends early once the records it is made of have this many bytes.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A page of history from `cursor` on.
pub(crate) fn history(
    entries: &impl Entries,
    id: &ExecutionId,
    cursor: HistoryCursor,
    limit: usize,
) -> Result<Option<HistoryPage>, StoreError> {
    if entries.entry(&key::execution(id))?.is_none() {
        return Ok(None);
    }
    let page = PageBuilder {
        events: Vec::new(),
        logs: Vec::new(),
        next: cursor,
        limit,
    };
    let payloads = Payloads {
        entries,
        id,
        records: HashMap::new(),
        bytes: 0,
    };
    match cursor.order {
        HistoryOrder::OldestFirst => oldest_first(page, payloads).map(Some),
        HistoryOrder::NewestFirst => newest_first(page, payloads).map(Some),
    }
}

fn oldest_first(
    mut page: PageBuilder,
    mut payloads: Payloads<'_, impl Entries>,
) -> Result<HistoryPage, StoreError> {
    let (entries, id) = (payloads.entries, payloads.id);
    loop {
        let found = entries.range(
            key::records(id, page.next.record),
            Order::Forward,
            PAGE_RECORDS,
        )?;
        for (key, value) in &found {
            if page.is_full() || payloads.bytes >= PAGE_BYTES_MAX {
                return Ok(page.finish(true));
            }
            let (record, bytes) = super::record(entries, id, page.next.record, key, value)?;
            payloads.keep(record.number, &record.delta.payloads, bytes);
            page.add(record, &mut payloads)?;
        }
        if found.len() < PAGE_RECORDS {
            let has_more = page.next.skip > 0 && page.is_full();
            return Ok(page.finish(has_more));
        }
    }
}

/// Records may still be added while pages are read; a page begins where the last one ended.
fn newest_first(
    mut page: PageBuilder,
    mut payloads: Payloads<'_, impl Entries>,
) -> Result<HistoryPage, StoreError> {
    let (entries, id) = (payloads.entries, payloads.id);
    loop {
        let mut range = key::records(id, 0);
        if page.next.record < u32::MAX {
            range.end = key::after(key::record(id, page.next.record));
        }
        let found = entries.range(range, Order::Backward, PAGE_RECORDS)?;
        for (key, value) in &found {
            if page.is_full() || payloads.bytes >= PAGE_BYTES_MAX {
                return Ok(page.finish(true));
            }
            let number = key::record_number(key).ok_or_else(|| damaged(key, "has no number"))?;
            if page.next.record == u32::MAX {
                page.next.record = number;
            }
            let (mut record, bytes) = super::record(entries, id, number, key, value)?;
            payloads.keep(record.number, &record.delta.payloads, bytes);
            record.delta.history.reverse();
            page.add(record, &mut payloads)?;
            let is_finished = page.next.record > number;
            if is_finished && number == 0 {
                return Ok(page.finish(false));
            }
            if is_finished {
                page.next.record = number - 1;
            }
        }
        if found.is_empty() {
            return Ok(page.finish(false));
        }
    }
}

/// One record by its number, and its size in bytes.
pub(super) fn load_record(
    entries: &impl Entries,
    id: &ExecutionId,
    number: u32,
) -> Result<(Record, usize), StoreError> {
    let key = key::record(id, number);
    let body = read(entries, Kind::Record, &key)?.ok_or_else(|| damaged(&key, "is missing"))?;
    Ok((body.parse(&key)?, body.len()))
}

/// One payload of a record.
pub(super) fn payload(
    id: &ExecutionId,
    payloads: &[Arc<Value>],
    place: PayloadId,
) -> Result<Arc<Value>, StoreError> {
    let payload = usize::try_from(place.index)
        .ok()
        .and_then(|index| payloads.get(index));
    let missing = || {
        damaged(
            &key::record(id, place.record),
            format!("lacks payload {}", place.index),
        )
    };
    payload.cloned().ok_or_else(missing)
}

struct PageBuilder {
    events: Vec<HistoryEvent>,
    logs: Vec<ports::LogLine>,
    next: HistoryCursor,
    limit: usize,
}

impl PageBuilder {
    fn is_full(&self) -> bool {
        self.events.len() >= self.limit
    }

    /// Adds the events of a record as far as they fit.
    fn add(
        &mut self,
        record: Record,
        payloads: &mut Payloads<'_, impl Entries>,
    ) -> Result<(), StoreError> {
        let skip = usize::try_from(self.next.skip).unwrap_or(usize::MAX);
        if skip == 0 {
            self.logs.extend(record.logs);
        }
        let mut left = record.delta.history.into_iter().skip(skip);
        let free = self.limit.saturating_sub(self.events.len());
        for mut event in left.by_ref().take(free) {
            for shown in event.payloads_mut() {
                let value = payloads.value(shown.id)?;
                shown.fill(value);
            }
            self.events.push(event);
            self.next.skip = self.next.skip.saturating_add(1);
        }
        if left.next().is_none() {
            self.next.record = self.next.record.saturating_add(1);
            self.next.skip = 0;
        }
        Ok(())
    }

    fn finish(self, has_more: bool) -> HistoryPage {
        HistoryPage {
            events: self.events,
            logs: self.logs,
            next: self.next,
            has_more,
        }
    }
}

/// The payloads of the records read for one page.
struct Payloads<'a, E> {
    entries: &'a E,
    id: &'a ExecutionId,
    records: HashMap<u32, Vec<Arc<Value>>>,
    bytes: usize,
}

impl<E: Entries> Payloads<'_, E> {
    fn keep(&mut self, record: u32, payloads: &[Arc<Value>], bytes: usize) {
        self.records.insert(record, payloads.to_vec());
        self.bytes += bytes;
    }

    fn value(&mut self, place: PayloadId) -> Result<Arc<Value>, StoreError> {
        if !self.records.contains_key(&place.record) {
            let (record, bytes) = load_record(self.entries, self.id, place.record)?;
            self.keep(place.record, &record.delta.payloads, bytes);
        }
        let payloads = self
            .records
            .get(&place.record)
            .map_or(&[][..], Vec::as_slice);
        payload(self.id, payloads, place)
    }
}
