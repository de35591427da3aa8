//! The limits of one attempt, and the account of its memory.
//!
//! Memory is the sum over every linear memory and table of the attempt. Time, processor time
//! and output are watched by the attempt itself, logs and requests by their capabilities.

use std::fmt;
use std::sync::Arc;

use auth::capability::Limit;
use wasmtime::ResourceLimiter;

use crate::ledger::Ledger;

/// Core instances, linear memories and tables that one component may have.
pub(crate) const CORE_INSTANCES_MAX: u32 = 64;
pub(crate) const MEMORIES_MAX: u32 = 8;
pub(crate) const TABLES_MAX: u32 = 64;
/// Elements of one table; the pool reserves address space for them.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 100_000;
/// Things the host keeps on a guest's behalf: streams, requests, descriptors, pollables.
pub(crate) const HOST_RESOURCES_MAX: usize = 1_000;
/// Handles of the component model, the component's own resources included.
pub(crate) const HANDLES_MAX: usize = 10_000;
/// Bytes a guest may pass to the host in one call, besides its output.
pub(crate) const HOST_CALL_BYTES_MAX: usize = 4 << 20;

/// A limit that an attempt ran into, and the value that held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitExceeded {
    pub(crate) limit: Limit,
    pub(crate) allowed: u64,
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, allowed) = (self.limit.name(), self.limit.text(self.allowed));
        write!(
            formatter,
            "the limit `{name}` of `{allowed}` is used up; raise `limits.{name}` in the component's manifest and in its role"
        )
    }
}

impl std::error::Error for LimitExceeded {}

/// The account of one attempt's memory.
pub(crate) struct Memory {
    bytes_max: u64,
    bytes: u64,
    pending: u64,
    ledger: Arc<Ledger>,
}

impl Memory {
    pub(crate) fn new(bytes_max: u64, ledger: Arc<Ledger>) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            pending: 0,
            ledger,
        }
    }

    fn grow(&mut self, current: usize, desired: usize, unit: usize) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current).saturating_mul(unit);
        let growth = u64::try_from(growth).unwrap_or(u64::MAX);
        let bytes = self.bytes.saturating_add(growth);
        if bytes > self.bytes_max {
            let exceeded = LimitExceeded {
                limit: Limit::Memory,
                allowed: self.bytes_max,
            };
            return Err(wasmtime::Error::new(self.ledger.exceed(exceeded)));
        }
        self.bytes = bytes;
        self.pending = growth;
        self.ledger.note_memory(bytes);
        Ok(true)
    }

    fn give_back(&mut self) {
        self.bytes = self.bytes.saturating_sub(self.pending);
        self.pending = 0;
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(current, desired, 1)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.give_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(current, desired, size_of::<usize>())
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.give_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX as usize
    }

    fn tables(&self) -> usize {
        TABLES_MAX as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX as usize
    }
}
