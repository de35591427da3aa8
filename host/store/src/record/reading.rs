//! Reading of a record what is asked for.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use asl::{ExecutionId, HistoryEvent, Posture};
use auth::names::Digest;
use ports::{LogLine, Record, StoreError};
use serde_json::Value;
use sled::IVec;

use super::{BODY, EVENTS, Listing, PAYLOADS, PIECE_ITEMS, Stored, StoredPayloads, chunk_of};
use crate::entries::{Body, Entries, complete, read};
use crate::envelope::{self, Kind, damaged};
use crate::key;

/// A record of which pieces and payloads are read as they are asked for.
pub(crate) struct Opened<'a, E> {
    entries: &'a E,
    id: &'a ExecutionId,
    number: u32,
    form: Form,
    /// Payloads by the piece they are in; those of a short record are one piece.
    payloads: HashMap<u32, Vec<Slot>>,
    /// How many bytes were read.
    pub(crate) bytes: usize,
}

enum Form {
    Short(Box<Stored>),
    Long {
        events: u32,
        payloads: u32,
        logs: u32,
    },
}

/// Where a payload is.
#[derive(Clone)]
enum Slot {
    Here(Arc<Value>),
    Shared(Digest),
}

impl<'a, E: Entries> Opened<'a, E> {
    /// Opens what was read under a record's key.
    ///
    /// # Errors
    /// It is not that record.
    pub(crate) fn new(
        entries: &'a E,
        id: &'a ExecutionId,
        number: u32,
        value: &IVec,
    ) -> Result<Self, StoreError> {
        let key = key::record(id, number);
        let mut opened = Self {
            entries,
            id,
            number,
            form: Form::Long {
                events: 0,
                payloads: 0,
                logs: 0,
            },
            payloads: HashMap::new(),
            bytes: value.len(),
        };
        if envelope::is_kind(value, Kind::LongRecord) {
            let body = complete(entries, Kind::LongRecord, &key, value)?;
            let counts = counts(&body).ok_or_else(|| damaged(&key, "has the wrong length"))?;
            let [events, payloads, logs] = counts;
            opened.form = Form::Long {
                events,
                payloads,
                logs,
            };
            return Ok(opened);
        }
        let body = complete(entries, Kind::Record, &key, value)?;
        let mut stored: Stored = body.parse(&key)?;
        if stored.number != number {
            return Err(damaged(&key, format!("holds record {}", stored.number)));
        }
        opened.bytes = body.len();
        let payloads = std::mem::take(&mut stored.delta.payloads);
        let slots = slots(&key, payloads, std::mem::take(&mut stored.shared), 0)?;
        opened.payloads.insert(0, slots);
        opened.form = Form::Short(Box::new(stored));
        Ok(opened)
    }

    /// Reads and opens a record by its number.
    ///
    /// # Errors
    /// It is missing or damaged.
    pub(crate) fn read(
        entries: &'a E,
        id: &'a ExecutionId,
        number: u32,
    ) -> Result<Self, StoreError> {
        let key = key::record(id, number);
        let value = entries.entry(&key)?;
        let value = value.ok_or_else(|| damaged(&key, "is missing"))?;
        Self::new(entries, id, number, &value)
    }

    /// How many history events it has.
    pub(crate) fn events_len(&self) -> usize {
        match &self.form {
            Form::Short(stored) => stored.delta.history.len(),
            Form::Long { events, .. } => *events as usize,
        }
    }

    /// Some of its history events, without their payloads.
    ///
    /// # Errors
    /// A piece is missing or damaged.
    pub(crate) fn events(&mut self, range: Range<usize>) -> Result<Vec<HistoryEvent>, StoreError> {
        let Form::Long { events: all, .. } = self.form else {
            let Form::Short(stored) = &self.form else {
                return Ok(Vec::new());
            };
            let events = stored.delta.history.get(range).unwrap_or_default();
            return Ok(events.to_vec());
        };
        let range = range.start..range.end.min(all as usize);
        let mut found = Vec::with_capacity(range.len());
        let mut at = range.start;
        while at < range.end {
            let chunk = u32::try_from(at / PIECE_ITEMS).unwrap_or(u32::MAX);
            let (key, body) = self.piece(EVENTS, chunk)?;
            let events: Vec<HistoryEvent> = body.parse(&key)?;
            let skip = at % PIECE_ITEMS;
            let wanted = events.into_iter().skip(skip).take(range.end - at);
            let before = found.len();
            found.extend(wanted);
            if found.len() == before {
                return Err(damaged(&key, "lacks events"));
            }
            at += found.len() - before;
        }
        Ok(found)
    }

