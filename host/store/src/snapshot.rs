//! Everything as it stood at one moment, to be read while commits go on.
//!
//! The tables of that moment are kept whole. What the base held then is kept key by key, as the
//! flusher writes over it: a snapshot costs memory only for what is written while it is read.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ports::StoreError;
use sled::IVec;

use crate::durable::{Durable, chunk, entry, in_chunks};
use crate::entries::{Entries, Order};
use crate::table::Table;

/// A view of the store at one moment. Only one is read at a time.
pub(crate) struct Snapshot {
    durable: Arc<Durable>,
    /// The latest first.
    tables: Vec<Arc<Table>>,
    kept: Arc<Kept>,
}

/// What the base held under the keys that were written since.
#[derive(Default)]
pub(crate) struct Kept {
    table: Mutex<Table>,
    /// Whether its snapshot is gone; the flusher may hold on to it a little longer.
    is_over: AtomicBool,
}

impl Kept {
    /// Whether its snapshot is still read.
    pub(crate) fn is_read(&self) -> bool {
        !self.is_over.load(Ordering::Acquire)
    }

    /// Holds still what the base has, while it is read or written.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
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
        let kept = self.kept.lock();
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
            let kept = self.kept.lock();
            self.durable
                .with_base(|base| chunk(self.tables(&kept), base, (range, order), size))
        })
    }
}

#[cfg(test)]
mod tests;
