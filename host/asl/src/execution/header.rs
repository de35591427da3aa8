//! What is fixed when an execution starts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::definition::BlockId;
use crate::{PAYLOAD_BYTES_MAX, Timestamp};

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
    /// The map run it is a child of, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_run: Option<MapRunChild>,
    /// How large it may become.
    #[serde(default, skip_serializing_if = "Limits::are_the_services")]
    pub limits: Limits,
}

/// How large an execution may become; the service's quotas by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The most history events; an execution that would go on fails.
    pub history_events_max: u64,
    /// The most bytes of JSON text of a state's input, result or output.
    pub payload_bytes_max: usize,
    /// The longest it may run, in seconds, whatever its `TimeoutSeconds` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_seconds_max: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            history_events_max: 25_000,
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            running_seconds_max: None,
        }
    }
}

impl Limits {
    fn are_the_services(&self) -> bool {
        *self == Self::default()
    }
}

impl Header {
    /// What the execution is listed under, and its name unique in: its state machine, or the map
    /// run it is a child of.
    pub fn listed_under(&self) -> &str {
        let run = self.map_run.as_ref();
        run.map_or(&self.machine_arn, |run| &run.arn)
    }
}

impl MapRunChild {
    /// The ARN that children of the map run `arn` have for their state machine: with the map's
    /// label.
    pub fn machine_arn_of(arn: &str) -> String {
        let labelled = arn.rsplit_once(':').map_or(arn, |(labelled, _)| labelled);
        labelled.replacen(":mapRun:", ":stateMachine:", 1)
    }
}

/// What makes an execution the child of a map run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapRunChild {
    /// `arn:aws:states:{region}:{account}:mapRun:{machine}/{label}:{id}`.
    pub arn: String,
    /// The block it runs: the item processor.
    pub block: BlockId,
    /// Which child of the run it is, from 0.
    pub index: u32,
    /// How many of the run's items it has.
    #[serde(default)]
    pub items: u32,
}
