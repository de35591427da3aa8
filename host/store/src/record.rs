//! How a record lies in the tree: as one value, or in pieces where it is long, its large payloads
//! apart from it and once for all executions.
//!
//! Owns both ways, so that a page of history reads what it shows and no more. Every piece and
//! payload is written with the record that names it.

mod reading;

use std::sync::Arc;

use asl::{Delta, ExecutionId, Posture};
use auth::names::Digest;
use ports::{LogLine, Record, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::entries::Entries;
use crate::envelope::{Entry, Kind, damaged};
use crate::key;
use crate::prepare::json;

pub(crate) use reading::{Opened, posture};

/// A payload of at least so many bytes as JSON is kept by its digest.
pub(crate) const SHARED_BYTES_MIN: usize = 4096;

/// So many events, or payloads, of a record are kept in one piece at the most.
pub(crate) const PIECE_ITEMS: usize = 256;

/// The letters of pieces.
const BODY: u8 = b'b';
const EVENTS: u8 = b'e';
const PAYLOADS: u8 = b'p';

/// A record, ready to be written.
pub(crate) struct LaidOut {
    pub(crate) record: Entry,
    pub(crate) pieces: Vec<Entry>,
    pub(crate) shared: Vec<Shared>,
}

/// A payload that is kept by its digest, and the mark of who has it.
pub(crate) struct Shared {
    pub(crate) digest: Digest,
    pub(crate) payload: Entry,
    pub(crate) owner: Entry,
}

/// What stands under the record's key.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) number: u32,
    #[serde(default, skip_serializing_if = "Posture::is_active")]
    pub(crate) posture: Posture,
    delta: Delta,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    logs: Vec<LogLine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shared: Vec<(u32, Digest)>,
}

/// The posture alone of what is stored as [`Stored`].
#[derive(Deserialize)]
struct Listing {
    #[serde(default)]
    posture: Posture,
}

/// Some payloads of a long record; in place of a shared one stands `null`.
#[derive(Serialize, Deserialize)]
struct StoredPayloads {
    payloads: Vec<Arc<Value>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shared: Vec<(u32, Digest)>,
}

/// The digests alone of what is stored as [`Stored`] or [`StoredPayloads`].
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    shared: Vec<(u32, Digest)>,
}

impl LaidOut {
    /// Lays out a record of which `text` is the JSON.
    ///
    /// # Errors
    /// It cannot be serialised.
    pub(crate) fn new(id: &ExecutionId, record: Record, text: &[u8]) -> Result<Self, StoreError> {
        let key = key::record(id, record.number);
        let is_long =
            record.delta.history.len() > PIECE_ITEMS || record.delta.payloads.len() > PIECE_ITEMS;
        let (record, shared) = match text.len() {
            0..SHARED_BYTES_MIN => (record, Vec::new()),
            _ => without_large(id, record)?,
        };
        if is_long {
            return in_pieces(id, record, shared);
        }
        let entry = match shared.is_empty() {
            true => Entry::new(Kind::Record, key, text),
            false => Entry::new(Kind::Record, key, &json(&stored(record, &shared))?),
        };
        Ok(Self {
            record: entry,
            pieces: Vec::new(),
            shared: shared.into_iter().map(|(_, shared)| shared).collect(),
        })
    }

    /// How much it adds to a write, about.
    pub(crate) fn bytes(&self) -> usize {
        let shared = self.shared.iter().map(|shared| shared.payload.bytes());
        let pieces = self.pieces.iter().map(Entry::bytes);
        self.record.bytes() + pieces.sum::<usize>() + shared.sum::<usize>()
    }
}

/// The digests that a value under the key of a record or a piece names.
///
/// # Errors
/// It is not what stands there.
pub(crate) fn digests(key: &[u8], content: &[u8]) -> Result<Vec<Digest>, StoreError> {
    let named: Named = crate::entries::parse(key, content)?;
    Ok(named.shared.into_iter().map(|(_, digest)| digest).collect())
}

