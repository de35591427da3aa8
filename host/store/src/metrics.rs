//! What the store counts and measures of itself.
//!
//! Owns the instruments and their buckets. It does not know under which names they are shown.

use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

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
        }
    }
}

impl Metrics {
    /// A group of `commits` with `bytes` is durable; it took `total`, and the audit log has
    /// `links` links.
    pub(crate) fn group_written(&self, commits: usize, bytes: usize, total: Duration, links: u64) {
        self.group_seconds.observe(total.as_secs_f64());
        self.group_commits.observe(commits as f64);
        self.group_bytes.observe(bytes as f64);
        self.written_bytes
            .inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.audit_length(links);
    }

    /// The audit log has `links` links.
    pub(crate) fn audit_length(&self, links: u64) {
        self.audit_links
            .set(i64::try_from(links).unwrap_or(i64::MAX));
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
