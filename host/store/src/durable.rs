//! What readers see: the tree without what is written but not yet synced.
//!
//! A write announces its keys with what is durable under them before it touches the tree, and
//! withdraws them once it is synced. A failed write never withdraws them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ports::StoreError;
use sled::IVec;

use crate::disk::{Disk, DiskWriter, SyncData, sled_failed};
use crate::entries::{Entries, Order};

/// How many entries are read under one lock.
const CHUNK_ENTRIES: usize = 128;

/// Keys that are being written, with what is durable under them.
pub(crate) type Pending = HashMap<IVec, Option<IVec>>;

/// The open store, as far as it is durable.
pub(crate) struct Durable {
    visible: RwLock<Visible>,
}

struct Visible {
    disk: Option<Disk>,
    pending: Pending,
}

impl Durable {
    pub(crate) fn new(disk: Disk) -> Self {
        Self {
            visible: RwLock::new(Visible {
                disk: Some(disk),
                pending: Pending::new(),
            }),
        }
    }

    /// The means to write; see [`Disk::writer`].
    pub(crate) fn writer(&self, links: u64, sync_data: SyncData) -> Result<DiskWriter, StoreError> {
        let visible = self.read_lock();
        visible
            .disk
            .as_ref()
            .ok_or(StoreError::Closed)?
            .writer(links, sync_data)
    }

    /// Hides a write that is about to begin.
    pub(crate) fn announce(&self, pending: Pending) {
        self.write_lock().pending = pending;
    }

    /// Shows a write that is durable.
    pub(crate) fn withdraw(&self) {
        let shown = std::mem::take(&mut self.write_lock().pending);
        drop(shown);
    }

    /// Ends all reading.
    pub(crate) fn take(&self) -> Option<Disk> {
        self.write_lock().disk.take()
    }

    // Whoever panicked while holding the lock had not changed anything: each change is one store.
    fn read_lock(&self) -> RwLockReadGuard<'_, Visible> {
        self.visible.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_lock(&self) -> RwLockWriteGuard<'_, Visible> {
        self.visible.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries for Durable {
    fn entry(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        let visible = self.read_lock();
        match visible.pending.get(key) {
            Some(before) => Ok(before.clone()),
            None => visible.tree()?.get(key).map_err(sled_failed),
        }
    }

    fn range(
        &self,
        mut range: Range<Vec<u8>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(IVec, IVec)>, StoreError> {
        let mut found = Vec::new();
        while found.len() < limit && range.start < range.end {
            let size = CHUNK_ENTRIES.min(limit - found.len());
            let chunk = self.read_lock().chunk(&mut range, order, size)?;
            found.extend(chunk);
        }
        found.truncate(limit);
        Ok(found)
    }
}

impl Visible {
    fn tree(&self) -> Result<&sled::Tree, StoreError> {
        self.disk
            .as_ref()
            .map(|disk| &*disk.db)
            .ok_or(StoreError::Closed)
    }

    /// The durable entries of the first part of `range`, which is cut off it.
    fn chunk(
        &self,
        range: &mut Range<Vec<u8>>,
        order: Order,
        size: usize,
    ) -> Result<Vec<(IVec, IVec)>, StoreError> {
        let mut entries = self.tree()?.range(range.clone());
        let next = || match order {
            Order::Forward => entries.next(),
            Order::Backward => entries.next_back(),
        };
        let written = std::iter::from_fn(next).take(size);
        let mut chunk = written
            .collect::<Result<Vec<_>, _>>()
            .map_err(sled_failed)?;
        let covered = cut(range, order, &chunk, size);
        if !self.pending.is_empty() {
            chunk.retain(|(key, _)| !self.pending.contains_key(key));
            let hidden = self
                .pending
                .iter()
                .filter_map(|(key, before)| Some((key, before.as_ref()?)));
            let is_covered =
                |key: &[u8]| covered.start.as_slice() <= key && key < covered.end.as_slice();
            let hidden = hidden.filter(|(key, _)| is_covered(key));
            chunk.extend(hidden.map(|(key, before)| (key.clone(), before.clone())));
            chunk.sort_by(|(left, _), (right, _)| match order {
                Order::Forward => left.cmp(right),
                Order::Backward => right.cmp(left),
            });
        }
        Ok(chunk)
    }
}

/// Cuts off `range` what a `chunk` of `size` entries covers, or all of it if it has fewer.
fn cut(
    range: &mut Range<Vec<u8>>,
    order: Order,
    chunk: &[(IVec, IVec)],
    size: usize,
) -> Range<Vec<u8>> {
    let last = chunk.last().filter(|_| chunk.len() == size);
    let rest = match (last, order) {
        (None, _) => range.end.clone()..range.end.clone(),
        (Some((key, _)), Order::Forward) => crate::key::after(key.to_vec())..range.end.clone(),
        (Some((key, _)), Order::Backward) => range.start.clone()..key.to_vec(),
    };
    let whole = std::mem::replace(range, rest);
    match (last, order) {
        (None, _) => whole,
        (Some(_), Order::Forward) => whole.start..range.start.clone(),
        (Some(_), Order::Backward) => range.end.clone()..whole.end,
    }
}

#[cfg(test)]
mod tests;
