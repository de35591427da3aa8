//! The engine's limits and names.

use std::sync::Arc;

use crate::mocks::Mocks;
use crate::retention::RetentionRules;
use crate::room::MachineLimits;

/// The engine's limits and names.
#[derive(Clone, Debug)]
pub struct Config {
    /// The region in ARNs.
    pub region: String,
    /// The account in ARNs: twelve digits.
    pub account: String,
    /// Executions that may run at once on this host.
    pub executions_running_max: usize,
    /// Express executions that may run at once on this host.
    pub express_running_max: usize,
    /// Express executions that are kept in memory after their end.
    pub express_ended_max: usize,
    /// Memory that the steps of express executions may take, in bytes.
    pub express_bytes_max: usize,
    /// Executions that may be brought into memory at once, whatever asks for them.
    pub executions_arriving_max: usize,
    /// How soon a waiting execution must be due to stay in memory, in milliseconds.
    pub stay_ms: u64,
    /// Attempts that may run at once on this host.
    pub attempts_running_max: usize,
    /// How many of a hundred of what the host has one principal may have at once: of executions
    /// running, attempts waiting, starts waiting for the disk, workers waiting.
    pub principal_share_percent: usize,
    /// Attempts that may wait for room before starts are refused.
    pub attempts_waiting_max: usize,
    /// Commits and starts that may be on their way to the disk before starts are refused.
    pub commits_waiting_max: usize,
    /// Workers that may wait for tasks of activities.
    pub workers_waiting_max: usize,
    /// Attempts of one state machine that may run at once on this host.
    pub machine_attempts: MachineLimits,
    /// How long attempts may go on at shutdown, in milliseconds.
    pub drain_ms: u64,
    /// The largest definition, in bytes of JSON.
    pub definition_bytes_max: usize,
    /// The largest execution input, in bytes of JSON.
    pub input_bytes_max: usize,
    /// How large an execution may become.
    pub execution_limits: asl::Limits,
    /// Executions with more history events than this are told of in the log.
    pub history_events_warning: u64,
    /// The largest file that a map run reads its items from, in bytes.
    pub item_file_bytes_max: u64,
    /// The most items of one map run that are read from volumes.
    pub items_max: usize,
    /// The most bytes that the items of one map run from volumes have, as JSON.
    pub items_bytes_max: usize,
    /// What is kept for how long.
    pub retention: RetentionRules,
    /// Mocked answers for Tasks.
    pub mocks: Arc<Mocks>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            executions_running_max: 100_000,
            express_running_max: 10_000,
            express_ended_max: 1_000,
            express_bytes_max: 256 << 20,
            executions_arriving_max: 256,
            stay_ms: 1_000,
            attempts_running_max: 64,
            principal_share_percent: 50,
            attempts_waiting_max: 100_000,
            commits_waiting_max: 4_096,
            workers_waiting_max: 1_000,
            machine_attempts: MachineLimits::default(),
            drain_ms: 30_000,
            definition_bytes_max: 1 << 20,
            input_bytes_max: 256 << 10,
            execution_limits: asl::Limits::default(),
            history_events_warning: 20_000,
            item_file_bytes_max: 16 << 20,
            items_max: 100_000,
            items_bytes_max: 32 << 20,
            retention: RetentionRules::default(),
            mocks: Arc::default(),
        }
    }
}
