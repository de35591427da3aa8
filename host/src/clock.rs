//! The machine's clock and randomness.

use std::time::{SystemTime, UNIX_EPOCH};

use asl::Timestamp;
use ports::Clock;

/// The machine's clock and randomness.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn seed(&self) -> u64 {
        getrandom::u64().expect("the operating system has a source of randomness")
    }
}
