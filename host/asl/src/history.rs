//! History events with the service's names and shapes (GetExecutionHistory).
//!
//! Owns what is recorded of an execution and the two forms it takes: the stored one, with
//! payloads by id, and the service's. It does not know why an event was recorded.

mod detail;
mod json;

use serde::{Deserialize, Serialize};

pub use detail::{Called, ErrorDetail, HistoryDetail, Iteration, StateType, TaskEvent};

use crate::{Payload, Timestamp};

/// One event of an execution's history. Serialises to the stored form; see [`Self::to_json`]
/// for the service's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// 1 for the first event, one more for each.
    #[serde(rename = "i")]
    pub id: u64,
    /// The event that led to this one; 0 for the first, and for the entry of the first state.
    #[serde(rename = "p")]
    pub previous_id: u64,
    /// When it happened.
    #[serde(rename = "t")]
    pub at: Timestamp,
    /// What happened.
    #[serde(rename = "d")]
    pub detail: HistoryDetail,
    /// What only this host knows of it.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub sluice: Option<Provenance>,
}

impl HistoryEvent {
    /// The payloads the event shows; hollow after deserialising until each is filled.
    pub fn payloads_mut(&mut self) -> impl Iterator<Item = &mut Payload> {
        self.detail.payloads_mut().into_iter()
    }
}

/// What only this host knows of an event: who, under which role, running which code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Provenance {
    /// Of an attempt that started.
    Attempt {
        /// The role it runs under.
        role: String,
        /// The role's revision.
        role_revision: u64,
        /// The component's name.
        component: String,
        /// The component's version.
        component_version: String,
        /// `sha256:` and 64 hexadecimal digits.
        component_digest: String,
        /// 1 for the first attempt, one more for each retry.
        attempt: u32,
    },
    /// Of a start or a stop.
    Caller {
        /// Who asked for it: `issuer|subject`.
        principal: String,
        /// Who acted for the principal, if someone did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        actor: Option<String>,
    },
}

#[cfg(test)]
mod tests;
