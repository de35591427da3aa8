//! The audit log, page by page, as far as it is kept.

use asl::Timestamp;
use ports::{AuditPage, AuditRecord, Head, Sealed, StoreError};

use super::PAGE_ENTRIES;
use crate::entries::{Entries, Order, complete, parse};
use crate::envelope::Kind;
use crate::key;
use crate::ledger::{State, stored_state};
use crate::links;
use crate::removal::BLOCKS_MAX;

/// Links after a sequence, between the ends of the log as they were before they were read.
pub(crate) fn audit(
    entries: &impl Entries,
    after: u64,
    limit: usize,
) -> Result<AuditPage, StoreError> {
    let mut state = stored_state(entries)?;
    loop {
        let after = after.max(state.anchor.length);
        let links = links_after(entries, after, state.head.length, limit)?;
        // What was pruned meanwhile is missing at the front.
        let now = stored_state(entries)?;
        if now.anchor.length <= after {
            let State { anchor, head, .. } = state;
            return Ok(AuditPage {
                links,
                anchor,
                head,
            });
        }
        state = now;
    }
}

fn links_after(
    entries: &impl Entries,
    after: u64,
    end: u64,
    limit: usize,
) -> Result<Vec<Sealed>, StoreError> {
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
                .filter(|link| (first..=end).contains(&link.sequence));
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
    Ok(found)
}

/// The last link of the last of the first blocks that are wholly older than `before`; never that
/// of the last block.
pub(crate) fn prunable(
    entries: &impl Entries,
    before: Timestamp,
) -> Result<Option<Head>, StoreError> {
    let blocks = entries.range(
        key::all_links(),
        Order::Forward,
        BLOCKS_MAX.saturating_add(1),
    )?;
    let mut anchor = None;
    let old = blocks.len().saturating_sub(1);
    for (key, value) in blocks.iter().take(old) {
        let block = links::parse(key, &complete(entries, Kind::Links, key, value)?)?;
        let Some(last) = block.last() else { break };
        if sealed_at(key, last)? >= before {
            break;
        }
        anchor = Some(Head {
            length: last.sequence,
            hash: last.hash,
        });
    }
    Ok(anchor)
}

/// When the oldest link that is kept was sealed.
pub(crate) fn oldest_link(entries: &impl Entries) -> Result<Option<Timestamp>, StoreError> {
    let blocks = entries.range(key::all_links(), Order::Forward, 1)?;
    let Some((key, value)) = blocks.first() else {
        return Ok(None);
    };
    let block = links::parse(key, &complete(entries, Kind::Links, key, value)?)?;
    block.last().map(|last| sealed_at(key, last)).transpose()
}

fn sealed_at(key: &[u8], link: &Sealed) -> Result<Timestamp, StoreError> {
    let record: AuditRecord = parse(key, link.body.as_bytes())?;
    Ok(record.at)
}
