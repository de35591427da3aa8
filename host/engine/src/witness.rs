//! Refused host calls go to the audit log before the component learns of them.

use std::sync::Arc;

use async_trait::async_trait;
use ports::{AuditRecord, Commit, Decision, Refusal, Start, Witness, WitnessError};
use serde_json::{Value, json};

use crate::shared::Shared;

pub(crate) struct AuditWitness {
    shared: Arc<Shared>,
    start: Arc<Start>,
}

impl AuditWitness {
    pub(crate) fn new(shared: Arc<Shared>, start: Arc<Start>) -> Self {
        Self { shared, start }
    }
}

#[async_trait]
impl Witness for AuditWitness {
    async fn refused(&self, refusal: Refusal) -> Result<(), WitnessError> {
        self.shared.metrics.host_calls_refused.inc();
        let record = AuditRecord {
            at: self.shared.ports.clock.now(),
            caller: Some(self.start.caller.clone()),
            through: "runtime".to_owned(),
            action: "UseCapability".to_owned(),
            resource: refusal.asked,
            request: json!({"capability": refusal.capability}),
            decision: Decision::Denied {
                rule: refusal.rule,
                reason: refusal.reason,
            },
            outcome: Value::Null,
            execution: Some(refusal.execution),
            state: Some(refusal.state),
            attempt: Some(refusal.attempt),
            checkpoint: None,
        };
        let commit = Commit {
            audit: vec![record],
            ..Commit::default()
        };
        let committed = self.shared.commit(commit).await;
        committed
            .map(|_| ())
            .map_err(|error| WitnessError(error.to_string().into()))
    }
}
