//! What the host holds itself to, and what would be clearly ahead of its peers.
//!
//! The peers' figures were measured on two cores of a machine like the one of
//! `docs/benchmarks.md`: absolute values mean little elsewhere.

/// Whose target it is.
pub(crate) const PROMISE: &str = "promised";
/// Clearly ahead of the best durable peer (Restate, DBOS, Obelisk).
pub(crate) const AHEAD: &str = "clearly ahead of peers";

/// Workflows of ten durable steps a second, by how many run at once.
pub(crate) const TEN_STEPS_PER_S: [(usize, f64); 4] =
    [(1, 125.0), (16, 500.0), (64, 1_000.0), (256, 1_300.0)];
/// Ten durable steps one after another, in milliseconds: median and 99th percentile.
pub(crate) const TEN_STEPS_MS: (f64, f64) = (8.0, 20.0);
/// CPU time of one durable step, in microseconds.
pub(crate) const STEP_CPU_US: f64 = 130.0;
/// What a Task may cost beside its sync when nothing else runs, in milliseconds.
pub(crate) const TASK_MS: f64 = 0.2;
/// How much more than syncs and [`TASK_MS`] a workflow may take when nothing else runs.
pub(crate) const WORKFLOW_FACTOR: f64 = 1.5;
/// A warm attempt as a multiple of bare wasmtime.
pub(crate) const ATTEMPT_RATIO: f64 = 3.0;
/// The authority check of one attempt, in microseconds.
pub(crate) const AUTHORITY_US: f64 = 2.0;
/// An item of a Map of 10,000 as a multiple of one of a Map of 100.
pub(crate) const MAP_RATIO: f64 = 1.2;
/// Resident memory with a million parked executions, in MiB.
pub(crate) const PARKED_MIB: f64 = 300.0;
/// Recovery of a hundred thousand open executions, in seconds.
pub(crate) const RECOVERY_S: f64 = 5.0;
/// Start to ready with an empty store, in milliseconds.
pub(crate) const START_MS: f64 = 100.0;
/// Start to the end of the first workflow, in milliseconds.
pub(crate) const FIRST_WORKFLOW_MS: f64 = 70.0;
/// Resident memory while idle, in MiB.
pub(crate) const IDLE_MIB: f64 = 40.0;
/// Resident memory at the most under load, in MiB.
pub(crate) const PEAK_MIB: f64 = 120.0;
/// The rate after fifty thousand finished executions as a multiple of the rate before.
pub(crate) const AGED_RATIO: f64 = 0.9;
