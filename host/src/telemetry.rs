//! Traces: which are kept, and how their spans reach the collector (OpenTelemetry, OTLP over HTTP).
//!
//! Owns that nobody waits for a collector: a span is put in a bounded queue or dropped. What spans
//! there are is for those to say whose work they tell of.

mod answer;
mod export;
mod otlp;

use ports::{Span, TraceContext, TraceId, Tracer};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::sync::mpsc;

use crate::config;
use crate::outgoing::ClientError;
pub(crate) use export::{Export, probe};

/// What became of spans.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SpanEnd {
    outcome: &'static str,
}

/// How many spans were sent, dropped for lack of room, or not taken by the collector; clones share
/// what they count.
#[derive(Clone)]
pub(crate) struct SpanCounts(Family<SpanEnd, Counter>);

/// Takes spans; cheap to clone.
#[derive(Clone)]
pub(crate) struct Telemetry {
    queue: Option<mpsc::Sender<Span>>,
    sample_ratio: f64,
    counts: SpanCounts,
}

impl SpanCounts {
    fn new() -> Self {
        let counts = Self(Family::default());
        for outcome in ["sent", "dropped", "failed"] {
            counts.add(outcome, 0);
        }
        counts
    }

    fn add(&self, outcome: &'static str, spans: usize) {
        let spans = u64::try_from(spans).unwrap_or(u64::MAX);
        self.0.get_or_create(&SpanEnd { outcome }).inc_by(spans);
    }

    /// The counters, to be given a name.
    pub(crate) fn family(&self) -> Family<SpanEnd, Counter> {
        self.0.clone()
    }
}

impl Telemetry {
    /// Takes spans, and what is to send them; nothing takes any where no collector is configured.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub(crate) fn new(
        config: &config::Telemetry,
        trust: &config::Trust,
    ) -> Result<(Self, Option<Export>), ClientError> {
        let counts = SpanCounts::new();
        let Some(collector) = &config.collector else {
            return Ok((Self::with(None, config, counts), None));
        };
        let (queue, spans) = mpsc::channel(config.spans_waiting_max);
        let resource = otlp::resource(&config.service_name);
        let export = Export::new(collector, trust, spans, (resource, counts.clone()))?;
        Ok((Self::with(Some(queue), config, counts), Some(export)))
    }

    fn with(
        queue: Option<mpsc::Sender<Span>>,
        config: &config::Telemetry,
        counts: SpanCounts,
    ) -> Self {
        Self {
            queue,
            sample_ratio: config.sample_ratio,
            counts,
        }
    }

    /// What became of spans.
    pub(crate) fn counts(&self) -> &SpanCounts {
        &self.counts
    }

    /// Whether a trace that begins here is kept.
    pub(crate) fn is_kept(&self, trace: TraceId) -> bool {
        is_within(trace, self.sample_ratio)
    }
}

impl Tracer for Telemetry {
    fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    fn ended(&self, span: Span) {
        let Some(queue) = &self.queue else { return };
        let TraceContext { is_sampled, .. } = span.context;
        let count = span.count();
        if is_sampled && queue.try_send(span).is_err() {
            self.counts.add("dropped", count);
        }
    }
}

/// Whether a trace is of the share that is kept: its id is random, so its last bits decide.
fn is_within(trace: TraceId, ratio: f64) -> bool {
    /// As many bits as a double holds.
    const BITS: u32 = 53;
    let chance = trace.bits() & ((1 << BITS) - 1);
    (chance as f64) < ratio * (1_u64 << BITS) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_traces_that_is_kept_is_the_ratio() {
        let kept = |ratio| {
            let ids = (0..10_000_u128).map(|number| number * 0x9e37_79b9_7f4a_7c15);
            ids.filter(|bits| is_within(TraceId::of(*bits), ratio))
                .count()
        };
        assert_eq!(kept(0.0), 0);
        assert_eq!(kept(1.0), 10_000);
        assert!((2_300..2_700).contains(&kept(0.25)), "{}", kept(0.25));
    }
}
