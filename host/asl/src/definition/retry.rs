//! What happens after an error.

mod parse;

use super::ResultPath;
use crate::template::Template;
pub(super) use parse::{catchers, retriers};

/// One entry of `Retry`.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrier {
    /// `ErrorEquals`.
    pub error_equals: Vec<String>,
    /// `IntervalSeconds`, 1 by default.
    pub interval_seconds: u64,
    /// `MaxAttempts`, 3 by default; 0 never retries.
    pub max_attempts: u64,
    /// `BackoffRate`, 2.0 by default, at least 1.0.
    pub backoff_rate: f64,
    /// `MaxDelaySeconds`.
    pub max_delay_seconds: Option<u64>,
    /// `JitterStrategy`.
    pub jitter: Jitter,
}

/// `JitterStrategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// `FULL`: anywhere between zero and the delay.
    Full,
    /// `NONE`.
    None,
}

/// One entry of `Catch`.
#[derive(Clone, Debug, PartialEq)]
pub struct Catcher {
    /// `ErrorEquals`.
    pub error_equals: Vec<String>,
    /// `ResultPath`: where the error output goes in the state's input.
    pub result_path: ResultPath,
    /// `Output` in JSONata: the error output where it is left out.
    pub output: Option<Template>,
    /// `Assign`: the variables that it sets.
    pub assign: Option<Template>,
    /// `Next`.
    pub next: String,
}
