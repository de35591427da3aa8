//! The steps of one execution, as they are kept in memory and read from there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asl::{Execution, HistoryEvent, PayloadId, RestoreError, Status, payload_bytes_within};
use ports::{
    Description, ExecutionFilter, HistoryCursor, HistoryOrder, HistoryPage, Record, Start, Summary,
};
use serde_json::Value;

/// What a history event or log line takes beside its payloads, about.
const LINE_BYTES: usize = 256;

/// One execution.
pub(crate) struct Kept {
    start: Arc<Start>,
    input: Arc<Value>,
    output: Option<Arc<Value>>,
    summary: Summary,
    records: Vec<Record>,
    bytes: usize,
    /// Whether its start was durable before there was any step here.
    is_start_stored: bool,
}

impl Kept {
    pub(super) fn new(start: Arc<Start>, input: Arc<Value>, is_start_stored: bool) -> Self {
        Self {
            is_start_stored,
            start,
            input,
            output: None,
            summary: Summary {
                status: Status::Running,
                stopped_at: None,
                output: None,
                error: None,
                cause: None,
            },
            records: Vec::new(),
            bytes: 0,
        }
    }

    /// How much memory it takes, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether anybody may be told of it, as its start is durable.
    pub(super) fn may_be_told(&self) -> bool {
        self.is_start_stored || !self.records.is_empty()
    }

    pub(super) fn is_running(&self) -> bool {
        !self.summary.status.is_terminal()
    }

    pub(super) fn start(&self) -> &Start {
        &self.start
    }

    pub(super) fn restore(&self) -> Result<Execution, RestoreError> {
        let deltas = self.records.iter().map(|record| record.delta.clone());
        Execution::restore(self.start.header.clone(), deltas)
    }

    /// Adds a step; answers how many bytes it takes.
    pub(super) fn add(&mut self, record: Record, summary: Summary) -> usize {
        let payloads = &record.delta.payloads;
        if let (true, Some(input)) = (self.records.is_empty(), payloads.first()) {
            self.input = Arc::clone(input);
        }
        let held = payloads.iter();
        let held: usize = held.map(|payload| json_bytes(payload)).sum();
        let logged: usize = record.logs.iter().map(|line| line.line.len()).sum();
        let lines = record.delta.history.len() + record.logs.len();
        let bytes = held + logged + lines * LINE_BYTES;
        self.bytes += bytes;
        self.records.push(record);
        self.output = summary.output.and_then(|id| self.payload(id));
        self.summary = summary;
        bytes
    }

    fn payload(&self, id: PayloadId) -> Option<Arc<Value>> {
        let record = self.records.get(usize::try_from(id.record).ok()?)?;
        let index = usize::try_from(id.index).ok()?;
        record.delta.payloads.get(index).cloned()
    }

    pub(super) fn description(&self) -> Description {
        Description {
            input: Some(Arc::clone(&self.input)),
            output: self.output.clone(),
            ..self.line()
        }
    }

    /// What a listing tells of it.
    pub(super) fn line(&self) -> Description {
        Description {
            start: self.start.as_ref().clone(),
            summary: self.summary.clone(),
            input: None,
            output: None,
        }
    }

    pub(super) fn is_meant_by(&self, filter: &ExecutionFilter) -> bool {
        let Start {
            header, selection, ..
        } = self.start.as_ref();
        let has_arn = filter.machine_arn.as_ref().is_none_or(|arn| {
            *arn == header.machine_arn || selection.arns(&header.machine_arn).contains(arn)
        });
        let (status, at) = (self.summary.status, header.started_at);
        self.may_be_told()
            && has_arn
            && filter.status.is_none_or(|wanted| wanted == status)
            && filter.started_from.is_none_or(|from| at >= from)
            && filter.started_before.is_none_or(|before| at < before)
    }

    /// A page of its history; places in it are the same as in a stored one.
    pub(super) fn page(&self, cursor: HistoryCursor, limit: usize) -> HistoryPage {
        let mut page = HistoryPage {
            events: Vec::new(),
            logs: Vec::new(),
            next: cursor,
            has_more: false,
        };
        if cursor.order == HistoryOrder::NewestFirst {
            page.next.record = page.next.record.min(self.last_record());
        }
        // Where there is nothing yet, reading goes on at the same place.
        let mut has_next = !self.records.is_empty() && page.next.record <= self.last_record();
        while has_next {
            if page.events.len() >= limit {
                page.has_more = true;
                break;
            }
            if self.read(&mut page, limit) {
                has_next = self.turn_over(&mut page);
            }
        }
        page
    }

    fn last_record(&self) -> u32 {
        u32::try_from(self.records.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// Goes on to the next record; answers whether there is one.
    fn turn_over(&self, page: &mut HistoryPage) -> bool {
        let next = match page.next.order {
            HistoryOrder::OldestFirst => page.next.record.checked_add(1),
            HistoryOrder::NewestFirst => page.next.record.checked_sub(1),
        };
        page.next.record = next.unwrap_or(page.next.record);
        next.is_some_and(|next| next <= self.last_record())
    }

    /// Reads on in the record that is next; answers whether it was read to its end.
    fn read(&self, page: &mut HistoryPage, limit: usize) -> bool {
        let record = usize::try_from(page.next.record).ok();
        let Some(record) = record.and_then(|number| self.records.get(number)) else {
            return true;
        };
        let skip = usize::try_from(page.next.skip).unwrap_or(usize::MAX);
        if skip == 0 {
            page.logs.extend(record.logs.iter().cloned());
        }
        let history = &record.delta.history;
        let free = limit.saturating_sub(page.events.len());
        let events: Vec<HistoryEvent> = match page.next.order {
            HistoryOrder::OldestFirst => history.iter().skip(skip).take(free).cloned().collect(),
            HistoryOrder::NewestFirst => {
                let newest = history.iter().rev();
                newest.skip(skip).take(free).cloned().collect()
            }
        };
        let read = skip.saturating_add(events.len());
        page.events.extend(events);
        let is_done = read >= history.len();
        page.next.skip = match is_done {
            true => 0,
            false => u32::try_from(read).unwrap_or(u32::MAX),
        };
        is_done
    }
}

fn json_bytes(value: &Value) -> usize {
    payload_bytes_within(value, usize::MAX).unwrap_or_default()
}

/// No step is kept by halves: what was poisoned is whole.
pub(super) fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