/// Whether a piece of a long record may name digests.
pub(crate) fn is_piece_of_payloads(key: &[u8]) -> bool {
    key.len().checked_sub(5).and_then(|at| key.get(at)) == Some(&PAYLOADS)
}

impl Stored {
    /// The record, its shared payloads read from `entries`.
    ///
    /// # Errors
    /// A payload is missing or damaged, or has no place in the record that belongs under `key`.
    pub(crate) fn filled(self, entries: &impl Entries, key: &[u8]) -> Result<Record, StoreError> {
        let mut delta = self.delta;
        for (index, digest) in self.shared {
            let place = delta.payloads.get_mut(index as usize);
            let place =
                place.ok_or_else(|| damaged(key, format!("has no place for payload {index}")))?;
            *place = reading::shared_payload(entries, &digest)?.0;
        }
        Ok(Record {
            number: self.number,
            posture: self.posture,
            delta,
            logs: self.logs,
        })
    }
}

/// Takes out the large payloads, each with its index.
fn without_large(
    id: &ExecutionId,
    mut record: Record,
) -> Result<(Record, Vec<(u32, Shared)>), StoreError> {
    let mut shared = Vec::new();
    for (index, payload) in (0_u32..).zip(&mut record.delta.payloads) {
        let text = json(payload)?;
        if text.len() < SHARED_BYTES_MIN {
            continue;
        }
        let digest = Digest::of(&text);
        let entry = Entry::new(Kind::Payload, key::payload(&digest), &text);
        let owner = Entry::new(Kind::Mark, key::owner(&digest, id), b"");
        *payload = Arc::new(Value::Null);
        let taken = Shared {
            digest,
            payload: entry,
            owner,
        };
        shared.push((index, taken));
    }
    Ok((record, shared))
}

fn stored(record: Record, shared: &[(u32, Shared)]) -> Stored {
    Stored {
        number: record.number,
        posture: record.posture,
        delta: record.delta,
        logs: record.logs,
        shared: names(shared),
    }
}

fn names(shared: &[(u32, Shared)]) -> Vec<(u32, Digest)> {
    let name = |(index, shared): &(u32, Shared)| (*index, shared.digest.clone());
    shared.iter().map(name).collect()
}

fn in_pieces(
    id: &ExecutionId,
    mut record: Record,
    shared: Vec<(u32, Shared)>,
) -> Result<LaidOut, StoreError> {
    let number = record.number;
    let events = std::mem::take(&mut record.delta.history);
    let payloads = std::mem::take(&mut record.delta.payloads);
    let head = [events.len(), payloads.len(), record.logs.len()];
    let head: Vec<u8> = head
        .into_iter()
        .flat_map(|count| u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes())
        .collect();
    let piece = |letter, chunk, text: &[u8]| {
        Entry::new(Kind::Piece, key::piece(id, number, letter, chunk), text)
    };
    let mut pieces = vec![piece(BODY, 0, &json(&stored(record, &[]))?)];
    for (chunk, events) in (0..).zip(events.chunks(PIECE_ITEMS)) {
        pieces.push(piece(EVENTS, chunk, &json(&events)?));
    }
    let mut names = names(&shared).into_iter().peekable();
    for (chunk, payloads) in (0..).zip(payloads.chunks(PIECE_ITEMS)) {
        let within = |(index, _): &(u32, Digest)| chunk_of(*index) == chunk;
        let stored = StoredPayloads {
            payloads: payloads.to_vec(),
            shared: std::iter::from_fn(|| names.next_if(within)).collect(),
        };
        pieces.push(piece(PAYLOADS, chunk, &json(&stored)?));
    }
    Ok(LaidOut {
        record: Entry::new(Kind::LongRecord, key::record(id, number), &head),
        pieces,
        shared: shared.into_iter().map(|(_, shared)| shared).collect(),
    })
}

/// The piece that an item is in.
fn chunk_of(index: u32) -> u32 {
    index / PIECE_ITEMS as u32
}
