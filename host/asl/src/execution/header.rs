//! What is fixed when an execution starts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Names one execution in this store; sorts by start time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecutionId(String);

impl ExecutionId {
    /// Accepts 1 to 64 characters of `[a-z0-9-]`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_valid = (1..=64).contains(&text.len()) && text.bytes().all(is_plain);
        is_valid.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What is fixed when an execution starts; the context object is built from it and the input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The execution's id in this store.
    pub id: ExecutionId,
    /// `arn:aws:states:{region}:{account}:execution:{machine}:{name}`.
    pub arn: String,
    /// The execution's name, unique within its state machine.
    pub name: String,
    /// The state machine's ARN.
    pub machine_arn: String,
    /// The state machine's name.
    pub machine_name: String,
    /// The role ARN or name the execution was started under, if the machine has one.
    pub role_arn: Option<String>,
    /// When it was started.
    pub started_at: Timestamp,
    /// Who started it, for the history: `issuer|subject`.
    pub principal: String,
    /// Who acted for the principal, if someone did.
    pub actor: Option<String>,
}
