//! Pauses between looks at what is not ready yet.
//!
//! Owns how they grow. It does not know what is looked at, nor when to give up.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(2);

/// Pauses that double from 50 milliseconds up to two seconds.
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// Pauses that begin where others have come to after a while: for what failed at work that
    /// has patience of its own.
    pub(crate) fn long() -> Self {
        Self { next: LONG }
    }

    /// Waits for as long as is its turn.
    pub(crate) async fn pause(&mut self) {
        let pause = self.step();
        tokio::time::sleep(pause).await;
    }

    fn step(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_until_they_are_long_enough() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = std::iter::repeat_with(|| backoff.step().as_millis())
            .take(8)
            .collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        let mut long = Backoff::long();
        assert_eq!(
            [(); 3].map(|()| long.step().as_millis()),
            [1000, 2000, 2000]
        );
    }
}
