//! Pages of executions, each from the list that serves its filter.
//!
//! An execution stands in one list of its state machine, and in one of all, by its status; lists
//! are sorted by id, which is by time of start. Listing every status merges five such lists.

use std::collections::BTreeMap;
use std::ops::Range;

use asl::{ExecutionId, Status};
use ports::{Description, ExecutionFilter, ListCursor, Page, StoreError, Summary};

use super::{PAGE_ENTRIES, holder_of, standing};
use crate::entries::{Entries, Order, complete};
use crate::envelope::{Kind, damaged};
use crate::key;
use crate::prepare::refused;

/// How many names one page looks at before it hands out what it found.
const EXAMINED_MAX: usize = 1024;

/// The running first: one that ends meanwhile is then found among the ended, if not there.
const STATUSES: [Status; 5] = [
    Status::Running,
    Status::Succeeded,
    Status::Failed,
    Status::TimedOut,
    Status::Aborted,
];

/// A page of executions.
pub(crate) fn executions(
    entries: &impl Entries,
    filter: &ExecutionFilter,
    cursor: Option<&ListCursor>,
    limit: usize,
) -> Result<Page<Description, ListCursor>, StoreError> {
    match (&filter.machine_arn, &filter.name_prefix, cursor) {
        (_, None, None) => by_start(entries, filter, None, limit),
        (_, None, Some(ListCursor::Before(id))) => by_start(entries, filter, Some(id), limit),
        (Some(arn), Some(prefix), None) => by_name(entries, (arn, prefix), filter, None, limit),
        (Some(arn), Some(prefix), Some(ListCursor::Behind(name))) => {
            by_name(entries, (arn, prefix), filter, Some(name), limit)
        }
        (None, Some(_), _) => Err(refused("a name prefix needs a state machine")),
        (_, _, Some(_)) => Err(refused("the cursor is that of another listing")),
    }
}

fn by_start(
    entries: &impl Entries,
    filter: &ExecutionFilter,
    before: Option<&ExecutionId>,
    limit: usize,
) -> Result<Page<Description, ListCursor>, StoreError> {
    let arn = filter.machine_arn.as_deref();
    let statuses: &[Status] = filter
        .status
        .as_ref()
        .map_or(&STATUSES, std::slice::from_ref);
    let lists: Vec<_> = statuses
        .iter()
        .map(|status| key::listing(arn, *status))
        .collect();
    let mut ids = ids(filter, before);
    let mut items = Vec::new();
    loop {
        let wanted = limit.saturating_sub(items.len()).saturating_add(1);
        let round = merged(entries, &lists, &ids, wanted.min(PAGE_ENTRIES))?;
        for (id, list) in round.found.iter().rev() {
            if items.len() >= limit {
                let last = ExecutionId::parse(&String::from_utf8_lossy(&ids.end));
                let next = last.or_else(|| before.cloned()).map(ListCursor::Before);
                return Ok(Page { items, next });
            }
            ids.end = id.as_str().as_bytes().to_vec();
            items.extend(listed(entries, filter, id, list)?);
        }
        if round.is_last {
            return Ok(Page { items, next: None });
        }
    }
}

/// The ids that a page may hold, as they begin.
fn ids(filter: &ExecutionFilter, before: Option<&ExecutionId>) -> Range<Vec<u8>> {
    let start = filter.started_from.map(key::started).unwrap_or_default();
    let mut end = filter.started_before.map_or(vec![u8::MAX], key::started);
    if let Some(before) = before {
        end = end.min(before.as_str().as_bytes().to_vec());
    }
    start..end
}

struct Round<'a> {
    /// Each with the list it was found in.
    found: BTreeMap<ExecutionId, &'a [u8]>,
    is_last: bool,
}

