//! Time and randomness, asked for in one place.

use asl::Timestamp;

/// Where the engine gets its time and its randomness from.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// Sixty-four unpredictable bits.
    fn seed(&self) -> u64;
}
