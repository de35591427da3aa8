//! What the store counts and measures of itself.
//!
//! Owns the instruments and their buckets. It does not know under which names they are shown.

use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use crate::ledger::{Ledger, Parked};
use crate::log::SyncData;

/// What the store counts and measures of itself; clones share what they count.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// How long each sync of a file took, in seconds.
    pub sync_seconds: Histogram,
    /// How long each group took from its first commit to its last answer, in seconds.
    pub group_seconds: Histogram,
    /// How many commits were written together.
    pub group_commits: Histogram,
    /// How many bytes they had, before what the database adds.
    pub group_bytes: Histogram,
    /// Bytes written in groups.
    pub written_bytes: Counter,
    /// The length of the audit log.
    pub audit_links: Gauge,
    /// Executions that are on disk alone until something happens.
    pub parked: Family<Wait, Gauge>,
    /// Bytes of changes that are durable in the log and not yet in the base, as held in memory.
    pub base_waiting_bytes: Gauge,
    /// How long it took to write each table to the base, in seconds.
    pub flush_seconds: Histogram,
}

/// What parked executions wait for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Wait {
    /// `time`, or `answer` for those that only somebody outside can wake.
    pub until: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            // 50 us to 26 s.
            sync_seconds: Histogram::new(exponential_buckets(50e-6, 2.0, 20)),
            group_seconds: Histogram::new(exponential_buckets(50e-6, 2.0, 20)),
            group_commits: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            // 256 B to 4 MiB.
            group_bytes: Histogram::new(exponential_buckets(256.0, 4.0, 8)),
            written_bytes: Counter::default(),
            audit_links: Gauge::default(),
            parked: Family::default(),
            base_waiting_bytes: Gauge::default(),
            // 1 ms to 33 s.
            flush_seconds: Histogram::new(exponential_buckets(1e-3, 2.0, 16)),
        }
    }
}

impl Metrics {
    /// A group of `commits` with `bytes` is durable; it took `total`, and the ledger stands so.
    pub(crate) fn group_written(
        &self,
        (commits, bytes): (usize, usize),
        total: Duration,
        ledger: &Ledger,
    ) {
        self.group_seconds.observe(total.as_secs_f64());
        self.group_commits.observe(commits as f64);
        self.group_bytes.observe(bytes as f64);
        self.written_bytes
            .inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.ledger_stands(ledger);
    }

    /// The ledger stands so.
    pub(crate) fn ledger_stands(&self, ledger: &Ledger) {
        set(&self.audit_links, ledger.links());
        let Parked {
            for_time,
            for_answer,
        } = ledger.parked();
        for (until, count) in [("time", for_time), ("answer", for_answer)] {
            set(&self.parked.get_or_create(&Wait { until }), count);
        }
    }

    /// The table over the base has grown, or shrunk, from so many bytes to so many.
    pub(crate) fn table_changed(&self, before: usize, after: usize) {
        self.base_waiting_bytes.inc_by(signed(after));
        self.base_waiting_bytes.dec_by(signed(before));
    }

    /// A table of so many bytes is in the base; it took `taken`.
    pub(crate) fn flushed(&self, bytes: usize, taken: Duration) {
        self.base_waiting_bytes.dec_by(signed(bytes));
        self.flush_seconds.observe(taken.as_secs_f64());
    }

    /// The same way to sync, measured.
    pub(crate) fn measured(&self, mut sync_data: SyncData) -> SyncData {
        let seconds = self.sync_seconds.clone();
        Box::new(move |file| {
            let begun = Instant::now();
            let synced = sync_data(file);
            seconds.observe(begun.elapsed().as_secs_f64());
            synced
        })
    }
}

fn set(gauge: &Gauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