    /// What components logged.
    ///
    /// # Errors
    /// A piece is missing or damaged.
    pub(crate) fn logs(&mut self) -> Result<Vec<LogLine>, StoreError> {
        match &self.form {
            Form::Short(stored) => Ok(stored.logs.clone()),
            Form::Long { logs: 0, .. } => Ok(Vec::new()),
            Form::Long { .. } => Ok(self.body()?.logs),
        }
    }

    /// One of its payloads.
    ///
    /// # Errors
    /// It is missing or damaged.
    pub(crate) fn payload(&mut self, index: u32) -> Result<Arc<Value>, StoreError> {
        let chunk = match self.form {
            Form::Short(_) => 0,
            Form::Long { .. } => chunk_of(index),
        };
        if !self.payloads.contains_key(&chunk) {
            let slots = self.payload_piece(chunk)?;
            self.payloads.insert(chunk, slots);
        }
        let first = chunk as usize * PIECE_ITEMS;
        let at = (index as usize).checked_sub(first);
        let slots = self.payloads.get_mut(&chunk);
        let slot = slots.zip(at).and_then(|(slots, at)| slots.get_mut(at));
        let slot = slot.ok_or_else(|| {
            let key = key::record(self.id, self.number);
            damaged(&key, format!("lacks payload {index}"))
        })?;
        if let Slot::Shared(digest) = slot {
            let (value, bytes) = shared_payload(self.entries, digest)?;
            self.bytes += bytes;
            *slot = Slot::Here(value);
        }
        match slot {
            Slot::Here(value) => Ok(Arc::clone(value)),
            Slot::Shared(digest) => Err(damaged(&key::payload(digest), "was not read")),
        }
    }

    /// All of it.
    ///
    /// # Errors
    /// Something of it is missing or damaged.
    pub(crate) fn whole(mut self) -> Result<Record, StoreError> {
        let history = self.events(0..self.events_len())?;
        let payloads = match &self.form {
            Form::Short(_) => self.payloads.get(&0).map_or(0, Vec::len),
            Form::Long { payloads, .. } => *payloads as usize,
        };
        let payloads = (0..u32::try_from(payloads).unwrap_or(u32::MAX))
            .map(|index| self.payload(index))
            .collect::<Result<Vec<_>, _>>()?;
        let stored = match self.form {
            Form::Short(stored) => *stored,
            Form::Long { .. } => self.body()?,
        };
        let mut record = Record {
            number: stored.number,
            posture: stored.posture,
            delta: stored.delta,
            logs: stored.logs,
        };
        record.delta.history = history;
        record.delta.payloads = payloads;
        Ok(record)
    }

    /// All of it, with the digests of shared payloads.
    ///
    /// # Errors
    /// Something of it is missing or damaged.
    pub(crate) fn unfilled(mut self) -> Result<Stored, StoreError> {
        let history = self.events(0..self.events_len())?;
        let pieces = match &self.form {
            Form::Short(_) => 1,
            Form::Long { payloads, .. } => payloads.div_ceil(PIECE_ITEMS as u32),
        };
        let mut slots = Vec::new();
        for chunk in 0..pieces {
            match self.payloads.remove(&chunk) {
                Some(known) => slots.extend(known),
                None => slots.extend(self.payload_piece(chunk)?),
            }
        }
        let mut stored = match self.form {
            Form::Short(stored) => *stored,
            Form::Long { .. } => self.body()?,
        };
        stored.delta.history = history;
        for (index, slot) in (0_u32..).zip(slots) {
            let here = match slot {
                Slot::Here(value) => value,
                Slot::Shared(digest) => {
                    stored.shared.push((index, digest));
                    Arc::new(Value::Null)
                }
            };
            stored.delta.payloads.push(here);
        }
        Ok(stored)
    }

