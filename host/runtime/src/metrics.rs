//! What the sandbox counts and measures of itself.
//!
//! Owns the instruments and their buckets. It does not know under which names they are shown.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use crate::compiled::Purpose;

/// What the runner counts and measures of itself; clones share what they count.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// How long it took to link and instantiate a component, in seconds.
    pub instantiate_seconds: Histogram,
    /// How long a component's code, or a Task's own request, took, in seconds.
    pub run_seconds: Histogram,
    /// Components that were compiled.
    pub compilations: Family<Compilation, Counter>,
    /// How long compiling took, in seconds.
    pub compile_seconds: Histogram,
    /// Compiled components in memory.
    pub compiled: Gauge,
}

/// Which compilations are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Compilation {
    /// `upload` or `attempt`.
    pub purpose: &'static str,
    /// `compiled` or `failed`.
    pub outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            // 2 us to 2 s.
            instantiate_seconds: Histogram::new(exponential_buckets(2e-6, 2.0, 21)),
            // 10 us to 84 s.
            run_seconds: Histogram::new(exponential_buckets(10e-6, 2.0, 24)),
            compilations: Family::default(),
            // 1 ms to 65 s.
            compile_seconds: Histogram::new(exponential_buckets(1e-3, 2.0, 17)),
            compiled: Gauge::default(),
        }
    }
}

impl Metrics {
    /// A compilation ended.
    pub(crate) fn compiled(&self, purpose: Purpose, is_compiled: bool, seconds: f64) {
        let labels = Compilation {
            purpose: match purpose {
                Purpose::Upload => "upload",
                Purpose::Attempt => "attempt",
            },
            outcome: match is_compiled {
                true => "compiled",
                false => "failed",
            },
        };
        self.compilations.get_or_create(&labels).inc();
        self.compile_seconds.observe(seconds);
    }
}

/// What the evaluator counts and measures of itself; clones share what they count.
#[derive(Clone, Debug)]
pub struct EvaluatorMetrics {
    /// How long each call took, in seconds.
    pub seconds: Histogram,
    /// Calls, by how they ended.
    pub calls: Family<EvaluationEnd, Counter>,
}

/// Which ends of evaluations are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EvaluationEnd {
    /// `evaluated`, `raised`, `limit` or `unavailable`.
    pub outcome: &'static str,
}

impl Default for EvaluatorMetrics {
    fn default() -> Self {
        Self {
            // 10 us to 21 s.
            seconds: Histogram::new(exponential_buckets(10e-6, 2.0, 22)),
            calls: Family::default(),
        }
    }
}

impl EvaluatorMetrics {
    /// A call ended.
    pub(crate) fn ended(&self, outcome: &'static str, seconds: f64) {
        self.calls.get_or_create(&EvaluationEnd { outcome }).inc();
        self.seconds.observe(seconds);
    }
}
