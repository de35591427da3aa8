//! Where an execution stands, apart from its frames.

use serde::{Deserialize, Serialize};

use super::frame::{Deadline, FrameId};
use crate::{EffectId, Payload};

/// Where an execution stands; the service's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Still going.
    Running,
    /// Reached a Succeed state or an End.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Ran past the machine's `TimeoutSeconds`.
    TimedOut,
    /// Stopped by a caller.
    Aborted,
}

impl Status {
    /// Whether nothing more can happen.
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Running)
    }

    /// The service's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }
}

/// What an execution holds outside its frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Standing {
    #[serde(rename = "s")]
    pub(crate) status: Status,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<Payload>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
    #[serde(rename = "h")]
    pub(crate) next_event: u64,
    #[serde(rename = "n")]
    pub(crate) next_effect: u64,
    #[serde(rename = "f")]
    pub(crate) next_frame: u32,
    /// The machine's `TimeoutSeconds`.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<Deadline>,
    /// The `Continue` that is asked for; nothing enters a state until it comes.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub(crate) continuing: Option<EffectId>,
    /// The frame that had the last turn.
    #[serde(rename = "l", default)]
    pub(crate) last_turn: FrameId,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            status: Status::Running,
            output: None,
            error: None,
            cause: None,
            next_event: 1,
            next_effect: 0,
            next_frame: 0,
            timeout: None,
            continuing: None,
            last_turn: FrameId(0),
        }
    }
}