    fn body(&mut self) -> Result<Stored, StoreError> {
        let (key, body) = self.piece(BODY, 0)?;
        let stored: Stored = body.parse(&key)?;
        match stored.number == self.number {
            true => Ok(stored),
            false => Err(damaged(&key, format!("holds record {}", stored.number))),
        }
    }

    fn payload_piece(&mut self, chunk: u32) -> Result<Vec<Slot>, StoreError> {
        let (key, body) = self.piece(PAYLOADS, chunk)?;
        let stored: StoredPayloads = body.parse(&key)?;
        let first = chunk * PIECE_ITEMS as u32;
        slots(&key, stored.payloads, stored.shared, first)
    }

    fn piece(&mut self, letter: u8, chunk: u32) -> Result<(Vec<u8>, Body), StoreError> {
        let key = key::piece(self.id, self.number, letter, chunk);
        let body = read(self.entries, Kind::Piece, &key)?;
        let body = body.ok_or_else(|| damaged(&key, "is missing"))?;
        self.bytes += body.len();
        Ok((key, body))
    }
}

/// A payload by its digest, which is checked, and its size in bytes.
///
/// # Errors
/// It is missing, or is another one.
pub(super) fn shared_payload(
    entries: &impl Entries,
    digest: &Digest,
) -> Result<(Arc<Value>, usize), StoreError> {
    let key = key::payload(digest);
    let body = read(entries, Kind::Payload, &key)?.ok_or_else(|| damaged(&key, "is missing"))?;
    if Digest::of(&body) != *digest {
        return Err(damaged(&key, "does not have its digest"));
    }
    Ok((Arc::new(body.parse(&key)?), body.len()))
}

/// What an execution waits for after the record that was read under `key`.
///
/// # Errors
/// It is missing or damaged.
pub(crate) fn posture(
    entries: &impl Entries,
    id: &ExecutionId,
    (key, value): (&[u8], &IVec),
) -> Result<Posture, StoreError> {
    let number = key::record_number(key).ok_or_else(|| damaged(key, "has no number"))?;
    let is_long = envelope::is_kind(value, Kind::LongRecord);
    let (key, body) = match is_long {
        false => (key.to_vec(), complete(entries, Kind::Record, key, value)?),
        true => {
            let key = key::piece(id, number, BODY, 0);
            let body = read(entries, Kind::Piece, &key)?;
            let body = body.ok_or_else(|| damaged(&key, "is missing"))?;
            (key, body)
        }
    };
    let Listing { posture } = body.parse(&key)?;
    Ok(posture)
}

fn counts(content: &[u8]) -> Option<[u32; 3]> {
    let mut counts = [0; 3];
    let (chunks, rest) = content.as_chunks::<4>();
    if chunks.len() != counts.len() || !rest.is_empty() {
        return None;
    }
    let numbers = chunks.iter().map(|bytes| u32::from_be_bytes(*bytes));
    counts
        .iter_mut()
        .zip(numbers)
        .for_each(|(count, number)| *count = number);
    Some(counts)
}

/// Payloads with the shared ones in their places; the first has the index `first`.
fn slots(
    key: &[u8],
    payloads: Vec<Arc<Value>>,
    shared: Vec<(u32, Digest)>,
    first: u32,
) -> Result<Vec<Slot>, StoreError> {
    let mut slots: Vec<_> = payloads.into_iter().map(Slot::Here).collect();
    for (index, digest) in shared {
        let at = index.checked_sub(first);
        let slot = at.and_then(|at| slots.get_mut(at as usize));
        *slot.ok_or_else(|| damaged(key, format!("has no place for payload {index}")))? =
            Slot::Shared(digest);
    }
    Ok(slots)
}
