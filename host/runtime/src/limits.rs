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
pub(crate) const HOST_RESOURCES_MAX: usize = 256;
/// Files and directories of the operating system that one attempt holds open.
pub(crate) const OPEN_FILES_MAX: usize = 64;
/// Directories that one attempt lists at once, and entries of each; the host keeps them whole.
pub(crate) const LISTINGS_MAX: usize = 4;
pub(crate) const LISTED_ENTRIES_MAX: usize = 10_000;
/// Names that one attempt looks up at once.
pub(crate) const LOOKUPS_MAX: usize = 4;
/// Handles of the component model, the component's own resources included.
pub(crate) const HANDLES_MAX: usize = 10_000;
/// Bytes a guest may pass to the host in one call, besides its output.
pub(crate) const HOST_CALL_BYTES_MAX: usize = 4 << 20;

/// A limit that an attempt ran into, and the value that held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LimitExceeded {
    /// One that the manifest and the role set.
    Granted { limit: Limit, allowed: u64 },
    /// One that holds for every attempt on this host.
    Fixed { of: &'static str, allowed: usize },
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Granted { limit, allowed } => {
                let (name, allowed) = (limit.name(), limit.text(*allowed));
                write!(
                    formatter,
                    "the limit `{name}` of `{allowed}` is used up; raise `limits.{name}` in the component's manifest and in its role"
                )
            }
            Self::Fixed { of, allowed } => write!(
                formatter,
                "the limit of `{allowed}` {of} is used up; it holds for every attempt, so the component has to do with fewer"
            ),
        }
    }
}

impl std::error::Error for LimitExceeded {}

/// The account of one attempt's memory. What was charged is never given back: the sandbox also
/// reports failed growth that it has not asked for.
pub(crate) struct Memory {
    bytes_max: u64,
    bytes: u64,
    ledger: Arc<Ledger>,
}

impl Memory {
    pub(crate) fn new(bytes_max: u64, ledger: Arc<Ledger>) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            ledger,
        }
    }

    fn grow(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
        unit: usize,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let growth = desired.saturating_sub(current).saturating_mul(unit);
        let growth = u64::try_from(growth).unwrap_or(u64::MAX);
        let bytes = self.bytes.saturating_add(growth);
        if bytes > self.bytes_max {
            let exceeded = LimitExceeded::Granted {
                limit: Limit::Memory,
                allowed: self.bytes_max,
            };
            return Err(wasmtime::Error::new(self.ledger.exceed(exceeded)));
        }
        self.bytes = bytes;
        self.ledger.note_memory(bytes);
        Ok(true)
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(current, desired, maximum, 1)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(current, desired, maximum, size_of::<usize>())
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

#[cfg(test)]
mod tests {
    use asl::{ExecutionId, Timestamp};
    use auth::principal::{Caller, Kind, Principal};
    use ports::StepContext;

    use super::*;

    fn memory(bytes_max: u64) -> Memory {
        let principal = Principal {
            issuer: String::new(),
            subject: String::new(),
            kind: Kind::User,
            groups: Vec::new(),
            display_name: None,
        };
        let context = StepContext {
            execution_arn: String::new(),
            execution: ExecutionId::parse("one").unwrap(),
            state_machine: String::new(),
            state: String::new(),
            component: String::new(),
            attempt: 1,
            idempotency_key: String::new(),
            deadline: Timestamp(0),
            caller: Caller {
                principal,
                actors: Vec::new(),
                method: String::new(),
                authenticated_at: None,
                expires_at: 0,
                token_hash: String::new(),
            },
        };
        Memory::new(bytes_max, Ledger::open(&context).0)
    }

    #[test]
    fn a_failure_that_was_not_asked_for_gives_nothing_back() {
        let mut memory = memory(1_000);
        assert!(memory.memory_growing(0, 900, None).unwrap());
        memory
            .table_grow_failed(wasmtime::Error::msg("overflow"))
            .unwrap();
        memory
            .memory_grow_failed(wasmtime::Error::msg("overflow"))
            .unwrap();
        assert!(memory.memory_growing(0, 100, None).unwrap());
        memory.memory_growing(0, 1, None).unwrap_err();
    }

    #[test]
    fn growth_above_a_declared_maximum_fails_and_costs_nothing() {
        let mut memory = memory(1_000);
        assert!(!memory.memory_growing(0, 900, Some(899)).unwrap());
        assert!(!memory.table_growing(0, usize::MAX, Some(1)).unwrap());
        assert!(memory.memory_growing(0, 1_000, Some(1_000)).unwrap());
    }
}
