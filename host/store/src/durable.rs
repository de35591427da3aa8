//! What readers see: everything that is durable, whether it is in the base yet or not.
//!
//! A group of commits is shown once its frame is synced: its changes stand in a table over the
//! base. A table that has grown is frozen and written to the base behind the readers' backs.

use std::ops::Range;
use std::sync::{
    Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
};

use ports::StoreError;
use sled::IVec;

use crate::base::{Base, sled_failed};
use crate::entries::{Entries, Order};
use crate::snapshot::{Kept, Snapshot};
use crate::table::Table;

/// How many entries are read under one lock.
const CHUNK_ENTRIES: usize = 128;
/// How many keys are looked at for them, most of which may be gone.
const CHUNK_STEPS: usize = 1024;
/// How much is kept for a snapshot that is read, in bytes.
pub(crate) const KEPT_BYTES_MAX: usize = 256 << 20;

/// The open store, as far as it is durable.
pub(crate) struct Durable {
    visible: RwLock<Visible>,
    /// Whether a frozen table is being written to the base.
    is_frozen: Mutex<bool>,
    thawed: Condvar,
    /// What the snapshot that is read has to find in the base.
    kept: Mutex<Weak<Kept>>,
    kept_bytes_max: usize,
}

struct Visible {
    base: Option<Base>,
    /// Later than the base.
    frozen: Option<Arc<Table>>,
    /// Later than the frozen table.
    active: Table,
}

impl Durable {
    /// A base with what the log has beyond it.
    pub(crate) fn new(base: Base, active: Table) -> Self {
        Self {
            visible: RwLock::new(Visible {
                base: Some(base),
                frozen: None,
                active,
            }),
            is_frozen: Mutex::new(false),
            thawed: Condvar::new(),
            kept: Mutex::default(),
            kept_bytes_max: KEPT_BYTES_MAX,
        }
    }

    /// The same, with another bound of what is kept for a snapshot.
    pub(crate) fn keeping(self, kept_bytes_max: usize) -> Self {
        Self {
            kept_bytes_max,
            ..self
        }
    }

    /// Shows what is durable; hands out how large the table is, in bytes.
    pub(crate) fn show(&self, changes: impl IntoIterator<Item = (IVec, Option<IVec>)>) -> usize {
        let mut visible = self.write_lock();
        for (key, value) in changes {
            visible.active.put(key, value);
        }
        visible.active.bytes()
    }

    /// Hands out the table to be written to the base, and begins another; nothing while the one
    /// before is not in the base.
    pub(crate) fn freeze(&self) -> Option<Arc<Table>> {
        let mut is_frozen = self
            .is_frozen
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *is_frozen {
            return None;
        }
        let mut visible = self.write_lock();
        if visible.frozen.is_some() {
            return None;
        }
        *is_frozen = true;
        let table = Arc::new(std::mem::take(&mut visible.active));
        visible.frozen = Some(Arc::clone(&table));
        Some(table)
    }

    /// Lets go of the frozen table, which is in the base or never will be.
    pub(crate) fn thaw(&self, is_written: bool) {
        if is_written {
            let table = self.write_lock().frozen.take();
            drop(table);
        }
        *self
            .is_frozen
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = false;
        self.thawed.notify_all();
    }

    /// Waits while a table is being written to the base.
    pub(crate) fn wait_thawed(&self) {
        let is_frozen = self
            .is_frozen
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        drop(self.thawed.wait_while(is_frozen, |is_frozen| *is_frozen));
    }

    /// Everything as it stands, however much is written while it is read; nothing while another
    /// snapshot is. A snapshot for which too much would have to be kept cannot be read any more.
    pub(crate) fn snapshot(self: &Arc<Self>) -> Option<Snapshot> {
        let visible = self.read_lock();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.upgrade().is_some_and(|kept| kept.is_read()) {
            return None;
        }
        let own = Arc::new(Kept::new(self.kept_bytes_max));
        *kept = Arc::downgrade(&own);
        let mut tables = vec![Arc::new(visible.active.clone())];
        tables.extend(visible.frozen.clone());
        Some(Snapshot::new(Arc::clone(self), tables, own))
    }

    /// What a snapshot has to find in the base, if one is read.
    pub(crate) fn kept(&self) -> Option<Arc<Kept>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.upgrade().filter(|kept| kept.is_read())
    }

    /// Reads the base, beneath every table.
    pub(crate) fn with_base<T>(
        &self,
        read: impl FnOnce(&sled::Tree) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        read(self.read_lock().tree()?)
    }

    /// Ends all reading.
    pub(crate) fn take(&self) -> Option<Base> {
        self.write_lock().base.take()
    }

    // Whoever panicked while holding the lock left each key with what stands under it or before.
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
        entry(visible.tables(), visible.tree()?, key)
    }

    fn range(
        &self,
        range: Range<Vec<u8>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(IVec, IVec)>, StoreError> {
        in_chunks(range, order, limit, |range, size| {
            let visible = self.read_lock();
            chunk(visible.tables(), visible.tree()?, (range, order), size)
        })
    }
}

