//! The sandbox's settings: which WebAssembly is accepted, how instances are pooled, and how
//! running code is interrupted.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::RuntimeConfig;
use crate::limits::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};

/// The guest's own stack; running out of it is a trap.
const STACK_BYTES: usize = 512 << 10;
/// The stack that guest and host calls share.
const FIBER_STACK_BYTES: usize = 1 << 20;
/// Bytes kept of each idle slot, so that a warm attempt need not fault them in again.
const MEMORY_BYTES_KEPT: usize = 256 << 10;
const TABLE_BYTES_KEPT: usize = 16 << 10;
const WARM_SLOTS_MAX: u32 = 32;

pub(crate) fn engine(settings: &RuntimeConfig) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .wasm_component_model(true)
        .wasm_multi_memory(true)
        .wasm_memory64(false)
        .shared_memory(false)
        .max_wasm_stack(STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .memory_init_cow(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(
            settings.attempts_max,
        )));
    Engine::new(&config)
}

fn pool(attempts: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(attempts)
        .total_stacks(attempts)
        .total_core_instances(attempts.saturating_mul(CORE_INSTANCES_MAX))
        .total_memories(attempts.saturating_mul(MEMORIES_MAX))
        .total_tables(attempts.saturating_mul(TABLES_MAX))
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_memories_per_module(MEMORIES_MAX)
        .max_tables_per_module(TABLES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_unused_warm_slots(WARM_SLOTS_MAX)
        .linear_memory_keep_resident(MEMORY_BYTES_KEPT)
        .table_keep_resident(TABLE_BYTES_KEPT)
        // Where the system can tell which pages an attempt wrote, only those are put back, and
        // none of them has to be faulted in again.
        .pagemap_scan(Enabled::Auto);
    pool
}
