//! The thread that writes frozen tables to the base.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Instant;

use crate::base::{BaseWriter, panicked};
use crate::durable::Durable;
use crate::metrics::Metrics;
use crate::table::Table;
use crate::writer::Failure;

/// A table to be written, and the number of the last frame of the log that is in it.
pub(crate) struct Frozen {
    pub(crate) table: Arc<Table>,
    pub(crate) through: u64,
}

/// Writes tables to the base, one after the other.
pub(crate) struct Flusher {
    pub(crate) base: BaseWriter,
    pub(crate) durable: Arc<Durable>,
    pub(crate) tables: Receiver<Frozen>,
    /// The number of the last frame that is in the base.
    pub(crate) applied: Arc<AtomicU64>,
    pub(crate) failure: Failure,
    pub(crate) metrics: Metrics,
}

impl Flusher {
    /// Writes until nobody can send any more, or until a write fails: what is acknowledged is in
    /// the log all the same, and readers see it.
    pub(crate) fn run(self) {
        while let Ok(Frozen { table, through }) = self.tables.recv() {
            let begun = Instant::now();
            let written = catch_unwind(AssertUnwindSafe(|| {
                self.base.write(&table, through, &self.durable)
            }));
            match written {
                Ok(Ok(())) => {
                    self.applied.store(through, Ordering::Release);
                    self.metrics.flushed(table.bytes(), begun.elapsed());
                }
                Ok(Err(error)) => self.failure.set(error),
                Err(payload) => self.failure.set(panicked(&*payload)),
            }
            let is_written = self.failure.get().is_none();
            self.durable.thaw(is_written);
            if !is_written {
                return;
            }
        }
    }
}
