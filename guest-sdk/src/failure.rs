//! How a step fails: an ASL error name for `Retry` and `Catch`, and text for people.

use std::error::Error;
use std::fmt::Display;

use crate::bindings::sluice::step::types as wire;

/// An ASL error: `Retry` and `Catch` match on `error`.
///
/// Every `std::error::Error` converts into one with `?`, under the name `States.TaskFailed` and
/// with the whole chain of causes as text. A type of your own that converts into a `Failure`
/// may be the step's error type too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// An ASL error name, such as `Release.ChecksumMismatch`.
    pub error: String,
    /// Text for people.
    pub cause: String,
}

impl Failure {
    /// A failure under a name of the step's own.
    pub fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            cause: cause.into(),
        }
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(name(&error), chain(&error))
    }
}

impl From<Failure> for wire::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            error: failure.error,
            cause: failure.cause,
        }
    }
}

/// Gives an error a name that `Retry` and `Catch` can match.
pub trait OrFail<T> {
    /// The value, or a failure named `error` whose cause is the error's text.
    ///
    /// # Errors
    /// The failure.
    fn or_fail(self, error: &str) -> Result<T, Failure>;
}

impl<T, E: Display> OrFail<T> for Result<T, E> {
    fn or_fail(self, error: &str) -> Result<T, Failure> {
        self.map_err(|cause| Failure::new(error, cause.to_string()))
    }
}

fn name(error: &(dyn Error + 'static)) -> String {
    #[cfg(feature = "http")]
    if let Some(error) = error.downcast_ref::<crate::http::HttpError>() {
        return error.error_name();
    }
    let _ = error;
    "States.TaskFailed".to_owned()
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_error_becomes_a_failure_with_its_chain() {
        let read = || -> Result<u8, Failure> { Ok("x".parse::<u8>()?) };
        let failure = read().unwrap_err();
        assert_eq!(
            failure,
            Failure::new("States.TaskFailed", "invalid digit found in string")
        );
    }

    #[test]
    fn an_error_can_be_given_a_name() {
        let failure = "x".parse::<u8>().or_fail("Release.Malformed").unwrap_err();
        assert_eq!(failure.error, "Release.Malformed");
    }
}
