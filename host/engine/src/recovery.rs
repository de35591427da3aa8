//! Bringing every stored execution that goes on by itself into memory when a host begins.
//!
//! Owns that they are read together, and that none runs before all are there, so that what runs
//! does not keep the host from being ready.

use std::sync::Arc;

use asl::ExecutionId;
use ports::{Claim, StoreError};
use tokio::task::JoinSet;

use crate::Error;
use crate::shared::Shared;
use crate::taking_up::Restored;

/// Executions claimed per call.
const CLAIMS: usize = 1024;
/// Executions read together.
const LOADS: usize = 128;

impl Shared {
    /// Takes up every execution that goes on by itself.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn recover(self: &Arc<Self>) -> Result<(), StoreError> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let claims = self.ports.journal.claim(after, CLAIMS).await?;
            let Some(last) = claims.last() else { break };
            after = Some(last.id.clone());
            let mut restoring = JoinSet::new();
            for claims in claims.chunks(LOADS) {
                let (shared, claims) = (Arc::clone(self), claims.to_vec());
                restoring.spawn(async move { shared.restore_all(claims).await });
            }
            while let Some(restored) = restoring.join_next().await {
                let restored = restored.map_err(|gone| StoreError::Io(gone.to_string().into()));
                all.extend(restored??);
            }
            if self.draining.is_cancelled() {
                return Ok(());
            }
        }
        for restored in all {
            self.set_going(restored);
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    /// Restores those that can be; the others are accounted for.
    async fn restore_all(self: Arc<Self>, claims: Vec<Claim>) -> Result<Vec<Restored>, StoreError> {
        let ids = claims.iter().map(|claim| claim.id.clone()).collect();
        let stored = self.ports.journal.load_all(ids).await?;
        let mut all = Vec::with_capacity(claims.len());
        for (claim, stored) in claims.into_iter().zip(stored) {
            let id = claim.id.clone();
            match self.restore(claim, stored).await {
                Ok(restored) => all.push(restored),
                Err(error) => self.leave_out(id, error),
            }
        }
        Ok(all)
    }

    /// What could not be read is tried again once all others are there; what can never be gone on
    /// with is stranded.
    fn leave_out(self: &Arc<Self>, id: ExecutionId, error: Error) {
        if let Error::Store(error) = error {
            tracing::error!(execution = %id, %error, "the execution is not taken up yet");
            self.take_up_again(id);
        } else if !matches!(error, Error::Stranded { .. }) {
            self.stranded.add(&id, &error.to_string().into());
        }
    }
}
