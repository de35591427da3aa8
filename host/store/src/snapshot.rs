//! Everything as it stood at one moment, to be read while commits go on.
//!
//! The tables of that moment are kept whole. What the base held then is kept key by key, as the
//! flusher writes over it: a snapshot costs memory only for what is written while it is read, and
//! is given up where that becomes too much.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ports::StoreError;
use sled::IVec;

use crate::durable::{Durable, chunk, entry, in_chunks};
use crate::entries::{Entries, Order};
use crate::folder::failure;
use crate::table::Table;

/// A view of the store at one moment. Only one is read at a time.
pub(crate) struct Snapshot {
    durable: Arc<Durable>,
    /// The latest first.
    tables: Vec<Arc<Table>>,
    kept: Arc<Kept>,
}

/// What the base held under the keys that were written since.
pub(crate) struct Kept {
    table: Mutex<Table>,
    /// How much may be kept, in bytes.
    bytes_max: usize,
    /// Whether more would have had to be kept, so that the snapshot cannot be read any more.
    is_lost: AtomicBool,
    /// Whether its snapshot is gone; the flusher may hold on to it a little longer.
    is_over: AtomicBool,
}

impl Kept {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            table: Mutex::default(),
            bytes_max,
            is_lost: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        }
    }

    /// Whether its snapshot is still read, and can be.
    pub(crate) fn is_read(&self) -> bool {
        !self.is_over.load(Ordering::Acquire) && !self.is_lost.load(Ordering::Acquire)
    }

    /// Holds still what the base has, while it is read or written.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the snapshot up if `table`, which [`Self::lock`] handed out, has become too large.
    pub(crate) fn bound(&self, table: &mut Table) {
        if table.bytes() > self.bytes_max {
            self.is_lost.store(true, Ordering::Release);
            *table = Table::default();
        }
    }

    fn read(&self) -> Result<MutexGuard<'_, Table>, StoreError> {
        let table = self.lock();
        match self.is_lost.load(Ordering::Acquire) {
            false => Ok(table),
            true => Err(failure(format!(
                "a backup was read too slowly: {} bytes of what was written over meanwhile are kept for it at the \
                 most, begin another one",
                self.bytes_max
            ))),
        }
    }
}

impl Snapshot {
    pub(crate) fn new(durable: Arc<Durable>, tables: Vec<Arc<Table>>, kept: Arc<Kept>) -> Self {
        Self {
            durable,
            tables,
            kept,
        }
    }

    fn tables<'a>(&'a self, kept: &'a Table) -> impl Iterator<Item = &'a Table> {
        self.tables.iter().map(|table| &**table).chain([kept])
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.kept.is_over.store(true, Ordering::Release);
    }
}

impl Entries for Snapshot {
    fn entry(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        let kept = self.kept.read()?;
        self.durable
            .with_base(|base| entry(self.tables(&kept), base, key))
    }

    fn range(
        &self,
        range: Range<Vec<u8>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(IVec, IVec)>, StoreError> {
        in_chunks(range, order, limit, |range, size| {
            let kept = self.kept.read()?;
            self.durable
                .with_base(|base| chunk(self.tables(&kept), base, (range, order), size))
        })
    }
}

#[cfg(test)]
mod tests;
