//! What one or more transitions changed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::HistoryEvent;

/// Everything that changed since the last record: what a store must keep to restore the execution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// Payloads first written by this record, by index.
    pub payloads: Vec<Arc<Value>>,
    /// The history events of this record, in order.
    pub history: Vec<HistoryEvent>,
}
