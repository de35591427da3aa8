//! Ended executions in the order in which they expire.

use asl::{ExecutionId, Status};
use ports::{Ended, EndedOrder, EndedPage, Expirable, Key, StoreError};

use super::{parse_standing, standing};
use crate::entries::{Entries, Order, complete};
use crate::envelope::{Kind, damaged};
use crate::key;
use crate::ledger::stored_state;

/// Those beyond `beyond`, and how many there are in all.
pub(crate) fn ended(
    entries: &impl Entries,
    order: EndedOrder,
    beyond: Option<&Ended>,
    limit: usize,
) -> Result<EndedPage, StoreError> {
    let count = stored_state(entries)?.ended;
    let mut range = key::all_ended();
    let order = match order {
        EndedOrder::OldestFirst => {
            if let Some(beyond) = beyond {
                range.start = key::after(key::ended(beyond));
            }
            Order::Forward
        }
        EndedOrder::NewestFirst => {
            if let Some(beyond) = beyond {
                range.end = key::ended(beyond);
            }
            Order::Backward
        }
    };
    let mut items = Vec::new();
    for (key, value) in entries.range(range, order, limit)? {
        complete(entries, Kind::Mark, &key, &value)?;
        let ended = key::dated_mark(&key);
        let ended = ended.ok_or_else(|| damaged(&key, "does not name an execution"))?;
        let Some((start, _)) = standing(entries, &ended.id)? else {
            if entries.entry(&key)?.is_none() {
                continue;
            }
            return Err(damaged(&key::execution(&ended.id), "is missing"));
        };
        let is_held = match &start.selection.parent {
            Some(parent) => is_running(entries, &parent.execution)?,
            None => false,
        };
        items.push(Expirable {
            ended,
            arn: start.header.arn,
            machine: start.header.machine_name,
            is_held,
        });
    }
    Ok(EndedPage { items, count })
}

fn is_running(entries: &impl Entries, id: &ExecutionId) -> Result<bool, StoreError> {
    let mark = key::listed(None, Status::Running, id);
    Ok(entries.entry(&mark)?.is_some())
}

/// The revisions that executions refer to.
pub(crate) fn revisions_used(
    entries: &impl Entries,
    after: Option<&ExecutionId>,
    limit: usize,
) -> Result<Vec<(ExecutionId, Key)>, StoreError> {
    let mut range = key::executions();
    if let Some(after) = after {
        range.start = key::after(key::execution(after));
    }
    let found = entries.range(range, Order::Forward, limit)?;
    let used = found.iter().map(|(key, value)| {
        let id = key::marked(key).ok_or_else(|| damaged(key, "does not name an execution"))?;
        let body = complete(entries, Kind::Execution, key, value)?;
        let (start, _) = parse_standing(key, &body)?;
        Ok((id, start.machine))
    });
    used.collect()
}

/// Those that expired but still have records.
pub(crate) fn leftovers(entries: &impl Entries, limit: usize) -> Result<Vec<Ended>, StoreError> {
    let found = entries.range(key::leftovers(), Order::Forward, limit)?;
    let ended = found.iter().map(|(key, value)| {
        complete(entries, Kind::Mark, key, value)?;
        key::dated_mark(key).ok_or_else(|| damaged(key, "does not name an execution"))
    });
    ended.collect()
}
