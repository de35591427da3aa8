//! Pruning the audit log from its oldest end.

use asl::Timestamp;
use ports::{PRUNE_AUDIT, Upkeep};
use serde_json::json;
use tokio::time::Instant;

use super::days;
use crate::Error;
use crate::shared::Shared;

/// Links are gathered for so long before they are pruned, in milliseconds.
pub(super) const PRUNE_EVERY_MS: i64 = 3_600_000;

impl Shared {
    /// Prunes the audit log; when its oldest link is due.
    pub(super) async fn prune(&self, audit_days: u32) -> Result<Timestamp, Error> {
        let age = days(audit_days);
        let retention = &self.ports.retention;
        loop {
            let now = self.ports.clock.now();
            let Some(anchor) = retention.prunable(now.plus_ms(-age)).await? else {
                let oldest = retention.oldest_link().await?;
                return Ok(oldest.unwrap_or(now).plus_ms(age));
            };
            let begun = Instant::now();
            let upkeep = Upkeep {
                prune: Some(anchor),
                ..Upkeep::default()
            };
            let request = json!({"rule": "audit_days", "limit": audit_days});
            let outcome = json!({"anchor": anchor.to_json()});
            let record = self.retention_record(PRUNE_AUDIT, now, request, outcome);
            self.commit_upkeep(upkeep, vec![record]).await?;
            tracing::info!(up_to = anchor.length, "the audit log was pruned");
            self.rest(begun).await;
        }
    }
}
