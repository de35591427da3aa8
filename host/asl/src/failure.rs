//! An ASL error: what Retry and Catch match, and what an execution fails with.

/// An error name with its explanation.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// An ASL error name, such as `States.Runtime`.
    pub error: String,
    /// Text for people.
    pub cause: String,
    /// The field whose JSONata expression failed, such as `Arguments/id`.
    pub location: Option<String>,
}

impl Failure {
    /// A `States.Runtime` error: the state could not be processed.
    pub fn runtime(cause: impl Into<String>) -> Self {
        Self::new("States.Runtime", cause)
    }

    /// An error outside of JSONata expressions.
    pub fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            cause: cause.into(),
            location: None,
        }
    }
}
