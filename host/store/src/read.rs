//! Reading back: executions, documents and the audit log, as the ports hand them out.

mod history;
mod links;
mod listing;
mod resuming;
mod retention;

use asl::{ExecutionId, PayloadId, Timestamp};
use auth::names::Digest;
use bytes::Bytes;
use ports::{
    Alarm, Alarms, Claim, Description, Document, Fence, Key, Kind as DocumentKind, Start,
    StoreError, Summary,
};

use crate::entries::{Entries, Order, complete, parse, read};
use crate::envelope::{Kind, damaged};
use crate::key;
use crate::record::Opened;
use crate::standings;

pub(crate) use history::history;
pub(crate) use links::{audit, oldest_link, prunable};
pub(crate) use listing::executions;
pub(crate) use resuming::load;
pub(crate) use retention::{ended, leftovers, revisions_used};

/// How many entries are read at once.
const PAGE_ENTRIES: usize = 256;

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

/// One execution with its input and output.
pub(crate) fn execution(
    entries: &impl Entries,
    id: &ExecutionId,
) -> Result<Option<Description>, StoreError> {
    unless_expired(entries, id, || {
        let Some((start, summary)) = standing(entries, id)? else {
            return Ok(None);
        };
        let payload =
            |place: PayloadId| Opened::read(entries, id, place.record)?.payload(place.index);
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
    })
}

/// What is read of an execution that expires meanwhile is nothing, not damage.
fn unless_expired<T>(
    entries: &impl Entries,
    id: &ExecutionId,
    read: impl FnOnce() -> Result<Option<T>, StoreError>,
) -> Result<Option<T>, StoreError> {
    let found = read();
    let is_damaged = matches!(found, Err(StoreError::Damaged { .. }));
    match is_damaged && entries.entry(&key::execution(id))?.is_none() {
        true => Ok(None),
        false => found,
    }
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

/// Whether a key that was read is that of the record that belongs there.
fn is_record(id: &ExecutionId, expected: u32, key: &[u8]) -> Result<(), StoreError> {
    match key::record_number(key) == Some(expected) {
        true => Ok(()),
        false => Err(damaged(&key::record(id, expected), "is missing")),
    }
}
