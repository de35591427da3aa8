//! Pages of history events, with the payloads they show read from wherever they were written.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use asl::{ExecutionId, HistoryEvent, PayloadId};
use ports::{HistoryCursor, HistoryOrder, HistoryPage, HistoryPayloads, StoreError};
use serde_json::Value;
use sled::IVec;

use crate::entries::{Entries, Order};
use crate::envelope::damaged;
use crate::key;
use crate::record::Opened;

/// How many records are read at once.
const PAGE_RECORDS: usize = 32;

/// A page ends early once the records it is made of have this many bytes.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A page of history from `cursor` on.
pub(crate) fn history(
    entries: &impl Entries,
    id: &ExecutionId,
    cursor: HistoryCursor,
    payloads: HistoryPayloads,
    limit: usize,
) -> Result<Option<HistoryPage>, StoreError> {
    super::unless_expired(entries, id, || {
        if entries.entry(&key::execution(id))?.is_none() {
            return Ok(None);
        }
        let page = PageBuilder {
            events: Vec::new(),
            logs: Vec::new(),
            next: cursor,
            limit,
        };
        let records = Records {
            entries,
            id,
            payloads,
            opened: HashMap::new(),
        };
        match cursor.order {
            HistoryOrder::OldestFirst => oldest_first(page, records).map(Some),
            HistoryOrder::NewestFirst => newest_first(page, records).map(Some),
        }
    })
}

fn oldest_first(
    mut page: PageBuilder,
    mut records: Records<'_, impl Entries>,
) -> Result<HistoryPage, StoreError> {
    let (entries, id) = (records.entries, records.id);
    loop {
        let range = key::records(id, page.next.record);
        let found = entries.range(range, Order::Forward, PAGE_RECORDS)?;
        for (key, value) in &found {
            if page.is_full() || records.bytes() >= PAGE_BYTES_MAX {
                return Ok(page.finish(true));
            }
            let number = page.next.record;
            super::is_record(id, number, key)?;
            records.open(number, value)?;
            page.add(number, &mut records)?;
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
    mut records: Records<'_, impl Entries>,
) -> Result<HistoryPage, StoreError> {
    let (entries, id) = (records.entries, records.id);
    loop {
        let mut range = key::records(id, 0);
        if page.next.record < u32::MAX {
            range.end = key::after(key::record(id, page.next.record));
        }
        let found = entries.range(range, Order::Backward, PAGE_RECORDS)?;
        for (key, value) in &found {
            if page.is_full() || records.bytes() >= PAGE_BYTES_MAX {
                return Ok(page.finish(true));
            }
            let number = key::record_number(key).ok_or_else(|| damaged(key, "has no number"))?;
            if page.next.record == u32::MAX {
                page.next.record = number;
            }
            records.open(number, value)?;
            page.add(number, &mut records)?;
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
        number: u32,
        records: &mut Records<'_, impl Entries>,
    ) -> Result<(), StoreError> {
        let record = records.opened(number)?;
        let skip = usize::try_from(self.next.skip).unwrap_or(usize::MAX);
        if skip == 0 {
            self.logs.extend(record.logs()?);
        }
        let all = record.events_len();
        let free = self.limit.saturating_sub(self.events.len());
        let wanted = skip.min(all)..skip.saturating_add(free).min(all);
        let is_finished = wanted.end == all;
        let mut events = record.events(within(all, &wanted, self.next.order))?;
        if self.next.order == HistoryOrder::NewestFirst {
            events.reverse();
        }
        for mut event in events {
            if records.payloads == HistoryPayloads::Shown {
                for shown in event.payloads_mut() {
                    let value = records.value(shown.id)?;
                    shown.fill(value);
                }
            }
            self.events.push(event);
        }
        self.next.skip = u32::try_from(wanted.end).unwrap_or(u32::MAX);
        if is_finished {
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

/// What is wanted of `all` events, counted from the end that reading begins at, as it is stored.
fn within(all: usize, wanted: &Range<usize>, order: HistoryOrder) -> Range<usize> {
    match order {
        HistoryOrder::OldestFirst => wanted.clone(),
        HistoryOrder::NewestFirst => {
            all.saturating_sub(wanted.end)..all.saturating_sub(wanted.start)
        }
    }
}

/// The records read for one page.
struct Records<'a, E> {
    entries: &'a E,
    id: &'a ExecutionId,
    payloads: HistoryPayloads,
    opened: HashMap<u32, Opened<'a, E>>,
}

impl<'a, E: Entries> Records<'a, E> {
    fn bytes(&self) -> usize {
        self.opened.values().map(|record| record.bytes).sum()
    }

    fn open(&mut self, number: u32, value: &IVec) -> Result<(), StoreError> {
        if !self.opened.contains_key(&number) {
            let opened = Opened::new(self.entries, self.id, number, value)?;
            self.opened.insert(number, opened);
        }
        Ok(())
    }

    fn opened(&mut self, number: u32) -> Result<&mut Opened<'a, E>, StoreError> {
        if !self.opened.contains_key(&number) {
            let opened = Opened::read(self.entries, self.id, number)?;
            self.opened.insert(number, opened);
        }
        let missing = || damaged(&key::record(self.id, number), "is missing");
        self.opened.get_mut(&number).ok_or_else(missing)
    }

    fn value(&mut self, place: PayloadId) -> Result<Arc<Value>, StoreError> {
        self.opened(place.record)?.payload(place.index)
    }
}