impl Visible {
    fn tree(&self) -> Result<&sled::Tree, StoreError> {
        self.base
            .as_ref()
            .map(|base| &*base.db)
            .ok_or(StoreError::Closed)
    }

    /// The tables, the latest first.
    fn tables(&self) -> impl Iterator<Item = &Table> {
        [&self.active].into_iter().chain(self.frozen.as_deref())
    }
}

/// What stands under a key in a base with tables over it, the latest first.
pub(crate) fn entry<'a>(
    mut tables: impl Iterator<Item = &'a Table>,
    base: &sled::Tree,
    key: &[u8],
) -> Result<Option<IVec>, StoreError> {
    match tables.find_map(|table| table.get(key)) {
        Some(value) => Ok(value),
        None => base.get(key).map_err(sled_failed),
    }
}

/// What was found under one lock.
pub(crate) struct Chunk {
    found: Vec<(IVec, IVec)>,
    /// The last key that was looked at, if it may not be the last of the range.
    last: Option<IVec>,
}

/// Reads a range in chunks, so that no lock is held for long.
pub(crate) fn in_chunks(
    mut range: Range<Vec<u8>>,
    order: Order,
    limit: usize,
    chunk: impl Fn(&Range<Vec<u8>>, usize) -> Result<Chunk, StoreError>,
) -> Result<Vec<(IVec, IVec)>, StoreError> {
    let mut found = Vec::new();
    while found.len() < limit && range.start < range.end {
        let size = CHUNK_ENTRIES.min(limit - found.len());
        let chunk = chunk(&range, size)?;
        match (chunk.last, order) {
            (None, _) => range.start.clone_from(&range.end),
            (Some(key), Order::Forward) => range.start = crate::key::after(key.to_vec()),
            (Some(key), Order::Backward) => range.end = key.to_vec(),
        }
        found.extend(chunk.found);
    }
    Ok(found)
}

/// The first entries of a range in a base with tables over it, the latest first, as far as a
/// bounded number of steps goes.
pub(crate) fn chunk<'a>(
    tables: impl Iterator<Item = &'a Table>,
    base: &sled::Tree,
    (range, order): (&Range<Vec<u8>>, Order),
    size: usize,
) -> Result<Chunk, StoreError> {
    let tables = tables.map(|table| {
        let changes = table
            .range(range)
            .map(|(key, value)| Ok((key.clone(), value.clone())));
        Source::new(match order {
            Order::Forward => Box::new(changes),
            Order::Backward => Box::new(changes.rev()),
        })
    });
    let written = base.range(range.clone());
    let written = written.map(|entry| {
        entry
            .map(|(key, value)| (key, Some(value)))
            .map_err(sled_failed)
    });
    let base = Source::new(match order {
        Order::Forward => Box::new(written),
        Order::Backward => Box::new(written.rev()),
    });
    let mut sources = tables.chain([base]).collect::<Result<Vec<_>, _>>()?;
    let (mut found, mut last) = (Vec::new(), None);
    for _ in 0..CHUNK_STEPS {
        if found.len() >= size {
            break;
        }
        let Some((key, value)) = merge(&mut sources, order)? else {
            return Ok(Chunk { found, last: None });
        };
        last = Some(key.clone());
        found.extend(value.map(|value| (key, value)));
    }
    Ok(Chunk { found, last })
}

type Known = (IVec, Option<IVec>);

/// Entries in the order of reading, the next of which is at hand.
struct Source<'a> {
    next: Option<Known>,
    rest: Box<dyn Iterator<Item = Result<Known, StoreError>> + 'a>,
}

impl<'a> Source<'a> {
    fn new(
        mut rest: Box<dyn Iterator<Item = Result<Known, StoreError>> + 'a>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            next: rest.next().transpose()?,
            rest,
        })
    }

    fn take(&mut self) -> Result<Option<Known>, StoreError> {
        let next = self.rest.next().transpose()?;
        Ok(std::mem::replace(&mut self.next, next))
    }
}

/// The next key, with what the latest source that knows it says.
fn merge(sources: &mut [Source<'_>], order: Order) -> Result<Option<Known>, StoreError> {
    let keys = sources.iter().filter_map(|source| source.next.as_ref());
    let keys = keys.map(|(key, _)| key);
    let next = match order {
        Order::Forward => keys.min(),
        Order::Backward => keys.max(),
    };
    let Some(next) = next.cloned() else {
        return Ok(None);
    };
    let mut found = None;
    for source in sources {
        if source.next.as_ref().is_some_and(|(key, _)| *key == next) {
            let known = source.take()?;
            found = found.or(known);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
