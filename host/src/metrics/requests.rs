//! What is counted of requests, of those who make them, and of what policy says to them.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// What is counted of requests; clones share what they count. Every label has few values: what
/// a client makes up is never one.
#[derive(Clone)]
pub(crate) struct Requests {
    pub(super) answered: Family<Answered, Counter>,
    pub(super) seconds: Family<Served, Histogram, fn() -> Histogram>,
    pub(super) authentications: Family<Shown, Counter>,
    pub(super) decisions: Family<Decided, Counter>,
}

/// What a request was for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Served {
    /// The path of the route, with the names of its variables; `unmatched` without one.
    pub(crate) route: String,
    /// The operation of the AWS wire; empty elsewhere.
    pub(crate) operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Answered {
    method: &'static str,
    route: String,
    operation: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Shown {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Decided {
    action: &'static str,
    decision: &'static str,
}

impl Requests {
    pub(crate) fn new() -> Self {
        // 100 us to 52 s.
        let seconds = || Histogram::new(exponential_buckets(100e-6, 2.0, 20));
        Self {
            answered: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            authentications: Family::default(),
            decisions: Family::default(),
        }
    }

    /// A request was answered.
    pub(crate) fn answered(
        &self,
        method: &http::Method,
        served: Served,
        status: u16,
        took: Duration,
    ) {
        self.seconds
            .get_or_create(&served)
            .observe(took.as_secs_f64());
        let Served { route, operation } = served;
        let labels = Answered {
            method: word_of(method),
            route,
            operation,
            status,
        };
        self.answered.get_or_create(&labels).inc();
    }

    /// Somebody showed, or did not show, who calls.
    pub(crate) fn authenticated(&self, outcome: &'static str) {
        self.authentications.get_or_create(&Shown { outcome }).inc();
    }

    /// Policy decided.
    pub(crate) fn decided(&self, action: &'static str, is_permitted: bool) {
        let decision = match is_permitted {
            true => "permitted",
            false => "denied",
        };
        let labels = Decided { action, decision };
        self.decisions.get_or_create(&labels).inc();
    }
}

/// The method, if it is one that somebody else did not make up.
fn word_of(method: &http::Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    let found = known.into_iter().find(|known| *known == method.as_str());
    found.unwrap_or("OTHER")
}
