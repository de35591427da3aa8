//! What is asked about a state: the words of a test.

use serde_json::{Map, Value};

use crate::Timestamp;

/// One state to run on its own, with everything it should find.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The text of a state, or of a whole state machine where a state is named.
    pub definition: String,
    /// Which state of the machine.
    pub state_name: Option<String>,
    /// The state's input.
    pub input: Value,
    /// The text of a context object.
    pub context: Option<String>,
    /// The text of an object with the variables that the state sees.
    pub variables: Option<String>,
    /// What stands for the outcome of the state's work.
    pub mock: Option<Mock>,
    /// Whether secrets of HTTP requests should be told.
    pub reveals_secrets: bool,
    /// What happened to the state before.
    pub configuration: Configuration,
}

/// What stands for the outcome of a state's work: either a result or an error.
#[derive(Clone, Debug, Default)]
pub struct Mock {
    /// The text of a JSON value.
    pub result: Option<String>,
    /// An error with its cause.
    pub error_output: Option<ErrorOutput>,
    /// How the result is held against what the service called would answer.
    pub validation: FieldValidation,
}

/// The error that a state's work ends with.
#[derive(Clone, Debug, Default)]
pub struct ErrorOutput {
    /// Its name.
    pub error: Option<String>,
    /// Text for people.
    pub cause: Option<String>,
}

/// How strictly a mocked result is held against what the service called would answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Members have their types, and required ones are there.
    #[default]
    Strict,
    /// Members that are there have their types.
    Present,
    /// Not at all.
    None,
}

/// What happened to the state before, and inside it.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// How often the retrier that an error is for has retried.
    pub retrier_retry_count: Option<u64>,
    /// The state inside a Map or Parallel that a mocked error is from.
    pub error_caused_by_state: Option<String>,
    /// How many iterations of a Map failed.
    pub map_iteration_failure_count: Option<u64>,
    /// What a Map's `ItemReader` reads, as it lies at its source.
    pub map_item_reader_data: Option<String>,
}

/// When and where the test takes place.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The time that the state finds.
    pub at: Timestamp,
    /// The randomness that it finds.
    pub seed: u64,
    /// The region in ARNs.
    pub region: String,
    /// The account in ARNs.
    pub account: String,
    /// The role that the state finds in its context.
    pub role_arn: Option<String>,
}

/// Why a state cannot be tested as asked, in the service's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The definition is not one, or of a state that cannot be tested so.
    InvalidDefinition(String),
    /// Anything else about the request.
    Validation(String),
}

impl Refusal {
    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::Validation(message.into())
    }
}

/// The outcome that a mock stands for, read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Result(Value),
    Error {
        error: String,
        cause: Option<String>,
    },
}

/// A test with everything read and found acceptable: what the interpreter runs.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) at: Timestamp,
    pub(crate) seed: u64,
    pub(crate) input: Value,
    /// The members of the context object, all of them fixed.
    pub(crate) context: Map<String, Value>,
    pub(crate) variables: Map<String, Value>,
    pub(crate) outcome: Option<Outcome>,
    /// How often every retrier has retried.
    pub(crate) retried: u32,
    /// How many iterations failed, if that was said.
    pub(crate) failures: Option<u64>,
    /// What the Map's `ItemReader` reads, if that was said.
    pub(crate) reader_data: Option<String>,
}
