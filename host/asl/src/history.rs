//! History events with the service's names and shapes.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// One event of an execution's history (GetExecutionHistory).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// 1 for the first event, one more for each.
    pub id: u64,
    /// The event that led to this one; 0 for the first.
    pub previous_id: u64,
    /// When it happened.
    pub at: Timestamp,
}
