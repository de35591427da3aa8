//! What a commit takes away, found on the caller's own task: what belongs to an ended execution
//! never changes any more, so that the one thread that writes only looks whether it is still
//! there, and whether a payload has another owner.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::Vacant;
use std::ops::Range;

use auth::names::Digest;
use ports::{Ended, Head, Start, StoreError, Upkeep};
use sled::IVec;

use crate::entries::{Entries, Order, complete, parse};
use crate::envelope::{self, Content, Entry, Kind, damaged};
use crate::key;
use crate::links;
use crate::prepare::{listed_keys, mark, name_key, refused};
use crate::record;
use crate::standings;

/// Keys that one commit takes away of records, at the most; a large execution takes several.
const ENTRIES_MAX: usize = if cfg!(test) { 6 } else { 512 };

/// Blocks of links that one commit takes away at the most.
pub(crate) const BLOCKS_MAX: usize = if cfg!(test) { 3 } else { 64 };

/// Everything that one commit takes away.
#[derive(Default)]
pub(crate) struct Removals {
    pub(crate) executions: Vec<Removal>,
    pub(crate) postponed: Vec<(Entry, Entry)>,
    pub(crate) pruned: Option<Pruned>,
    /// Each document that is taken away: its key first, then those of its parts.
    pub(crate) documents: Vec<Vec<IVec>>,
}

/// What is taken away of one execution.
pub(crate) struct Removal {
    pub(crate) ended: Ended,
    /// What makes it be found: its standing, name and marks, that of its end first; empty if
    /// they are gone already.
    pub(crate) unlinked: Vec<IVec>,
    /// Of its records.
    pub(crate) entries: Vec<IVec>,
    /// Payloads that it no longer has, with what to take away if nobody else has them.
    pub(crate) shared: BTreeMap<Digest, Vec<IVec>>,
    /// Whether records are left behind.
    pub(crate) is_partial: bool,
}

/// Blocks of links that are taken away.
pub(crate) struct Pruned {
    pub(crate) anchor: Head,
    pub(crate) blocks: Vec<IVec>,
}

impl Removals {
    /// Finds what `upkeep` takes away.
    ///
    /// # Errors
    /// It cannot be read, or has not ended.
    pub(crate) fn find(entries: &impl Entries, upkeep: Upkeep) -> Result<Self, StoreError> {
        let mut free = ENTRIES_MAX;
        let mut executions = Vec::new();
        for ended in upkeep.expire {
            let removal = Removal::find(entries, ended, free)?;
            free = free.saturating_sub(removal.len());
            executions.push(removal);
        }
        let postponed = upkeep.postpone.into_iter().map(|(ended, at)| {
            let moved = Ended {
                at,
                id: ended.id.clone(),
            };
            (mark(key::ended(&ended)), mark(key::ended(&moved)))
        });
        let revisions = upkeep.revisions.iter();
        let documents = revisions.map(|revision| document(entries, revision));
        let documents = documents.collect::<Result<Vec<_>, _>>()?;
        let pruned = upkeep.prune.map(|anchor| Pruned::find(entries, anchor));
        Ok(Self {
            executions,
            postponed: postponed.collect(),
            pruned: pruned.transpose()?,
            documents,
        })
    }

    /// Whether nobody can see that anything is gone.
    pub(crate) fn are_unseen(&self) -> bool {
        let is_all = self.executions.is_empty() && self.postponed.is_empty();
        let mut executions = self.executions.iter();
        !is_all
            && self.pruned.is_none()
            && self.documents.is_empty()
            && executions.all(|removal| removal.unlinked.is_empty())
    }

    /// How much it adds to a write, about.
    pub(crate) fn bytes(&self) -> usize {
        let executions = self.executions.iter();
        let keys = executions.flat_map(|removal| {
            let shared = removal.shared.values().flatten();
            removal
                .unlinked
                .iter()
                .chain(&removal.entries)
                .chain(shared)
        });
        let blocks = self.pruned.iter().flat_map(|pruned| &pruned.blocks);
        let documents = self.documents.iter().flatten();
        let bytes = keys.chain(blocks).chain(documents).map(|key| key.len());
        bytes.sum::<usize>() + self.postponed.len() * 128
    }
}

impl Removal {
    fn find(entries: &impl Entries, ended: Ended, free: usize) -> Result<Self, StoreError> {
        let mut removal = Self {
            unlinked: links_of(entries, &ended)?,
            ended,
            entries: Vec::new(),
            shared: BTreeMap::new(),
            is_partial: false,
        };
        let is_known = !removal.unlinked.is_empty()
            || entries.entry(&key::leftover(&removal.ended))?.is_some();
        if is_known {
            let id = removal.ended.id.clone();
            let ranges = [key::pieces(&id), key::records(&id, 0)];
            for range in ranges {
                removal.take(entries, range, free)?;
            }
        }
        Ok(removal)
    }

    /// How many keys go with its records.
    fn len(&self) -> usize {
        self.entries.len() + self.shared.values().map(Vec::len).sum::<usize>()
    }

