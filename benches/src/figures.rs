//! Times, summed up.

use std::fmt;
use std::time::Duration;

/// The spread of a set of times.
pub(crate) struct Figures {
    times: Vec<Duration>,
}

impl Figures {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self { times }
    }

    pub(crate) fn median_us(&self) -> f64 {
        self.at(0.5)
    }

    fn at(&self, quantile: f64) -> f64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index into some thousands of times"
        )]
        let index = (self.times.len().saturating_sub(1) as f64 * quantile) as usize;
        self.times
            .get(index)
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, p99) = (self.median_us(), self.at(0.99));
        write!(
            formatter,
            "p50 {median:>9.1} µs   p99 {p99:>9.1} µs   n {}",
            self.times.len()
        )
    }
}
