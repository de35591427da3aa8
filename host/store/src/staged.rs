//! The changes of a group of commits before they are written, seen by the commits that follow.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use ports::StoreError;
use sled::IVec;

use crate::entries::{Entries, Order};
use crate::envelope::Entry;
use crate::links::LinkBlocks;

/// Everything one write will change.
#[derive(Default)]
pub(crate) struct Staged {
    /// What stands under each key afterwards, in no order.
    pub(crate) changes: HashMap<IVec, Option<IVec>>,
    /// Parts of long values.
    pub(crate) parts: HashMap<IVec, IVec>,
    pub(crate) links: LinkBlocks,
}

impl Staged {
    /// Adds or replaces an entry.
    pub(crate) fn put(&mut self, entry: Entry) {
        for (key, value) in entry.parts {
            // Parts of the same content that the same write was to remove.
            match self.changes.get_mut(&key) {
                Some(change) => *change = Some(value),
                None => drop(self.parts.insert(key, value)),
            }
        }
        self.changes.insert(entry.key, Some(entry.value));
    }

    /// Removes an entry.
    pub(crate) fn remove(&mut self, key: IVec) {
        self.parts.remove(&key);
        self.changes.insert(key, None);
    }

    /// Closes the blocks of links.
    pub(crate) fn finish(mut self) -> Self {
        for block in std::mem::take(&mut self.links).finish() {
            self.put(block);
        }
        self
    }
}

/// What will be durable once everything staged is written.
pub(crate) struct Overlay<'a, E> {
    pub(crate) staged: &'a Staged,
    pub(crate) entries: &'a E,
}

impl<E: Entries> Overlay<'_, E> {
    /// The first keys of a range as they will be, at most `limit`. Looks at everything staged.
    pub(crate) fn merged(
        &self,
        range: Range<Vec<u8>>,
        limit: usize,
    ) -> Result<Vec<IVec>, StoreError> {
        let staged = self.staged.changes.iter();
        let is_inside = |key: &IVec| *range.start <= **key && **key < *range.end;
        let staged: Vec<_> = staged.filter(|(key, _)| is_inside(key)).collect();
        let read = limit.saturating_add(staged.len());
        let durable = self.entries.range(range.clone(), Order::Forward, read)?;
        let mut keys: BTreeSet<_> = durable.into_iter().map(|(key, _)| key).collect();
        for (key, change) in staged {
            match change {
                Some(_) => drop(keys.insert(key.clone())),
                None => drop(keys.remove(key)),
            }
        }
        Ok(keys.into_iter().take(limit).collect())
    }
}

impl<E: Entries> Entries for Overlay<'_, E> {
    fn entry(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        if let Some(change) = self.staged.changes.get(key) {
            return Ok(change.clone());
        }
        match self.staged.parts.get(key) {
            Some(part) => Ok(Some(part.clone())),
            None => self.entries.entry(key),
        }
    }

    /// Only what is durable: nothing is listed while a group of commits is admitted but
    /// executions that were not written in it.
    fn range(
        &self,
        range: Range<Vec<u8>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(IVec, IVec)>, StoreError> {
        self.entries.range(range, order, limit)
    }
}
