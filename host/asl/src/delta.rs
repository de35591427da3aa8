//! What one or more transitions changed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::execution::{Frame, FrameId, Standing};
use crate::{Execution, HistoryEvent, PayloadId};

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
    /// Where it is given, `frames` are all there are, and these are the payloads of earlier
    /// records that they have: nothing else of what was before is needed.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(crate) behind: Option<Vec<PayloadId>>,
}

impl Delta {
    /// The payloads of earlier records that are needed to restore the execution from this record
    /// on; nothing where all earlier records are.
    pub fn behind(&self) -> Option<&[PayloadId]> {
        self.behind.as_deref()
    }

    /// All that is stored of the start of an execution whose steps are not: its input.
    pub fn of_start(input: Arc<Value>) -> Self {
        Self {
            payloads: vec![input],
            ..Self::default()
        }
    }

    /// The same record with the end of that execution, whose steps were not stored; `number` is
    /// the record's. Answers where the output stands in it.
    pub fn with_end(mut self, number: u32, ended: &Execution) -> (Self, Option<PayloadId>) {
        self.standing = ended.standing.clone();
        let Some(output) = &mut self.standing.output else {
            return (self, None);
        };
        output.id = PayloadId {
            record: number,
            index: u32::try_from(self.payloads.len()).unwrap_or(u32::MAX),
        };
        let (id, value) = (output.id, output.shared());
        self.payloads.push(value);
        (self, Some(id))
    }
}
