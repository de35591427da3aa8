//! What one or more transitions changed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::HistoryEvent;
use crate::execution::{Frame, FrameId, Standing};

/// Everything that changed since the last record: what a store must keep to restore the execution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// Payloads first written by this record, by index; the first one of the first record is
    /// the execution's input.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub payloads: Vec<Arc<Value>>,
    /// The history events of this record, in order.
    #[serde(rename = "h", default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryEvent>,
    /// Frames as they stand after this record.
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) frames: Vec<Frame>,
    /// Frames that are gone.
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) removed: Vec<FrameId>,
    /// Everything outside the frames, as it stands after this record.
    #[serde(rename = "s", default)]
    pub(crate) standing: Standing,
}