/// The last ids of several lists, without a gap between them.
fn merged<'a>(
    entries: &impl Entries,
    lists: &'a [Vec<u8>],
    ids: &Range<Vec<u8>>,
    wanted: usize,
) -> Result<Round<'a>, StoreError> {
    let mut found = BTreeMap::new();
    let mut floor = None;
    for list in lists {
        let range = [list.as_slice(), &ids.start].concat()..[list.as_slice(), &ids.end].concat();
        let page = entries.range(range, Order::Backward, wanted)?;
        let mut last = None;
        for (key, value) in &page {
            complete(entries, Kind::Mark, key, value)?;
            let id = key.strip_prefix(list.as_slice()).and_then(parse_id);
            let id = id.ok_or_else(|| damaged(key, "does not name an execution"))?;
            found.insert(id.clone(), list.as_slice());
            last = Some(id);
        }
        if page.len() == wanted {
            floor = floor.max(last);
        }
    }
    if let Some(floor) = &floor {
        found = found.split_off(floor);
    }
    Ok(Round {
        found,
        is_last: floor.is_none(),
    })
}

fn parse_id(bytes: &[u8]) -> Option<ExecutionId> {
    ExecutionId::parse(std::str::from_utf8(bytes).ok()?)
}

/// What stands in a list under `id`; nothing if it has expired or stands otherwise by now.
fn listed(
    entries: &impl Entries,
    filter: &ExecutionFilter,
    id: &ExecutionId,
    list: &[u8],
) -> Result<Option<Description>, StoreError> {
    let Some((start, summary)) = standing(entries, id)? else {
        let mark = [list, id.as_str().as_bytes()].concat();
        return match entries.entry(&mark)? {
            Some(_) => Err(damaged(&key::execution(id), "is missing")),
            None => Ok(None),
        };
    };
    Ok(has_status(&summary, filter.status).then_some(Description {
        start,
        summary,
        input: None,
        output: None,
    }))
}

fn has_status(summary: &Summary, wanted: Option<Status>) -> bool {
    wanted.is_none_or(|status| status == summary.status)
}

/// Names that begin alike stand together, in their order; the rest of the filter is asked of each.
fn by_name(
    entries: &impl Entries,
    (arn, prefix): (&str, &str),
    filter: &ExecutionFilter,
    behind: Option<&str>,
    limit: usize,
) -> Result<Page<Description, ListCursor>, StoreError> {
    let (all, mut range) = key::names(arn, prefix);
    if let Some(behind) = behind {
        range.start = range.start.max(key::after(key::name(arn, behind)));
    }
    let mut items = Vec::new();
    let mut examined = 0;
    let mut last = behind.map(str::to_owned);
    loop {
        let wanted = limit.saturating_sub(items.len()).saturating_add(1);
        let wanted = wanted.min(PAGE_ENTRIES);
        let page = entries.range(range.clone(), Order::Forward, wanted)?;
        for (key, value) in &page {
            if items.len() >= limit || examined >= EXAMINED_MAX {
                let next = last.map(ListCursor::Behind);
                return Ok(Page { items, next });
            }
            examined += 1;
            range.start = key::after(key.to_vec());
            let holder = holder_of(key, &complete(entries, Kind::Name, key, value)?)?;
            let name = key.strip_prefix(all.as_slice()).map(<[u8]>::to_vec);
            let name = name.and_then(|name| String::from_utf8(name).ok());
            last = Some(name.ok_or_else(|| damaged(key, "is not a name"))?);
            items.extend(named(entries, filter, key, &holder)?);
        }
        if page.len() < wanted {
            return Ok(Page { items, next: None });
        }
    }
}

/// The holder of a name, if the filter lets it through.
fn named(
    entries: &impl Entries,
    filter: &ExecutionFilter,
    key: &[u8],
    id: &ExecutionId,
) -> Result<Option<Description>, StoreError> {
    let Some((start, summary)) = standing(entries, id)? else {
        return match entries.entry(key)? {
            Some(_) => Err(damaged(&key::execution(id), "is missing")),
            None => Ok(None),
        };
    };
    let at = start.header.started_at;
    let is_wanted = has_status(&summary, filter.status)
        && filter.started_from.is_none_or(|from| at >= from)
        && filter.started_before.is_none_or(|before| at < before);
    Ok(is_wanted.then_some(Description {
        start,
        summary,
        input: None,
        output: None,
    }))
}
