//! Taking up an execution that this host gave up while it lives on.
//!
//! Owns when that is tried and when it is left. It does not know why the execution was given up.

use std::sync::Arc;

use asl::ExecutionId;
use ports::StoreError;

use crate::backoff::Backoff;
use crate::shared::Shared;
use crate::{Engine, Error};

impl Shared {
    /// Has an execution taken up after a while, for as long as this host can do so.
    pub(crate) fn take_up_again(self: &Arc<Self>, id: ExecutionId) {
        if self.draining.is_cancelled() || self.failed.is_cancelled() {
            return;
        }
        let shared = Arc::clone(self);
        self.tasks.spawn(Engine { shared }.revive_patiently(id));
    }
}

impl Engine {
    async fn revive_patiently(self, id: ExecutionId) {
        self.recovered().await;
        let mut pauses = Backoff::long();
        loop {
            tokio::select! {
                biased;
                () = self.shared.draining.cancelled() => return,
                () = self.shared.failed.cancelled() => return,
                () = pauses.pause() => {}
            }
            match self.revive(&id).await {
                Ok(()) => {
                    tracing::info!(execution = %id, "the execution is taken up again");
                    return;
                }
                // Accounted for, ended, or the next host's.
                Err(
                    Error::Stranded { .. }
                    | Error::NotFound(_)
                    | Error::Closing
                    | Error::Store(StoreError::Closed),
                ) => return,
                Err(error) => {
                    tracing::warn!(execution = %id, %error, "the execution is not taken up yet");
                }
            }
        }
    }
}
