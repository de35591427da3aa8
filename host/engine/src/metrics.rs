//! What the engine counts and measures of itself.
//!
//! Owns the instruments and their buckets. It does not know under which names they are shown.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use asl::{Header, Status, Timestamp};
use ports::{AttemptReport, Outcome, RunError};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use crate::{Full, MachineType};

/// What the engine counts and measures of itself; clones share what they count.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Executions whose start became durable.
    pub executions_started: Family<ExecutionKind, Counter>,
    /// Executions whose end became durable.
    pub executions_ended: Family<ExecutionEnd, Counter>,
    /// How long executions took from start to end, in seconds.
    pub execution_seconds: Histogram,
    /// How long each commit took, waiting included, in seconds.
    pub commit_seconds: Histogram,
    /// Attempts that ended, and those that were refused.
    pub attempts_ended: Family<AttemptEnd, Counter>,
    /// The phases of an attempt that are the engine's.
    pub phases: Phases,
    /// Host calls that a component was refused.
    pub host_calls_refused: Counter,
    /// How late timers fired, in seconds.
    pub timer_lag_seconds: Histogram,
    /// How long ago the alarm was due that is rung at the moment, in seconds; 0 while none is due.
    pub alarms_behind_seconds: Gauge<f64, AtomicU64>,
    /// What was refused because a limit was reached.
    pub refusals: Family<Refused, Counter>,
}

/// How long attempts spent in the phases that are the engine's, in seconds.
#[derive(Clone, Debug)]
pub struct Phases {
    /// From wanting to run until there was room.
    pub queue: Histogram,
    /// Being judged: policy, role, review.
    pub admit: Histogram,
    /// From the decision to run until that was durable.
    pub record: Histogram,
    /// From the end of the run until its result was durable.
    pub commit: Histogram,
}

/// Which executions are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ExecutionKind {
    /// `standard`, `express`, or `child` of a map run.
    pub kind: &'static str,
}

/// Which ends of executions are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ExecutionEnd {
    /// As in [`ExecutionKind`].
    pub kind: &'static str,
    /// The status it ended with.
    pub status: &'static str,
}

/// Which ends of attempts are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AttemptEnd {
    /// `succeeded`, `failed`, `refused`, `cancelled` or `interrupted`.
    pub outcome: &'static str,
}

/// Which refusals are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Refused {
    /// The setting that says how much there may be.
    pub limit: &'static str,
    /// `share` if the principal has its share, `host` if nobody could have more.
    pub full: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            executions_started: Family::default(),
            executions_ended: Family::default(),
            // 1 ms to 19 hours.
            execution_seconds: Histogram::new(exponential_buckets(1e-3, 4.0, 14)),
            commit_seconds: seconds(),
            attempts_ended: Family::default(),
            phases: Phases {
                queue: seconds(),
                admit: Histogram::new(exponential_buckets(250e-9, 2.0, 16)),
                record: seconds(),
                commit: seconds(),
            },
            host_calls_refused: Counter::default(),
            // 1 ms to 17 minutes.
            timer_lag_seconds: Histogram::new(exponential_buckets(1e-3, 4.0, 11)),
            alarms_behind_seconds: Gauge::default(),
            refusals: no_refusals(),
        }
    }
}

/// The settings whose limits are told apart.
const LIMITS: [&str; 6] = [
    "executions_running_max",
    "express_running_max",
    "attempts_waiting_max",
    "commits_waiting_max",
    "workers_waiting_max",
    "event_streams_max",
];

/// Every refusal that may come, none of which has.
fn no_refusals() -> Family<Refused, Counter> {
    let refusals = Family::default();
    for limit in LIMITS {
        for full in ["share", "host"] {
            drop(refusals.get_or_create(&Refused { limit, full }));
        }
    }
    refusals
}

/// 50 us to 52 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(50e-6, 2.0, 21))
}

impl Metrics {
    /// The start of an execution is durable.
    pub(crate) fn started(&self, header: &Header, kind: MachineType) {
        let kind = kind_of(header, kind);
        let labels = ExecutionKind { kind };
        self.executions_started.get_or_create(&labels).inc();
    }

    /// The end of an execution is durable.
    pub(crate) fn ended(&self, header: &Header, kind: MachineType, status: Status, at: Timestamp) {
        let labels = ExecutionEnd {
            kind: kind_of(header, kind),
            status: status.as_str(),
        };
        self.executions_ended.get_or_create(&labels).inc();
        let milliseconds = at.0.saturating_sub(header.started_at.0);
        let milliseconds = u64::try_from(milliseconds).unwrap_or(0);
        self.execution_seconds
            .observe(Duration::from_millis(milliseconds).as_secs_f64());
    }

    /// A component ran to its end.
    pub(crate) fn attempt_ended(&self, result: &Result<AttemptReport, RunError>) {
        self.count_attempt(outcome_of(result));
    }

    pub(crate) fn count_attempt(&self, outcome: &'static str) {
        let labels = AttemptEnd { outcome };
        self.attempts_ended.get_or_create(&labels).inc();
    }

    /// Something was refused because the limit of this setting was reached.
    pub fn refused(&self, limit: &'static str, full: Full) {
        let full = match full {
            Full::Share => "share",
            Full::Host => "host",
        };
        self.refusals.get_or_create(&Refused { limit, full }).inc();
    }

    /// The alarm that is rung was due `late_ms` milliseconds ago.
    pub(crate) fn alarms_behind(&self, late_ms: i64) {
        let late = Duration::from_millis(u64::try_from(late_ms).unwrap_or(0));
        self.alarms_behind_seconds.set(late.as_secs_f64());
    }

    /// A timer fired `late_ms` milliseconds after it was due.
    pub(crate) fn timer_fired(&self, late_ms: i64) {
        let late = Duration::from_millis(u64::try_from(late_ms).unwrap_or(0));
        self.timer_lag_seconds.observe(late.as_secs_f64());
    }
}

/// The word for how an attempt ended.
pub(crate) fn outcome_of(result: &Result<AttemptReport, RunError>) -> &'static str {
    match result {
        Ok(report) => match &report.outcome {
            Outcome::Succeeded { .. } => "succeeded",
            Outcome::Failed { error, .. } if error == "Sluice.AccessDenied" => "refused",
            Outcome::Failed { .. } => "failed",
            Outcome::Cancelled => "cancelled",
        },
        Err(_) => "interrupted",
    }
}

/// The word for what an execution is.
pub(crate) fn kind_of(header: &Header, kind: MachineType) -> &'static str {
    match (&header.map_run, kind) {
        (Some(_), _) => "child",
        (None, MachineType::Standard) => "standard",
        (None, MachineType::Express) => "express",
    }
}
