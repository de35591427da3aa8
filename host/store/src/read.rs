//! Reading back: executions, documents and the audit log, as the ports hand them out.

mod history;

use asl::{ExecutionId, PayloadId, Status, Timestamp};
use auth::names::Digest;
use bytes::Bytes;
use ports::{
    Alarm, Alarms, Claim, Description, Document, ExecutionFilter, Fence, Head, Key,
    Kind as DocumentKind, Page, Record, Sealed, Start, StoreError, StoredExecution, Summary,
};

use crate::entries::{Entries, Order, complete, parse, read};
use crate::envelope::{Kind, damaged};
use crate::key;
use crate::ledger::stored_head;
use crate::links;
use crate::standings;

pub(crate) use history::history;

/// How many entries are read at once.
const PAGE_ENTRIES: usize = 256;

/// How many executions one listing looks at before it hands out what it found.
const EXAMINED_MAX: usize = 4096;

/// Executions that go on by themselves, claimed under `fence`.
pub(crate) fn claim(
    entries: &impl Entries,
    fence: Fence,
    after: Option<&ExecutionId>,
    limit: usize,
) -> Result<Vec<Claim>, StoreError> {
    let mut range = key::opens();
    if let Some(after) = after {
        range.start = key::after(key::open(after));
    }
    let marks = entries.range(range, Order::Forward, limit)?;
    let claim = |(key, value): &(sled::IVec, sled::IVec)| {
        let id = marked(entries, key, value)?;
        Ok(Claim { id, fence })
    };
    marks.iter().map(claim).collect()
}

/// Parked executions that are to be woken by `until`.
pub(crate) fn alarms(
    entries: &impl Entries,
    until: Timestamp,
    after: Option<&Alarm>,
    limit: usize,
) -> Result<Alarms, StoreError> {
    let mut range = key::alarms();
    if let Some(after) = after {
        range.start = key::after(key::alarm(after.at, &after.id));
    }
    let marks = entries.range(range, Order::Forward, limit.saturating_add(1))?;
    let alarm = |(key, value): &(sled::IVec, sled::IVec)| {
        complete(entries, Kind::Mark, key, value)?;
        let (at, id) = key::alarmed(key).ok_or_else(|| damaged(key, "is not an alarm's key"))?;
        Ok(Alarm { at, id })
    };
    let mut due = marks.iter().map(alarm).collect::<Result<Vec<_>, _>>()?;
    let count = due.partition_point(|alarm| alarm.at <= until).min(limit);
    let next = due.get(count).map(|alarm| alarm.at);
    due.truncate(count);
    Ok(Alarms { due, next })
}

/// Everything about one execution.
pub(crate) fn load(
    entries: &impl Entries,
    id: &ExecutionId,
) -> Result<Option<StoredExecution>, StoreError> {
    let Some((start, _)) = standing(entries, id)? else {
        return Ok(None);
    };
    let mut records = Vec::new();
    loop {
        let first = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let page = entries.range(key::records(id, first), Order::Forward, PAGE_ENTRIES)?;
        for (key, value) in &page {
            let number = u32::try_from(records.len()).unwrap_or(u32::MAX);
            records.push(record(entries, id, number, key, value)?.0);
        }
        if page.len() < PAGE_ENTRIES {
            break;
        }
    }
    if records.is_empty() {
        return Err(damaged(&key::record(id, 0), "is missing"));
    }
    Ok(Some(StoredExecution { start, records }))
}

/// One execution with its input and output.
pub(crate) fn execution(
    entries: &impl Entries,
    id: &ExecutionId,
) -> Result<Option<Description>, StoreError> {
    let Some((start, summary)) = standing(entries, id)? else {
        return Ok(None);
    };
    let payload = |place: PayloadId| {
        let (record, _) = history::load_record(entries, id, place.record)?;
        history::payload(id, &record.delta.payloads, place)
    };
    let input = payload(PayloadId {
        record: 0,
        index: 0,
    })?;
    let output = summary.output.map(payload).transpose()?;
    Ok(Some(Description {
        start,
        summary,
        input: Some(input),
        output,
    }))
}

/// Who has a name.
pub(crate) fn execution_named(
    entries: &impl Entries,
    machine_arn: &str,
    name: &str,
) -> Result<Option<ExecutionId>, StoreError> {
    let key = key::name(machine_arn, name);
    let holder = read(entries, Kind::Name, &key)?;
    holder.map(|holder| holder_of(&key, &holder)).transpose()
}

/// The execution that has the name under `key`.
pub(crate) fn holder_of(key: &[u8], content: &[u8]) -> Result<ExecutionId, StoreError> {
    let id = std::str::from_utf8(content)
        .ok()
        .and_then(ExecutionId::parse);
    id.ok_or_else(|| damaged(key, "does not name an execution"))
}

