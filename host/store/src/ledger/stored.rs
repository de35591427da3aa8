//! What the ledger starts from, as it is stored.

use asl::{ExecutionId, Posture};
use auth::authority::AuthorityVersion;
use ports::{Hash, Head, StoreError, Summary};
use serde::Deserialize;

use crate::entries::{Entries, Order, complete, parse, read};
use crate::envelope::{Kind, damaged};
use crate::key;
use crate::links;
use crate::standings::{self, Mark, Standing};

/// The head of a log without links.
pub(super) fn empty_head() -> Head {
    Head {
        length: 0,
        hash: Hash([0; 32]),
    }
}

/// The audit head of a store.
pub(crate) fn stored_head(entries: &impl Entries) -> Result<Head, StoreError> {
    Ok(split(entries)?.1)
}

/// The stored form: authority version, number of links, hash of the last.
pub(super) fn join(authority: AuthorityVersion, head: &Head) -> Vec<u8> {
    let (authority, length) = (authority.0.to_be_bytes(), head.length.to_be_bytes());
    [authority.as_slice(), &length, &head.hash.0].concat()
}

fn split(entries: &impl Entries) -> Result<(AuthorityVersion, Head), StoreError> {
    let body =
        read(entries, Kind::Meta, key::STATE)?.ok_or_else(|| damaged(key::STATE, "is missing"))?;
    let parse = |bytes: &[u8]| {
        let (authority, bytes) = bytes.split_first_chunk()?;
        let (length, hash) = bytes.split_first_chunk()?;
        let head = Head {
            length: u64::from_be_bytes(*length),
            hash: Hash(hash.try_into().ok()?),
        };
        Some((AuthorityVersion(u64::from_be_bytes(*authority)), head))
    };
    parse(&body).ok_or_else(|| damaged(key::STATE, "has the wrong length"))
}

/// The stored state, if the last block of links ends where it says.
pub(super) fn state(entries: &impl Entries) -> Result<(AuthorityVersion, Head), StoreError> {
    let (authority, head) = split(entries)?;
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
    if end != head {
        let problem = format!(
            "the audit log ends with record {}, its head is record {}",
            end.length, head.length
        );
        return Err(damaged(key::STATE, problem));
    }
    Ok((authority, head))
}

/// What of a record says where its execution is listed.
#[derive(Deserialize)]
struct Listing {
    #[serde(default)]
    posture: Posture,
}

/// Where an execution stands, if it has begun.
pub(super) fn standing(
    entries: &impl Entries,
    id: &ExecutionId,
) -> Result<Option<Standing>, StoreError> {
    let last = entries.range(key::records(id, 0), Order::Backward, 1)?;
    let Some((record, value)) = last.first() else {
        return Ok(None);
    };
    let number = key::record_number(record).ok_or_else(|| damaged(record, "has no number"))?;
    let Listing { posture } = complete(entries, Kind::Record, record, value)?.parse(record)?;
    let key = key::execution(id);
    let body = read(entries, Kind::Execution, &key)?.ok_or_else(|| damaged(&key, "is missing"))?;
    let (_, summary) = standings::split(&key, &body)?;
    let Summary { status, .. } = parse(&key, summary)?;
    Ok(Some(Standing::new(
        number.saturating_add(1),
        Mark::of(status, posture),
        summary,
    )))
}

/// A stored number.
pub(super) fn number(key: &[u8], content: &[u8]) -> Result<u64, StoreError> {
    let bytes = content
        .try_into()
        .map_err(|_| damaged(key, "has the wrong length"))?;
    Ok(u64::from_be_bytes(bytes))
}
