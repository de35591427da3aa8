//! What the ledger starts from, as it is stored.

use asl::ExecutionId;
use auth::authority::AuthorityVersion;
use ports::{Hash, Head, StoreError, Summary};

use super::FORMAT_VERSION;
use crate::entries::{Entries, Order, complete, parse, read};
use crate::envelope::{Kind, damaged};
use crate::key;
use crate::links;
use crate::record;
use crate::standings::{self, Mark, Standing};

/// What is kept under one key and changes with every write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// The authority in force.
    pub(crate) authority: AuthorityVersion,
    /// The end of the audit log.
    pub(crate) head: Head,
    /// How many executions have ended and not expired.
    pub(crate) ended: u64,
    /// The last link that is no longer kept.
    pub(crate) anchor: Head,
}

impl Default for State {
    fn default() -> Self {
        Self {
            authority: AuthorityVersion(0),
            head: empty_head(),
            ended: 0,
            anchor: empty_head(),
        }
    }
}

impl State {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let numbers = [self.authority.0, self.head.length].map(u64::to_be_bytes);
        let behind = [self.ended, self.anchor.length].map(u64::to_be_bytes);
        let mut bytes = numbers.concat();
        bytes.extend_from_slice(&self.head.hash.0);
        bytes.extend_from_slice(&behind.concat());
        bytes.extend_from_slice(&self.anchor.hash.0);
        bytes
    }

    /// What format 1 kept ends with the head.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (authority, bytes) = number_of(bytes)?;
        let (head, bytes) = head_of(bytes)?;
        let mut state = Self {
            authority: AuthorityVersion(authority),
            head,
            ..Self::default()
        };
        if bytes.is_empty() {
            return Some(state);
        }
        let (ended, bytes) = number_of(bytes)?;
        let (anchor, bytes) = head_of(bytes)?;
        (state.ended, state.anchor) = (ended, anchor);
        bytes.is_empty().then_some(state)
    }
}

fn number_of(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_be_bytes(*number), rest))
}

fn head_of(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let (length, bytes) = number_of(bytes)?;
    let (hash, rest) = bytes.split_first_chunk()?;
    let hash = Hash(*hash);
    Some((Head { length, hash }, rest))
}

/// The head of a log without links.
fn empty_head() -> Head {
    Head {
        length: 0,
        hash: Hash([0; 32]),
    }
}

/// The format of a store, if it holds anything.
///
/// # Errors
/// It is damaged, or a later one than this program reads.
pub(crate) fn format(entries: &impl Entries) -> Result<Option<u32>, StoreError> {
    let Some(body) = read(entries, Kind::Meta, key::FORMAT)? else {
        let all = Vec::new()..vec![u8::MAX];
        return match entries.range(all, Order::Forward, 1)?.is_empty() {
            true => Ok(None),
            false => Err(damaged(
                key::FORMAT,
                "is missing from a store that is not empty",
            )),
        };
    };
    let version = (*body).try_into().map(u32::from_be_bytes);
    let version = version.map_err(|_| damaged(key::FORMAT, "has the wrong length"))?;
    if version > FORMAT_VERSION {
        let problem = format!(
            "says that the store has format {version}, this program reads formats up to \
             {FORMAT_VERSION}: use the program that wrote it, or a later one"
        );
        return Err(damaged(key::FORMAT, problem));
    }
    Ok(Some(version))
}

/// How many links the audit log of a store has.
pub(crate) fn links(entries: &impl Entries) -> Result<u64, StoreError> {
    match format(entries)? {
        Some(_) => Ok(stored_state(entries)?.head.length),
        None => Ok(0),
    }
}

/// The state of a store as it was written.
pub(crate) fn stored_state(entries: &impl Entries) -> Result<State, StoreError> {
    let body =
        read(entries, Kind::Meta, key::STATE)?.ok_or_else(|| damaged(key::STATE, "is missing"))?;
    State::parse(&body).ok_or_else(|| damaged(key::STATE, "has the wrong length"))
}

/// The stored state, if the last block of links ends where it says.
pub(super) fn state(entries: &impl Entries) -> Result<State, StoreError> {
    let state = stored_state(entries)?;
    let last = entries.range(key::all_links(), Order::Backward, 1)?;
    let end = match last.first() {
        None => empty_head(),
        Some((key, value)) => {
            let block = links::parse(key, &complete(entries, Kind::Links, key, value)?)?;
            block.last().map_or(empty_head(), |link| Head {
                length: link.sequence,
                hash: link.hash,
            })
        }
    };
    if end != state.head {
        let problem = format!(
            "the audit log ends with record {}, its head is record {}",
            end.length, state.head.length
        );
        return Err(damaged(key::STATE, problem));
    }
    Ok(state)
}

/// Where an execution stands, if it has begun.
pub(super) fn standing(
    entries: &impl Entries,
    id: &ExecutionId,
) -> Result<Option<Standing>, StoreError> {
    let last = entries.range(key::records(id, 0), Order::Backward, 1)?;
    let Some((last, value)) = last.first() else {
        return Ok(None);
    };
    let number = key::record_number(last).ok_or_else(|| damaged(last, "has no number"))?;
    let posture = record::posture(entries, id, (last, value))?;
    let key = key::execution(id);
    let body = read(entries, Kind::Execution, &key)?.ok_or_else(|| damaged(&key, "is missing"))?;
    let (_, summary) = standings::split(&key, &body)?;
    let Summary { status, .. } = parse(&key, summary)?;
    let stands = (status, Mark::of(status, posture));
    let next = number.saturating_add(1);
    Ok(Some(Standing::new(next, stands, summary, None)))
}

/// A stored number.
pub(super) fn number(key: &[u8], content: &[u8]) -> Result<u64, StoreError> {
    let bytes = content
        .try_into()
        .map_err(|_| damaged(key, "has the wrong length"))?;
    Ok(u64::from_be_bytes(bytes))
}
