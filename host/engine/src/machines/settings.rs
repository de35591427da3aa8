//! What belongs to a revision beside definition and role, in the service's words.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Whether executions are durable and read back one by one, or answer their caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MachineType {
    /// Up to a year, each name once.
    #[default]
    Standard,
    /// Up to five minutes, also synchronous.
    Express,
}

impl MachineType {
    /// The service's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Express => "EXPRESS",
        }
    }
}

/// The settings of a revision. The configurations are kept and told as they were given; this
/// host writes one audit log whatever they say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The type; never changes.
    #[serde(rename = "type")]
    pub kind: MachineType,
    /// `loggingConfiguration`.
    pub logging: Value,
    /// `tracingConfiguration`.
    pub tracing: Value,
    /// `encryptionConfiguration`.
    pub encryption: Value,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            kind: MachineType::Standard,
            logging: json!({"level": "OFF", "includeExecutionData": false}),
            tracing: json!({"enabled": false}),
            encryption: json!({"type": "AWS_OWNED_KEY"}),
        }
    }
}
