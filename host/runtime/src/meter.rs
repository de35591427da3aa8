//! Measures the time a guest spends on a thread.
//!
//! A guest's future is on a thread from each poll until it yields or waits; only those spans
//! count. A thread that the operating system suspends in between counts as well.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

const IDLE: u64 = u64::MAX;

/// Adds up what one guest used. Written by the thread that polls the guest, one at a time.
pub(crate) struct Meter {
    base: Instant,
    spent_ns: AtomicU64,
    since_ns: AtomicU64,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            base: Instant::now(),
            spent_ns: AtomicU64::new(0),
            since_ns: AtomicU64::new(IDLE),
        }
    }

    /// What was used so far, the span that is still going on included.
    pub(crate) fn spent(&self) -> Duration {
        let spent = self.spent_ns.load(Ordering::Relaxed);
        let running = match self.since_ns.load(Ordering::Relaxed) {
            IDLE => 0,
            since => self.now_ns().saturating_sub(since),
        };
        Duration::from_nanos(spent.saturating_add(running))
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_nanos()).unwrap_or(IDLE - 1)
    }

    fn begin(&self) {
        self.since_ns.store(self.now_ns(), Ordering::Relaxed);
    }

    fn end(&self) {
        let since = self.since_ns.swap(IDLE, Ordering::Relaxed);
        let span = self.now_ns().saturating_sub(since);
        self.spent_ns.fetch_add(span, Ordering::Relaxed);
    }
}

/// A guest's future under a meter.
pub(crate) struct Metered<'a, F> {
    pub(crate) meter: &'a Meter,
    pub(crate) guest: Pin<&'a mut F>,
}

impl<F: Future> Future for Metered<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.meter.begin();
        let polled = self.guest.as_mut().poll(context);
        self.meter.end();
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_costs_nothing_and_running_does() {
        let meter = Meter::new();
        assert_eq!(meter.spent(), Duration::ZERO);
        meter.begin();
        while meter.spent() < Duration::from_millis(2) {}
        meter.end();
        let spent = meter.spent();
        assert!(spent >= Duration::from_millis(2));
        assert_eq!(meter.spent(), spent);
    }
}