/// Executions, newest first.
pub(crate) fn executions(
    entries: &impl Entries,
    filter: &ExecutionFilter,
    before: Option<&ExecutionId>,
    limit: usize,
) -> Result<Page<Description, ExecutionId>, StoreError> {
    let mut range = match &filter.machine_arn {
        Some(arn) => key::listing(arn),
        None => key::executions(),
    };
    if let Some(before) = before {
        range.end = match &filter.machine_arn {
            Some(arn) => key::listed(arn, before),
            None => key::execution(before),
        };
    }
    let mut items = Vec::new();
    let mut examined = 0;
    let mut last = before.cloned();
    loop {
        let page = entries.range(range.clone(), Order::Backward, PAGE_ENTRIES)?;
        for (key, value) in &page {
            if items.len() >= limit || examined >= EXAMINED_MAX {
                return Ok(Page { items, next: last });
            }
            let id = key::marked(key).ok_or_else(|| damaged(key, "does not name an execution"))?;
            let (start, summary) = match filter.machine_arn {
                None => parse_standing(key, &complete(entries, Kind::Execution, key, value)?)?,
                Some(_) => standing(entries, &id)?
                    .ok_or_else(|| damaged(&key::execution(&id), "is missing"))?,
            };
            examined += 1;
            range.end = key.to_vec();
            last = Some(id);
            if has_status(&summary, filter.status) {
                items.push(Description {
                    start,
                    summary,
                    input: None,
                    output: None,
                });
            }
        }
        if page.len() < PAGE_ENTRIES {
            return Ok(Page { items, next: None });
        }
    }
}

/// Documents of a kind, in key order.
pub(crate) fn documents(
    entries: &impl Entries,
    kind: DocumentKind,
    after: Option<&Key>,
    limit: usize,
) -> Result<Vec<Document>, StoreError> {
    let mut range = key::documents(kind);
    if let Some(after) = after {
        range.start = key::after(key::document(&Key {
            kind,
            ..after.clone()
        }));
    }
    let found = entries.range(range, Order::Forward, limit)?;
    let document = |(key, value): &(sled::IVec, sled::IVec)| {
        let named = key::named(kind, key).ok_or_else(|| damaged(key, "is not a document's key"))?;
        let body = complete(entries, Kind::Document, key, value)?.parse(key)?;
        Ok(Document { key: named, body })
    };
    found.iter().map(document).collect()
}

/// Bytes by their digest, which is checked.
pub(crate) fn blob(entries: &impl Entries, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
    let key = key::blob(digest);
    let Some(body) = read(entries, Kind::Blob, &key)? else {
        return Ok(None);
    };
    if Digest::of(&body) != *digest {
        return Err(damaged(&key, "does not have its digest"));
    }
    Ok(Some(body.into_bytes()))
}

/// Links after a sequence, and the log's head as it was before they were read.
pub(crate) fn audit(
    entries: &impl Entries,
    after: u64,
    limit: usize,
) -> Result<(Vec<Sealed>, Head), StoreError> {
    let head = stored_head(entries)?;
    let first = after.saturating_add(1);
    let mut found = Vec::new();
    let block_of_first = key::all_links().start..key::after(key::links(first));
    let around = entries.range(block_of_first, Order::Backward, 1)?;
    let mut range = key::all_links();
    if let Some((key, _)) = around.first() {
        range.start = key.to_vec();
    }
    while found.len() < limit {
        let blocks = entries.range(range.clone(), Order::Forward, PAGE_ENTRIES.min(limit))?;
        for (key, value) in &blocks {
            let block = links::parse(key, &complete(entries, Kind::Links, key, value)?)?;
            let wanted = block
                .into_iter()
                .filter(|link| (first..=head.length).contains(&link.sequence));
            found.extend(wanted);
            range.start = key::after(key.to_vec());
            if found.len() >= limit {
                break;
            }
        }
        if blocks.len() < PAGE_ENTRIES.min(limit) {
            break;
        }
    }
    found.truncate(limit);
    Ok((found, head))
}

fn standing(
    entries: &impl Entries,
    id: &ExecutionId,
) -> Result<Option<(Start, Summary)>, StoreError> {
    let key = key::execution(id);
    let body = read(entries, Kind::Execution, &key)?;
    body.map(|body| parse_standing(&key, &body)).transpose()
}

fn parse_standing(key: &[u8], content: &[u8]) -> Result<(Start, Summary), StoreError> {
    let (start, summary) = standings::split(key, content)?;
    Ok((parse(key, start)?, parse(key, summary)?))
}

fn marked(
    entries: &impl Entries,
    key: &[u8],
    value: &sled::IVec,
) -> Result<ExecutionId, StoreError> {
    complete(entries, Kind::Mark, key, value)?;
    key::marked(key).ok_or_else(|| damaged(key, "does not name an execution"))
}

fn has_status(summary: &Summary, wanted: Option<Status>) -> bool {
    wanted.is_none_or(|status| status == summary.status)
}

/// A record that was read and its size in bytes, if it is the one that belongs there.
fn record(
    entries: &impl Entries,
    id: &ExecutionId,
    expected: u32,
    key: &[u8],
    value: &sled::IVec,
) -> Result<(Record, usize), StoreError> {
    if key::record_number(key) != Some(expected) {
        return Err(damaged(&key::record(id, expected), "is missing"));
    }
    let body = complete(entries, Kind::Record, key, value)?;
    let record: Record = body.parse(key)?;
    if record.number != expected {
        return Err(damaged(key, format!("holds record {}", record.number)));
    }
    Ok((record, body.len()))
}