    /// Takes entries of a range with their parts and payloads, as far as there is room.
    fn take(
        &mut self,
        entries: &impl Entries,
        range: Range<Vec<u8>>,
        free: usize,
    ) -> Result<(), StoreError> {
        let room = free.saturating_sub(self.len());
        let found = entries.range(range, Order::Forward, room.saturating_add(1))?;
        for (key, value) in found {
            if self.len() >= free.max(1) {
                self.is_partial = true;
                break;
            }
            for digest in digests(entries, &key, &value)? {
                let Vacant(place) = self.shared.entry(digest) else {
                    continue;
                };
                let owners = entries.range(key::owners(place.key()), Order::Forward, 2)?;
                let payload = match owners.len() {
                    0 | 1 => payload(entries, place.key())?,
                    _ => Vec::new(),
                };
                place.insert(payload);
            }
            self.entries.extend(parts(&key, &value)?);
            self.entries.push(key);
        }
        Ok(())
    }
}

/// What makes an ended execution be found; nothing if it has expired.
fn links_of(entries: &impl Entries, ended: &Ended) -> Result<Vec<IVec>, StoreError> {
    let mark = key::ended(ended);
    let standing_key = key::execution(&ended.id);
    let (Some(_), Some(standing)) = (entries.entry(&mark)?, entries.entry(&standing_key)?) else {
        return Ok(Vec::new());
    };
    let body = complete(entries, Kind::Execution, &standing_key, &standing)?;
    let (start, summary) = standings::split(&standing_key, &body)?;
    let start: Start = parse(&standing_key, start)?;
    let summary: ports::Summary = parse(&standing_key, summary)?;
    if !summary.status.is_terminal() {
        let problem = format!("execution `{}` has not ended", ended.id);
        return Err(refused(problem));
    }
    let mut links = vec![IVec::from(mark)];
    links.extend(parts(&standing_key, &standing)?);
    links.push(standing_key.into());
    let keys = listed_keys(&start, summary.status);
    let keys = keys.into_iter().chain([name_key(&start)]);
    links.extend(keys.map(IVec::from));
    Ok(links)
}

/// The parts of a value, if it has any.
fn parts(key: &[u8], value: &IVec) -> Result<Vec<IVec>, StoreError> {
    let kind = kind_of(key);
    let kind = match kind {
        Kind::Record if envelope::is_kind(value, Kind::LongRecord) => Kind::LongRecord,
        kind => kind,
    };
    Ok(match envelope::unwrap(kind, key, value)? {
        Content::Whole(_) => Vec::new(),
        Content::Parts(manifest) => manifest.keys(key).map(IVec::from).collect(),
    })
}

/// The payloads that an entry of a record names.
fn digests(entries: &impl Entries, key: &[u8], value: &IVec) -> Result<Vec<Digest>, StoreError> {
    let kind = kind_of(key);
    let is_silent = match kind {
        Kind::Piece => !record::is_piece_of_payloads(key),
        _ => envelope::is_kind(value, Kind::LongRecord),
    };
    if is_silent {
        return Ok(Vec::new());
    }
    let body = complete(entries, kind, key, value)?;
    record::digests(key, &body)
}

fn kind_of(key: &[u8]) -> Kind {
    match key.first() {
        Some(b'd') => Kind::Document,
        Some(b's') => Kind::Execution,
        Some(b'h') => Kind::Piece,
        Some(b'p') => Kind::Payload,
        Some(b'a') => Kind::Links,
        _ => Kind::Record,
    }
}

/// A document with its parts; nothing if it is gone.
fn document(entries: &impl Entries, named: &ports::Key) -> Result<Vec<IVec>, StoreError> {
    let key = key::document(named);
    let Some(value) = entries.entry(&key)? else {
        return Ok(Vec::new());
    };
    let parts = parts(&key, &value)?;
    Ok([key.into()].into_iter().chain(parts).collect())
}

/// A payload with its parts.
pub(crate) fn payload(entries: &impl Entries, digest: &Digest) -> Result<Vec<IVec>, StoreError> {
    let key = key::payload(digest);
    let Some(value) = entries.entry(&key)? else {
        return Ok(Vec::new());
    };
    let mut found = parts(&key, &value)?;
    found.push(key.into());
    Ok(found)
}

impl Pruned {
    fn find(entries: &impl Entries, anchor: Head) -> Result<Self, StoreError> {
        let range = key::all_links().start..key::links(anchor.length.saturating_add(1));
        let found = entries.range(range, Order::Forward, BLOCKS_MAX.saturating_add(1))?;
        let mut pruned = Self {
            anchor,
            blocks: Vec::new(),
        };
        let mut last = None;
        for (key, value) in found {
            let body = complete(entries, Kind::Links, &key, &value)?;
            last = links::parse(&key, &body)?.pop();
            pruned.blocks.extend(parts(&key, &value)?);
            pruned.blocks.push(key);
        }
        let is_at_an_end = last.is_none_or(|last| {
            last.sequence == pruned.anchor.length && last.hash == pruned.anchor.hash
        });
        match is_at_an_end {
            true => Ok(pruned),
            false => {
                let key = key::links(pruned.anchor.length);
                Err(damaged(&key, "is not the last record of a block"))
            }
        }
    }
}
