//! Taking up the executions of the last host, and ending without losing any.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::shared::Shared;
use crate::{Engine, Error};

/// The engine's own work, to be run beside its requests.
pub struct Service {
    shared: Arc<Shared>,
}

impl Service {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Takes up every execution that goes on by itself, then each parked one when it is due, until
    /// `shutdown`; then lets attempts finish for as long as the configuration says. What is not
    /// finished goes on with the next host.
    pub async fn run(self, shutdown: CancellationToken) {
        // Nothing runs on for a host that is gone.
        let _cut_off = self.shared.killed.clone().drop_guard();
        self.warm_evaluator();
        tokio::select! {
            biased;
            failed = self.take_up_executions() => {
                match failed {
                    Err(Error::Store(error)) => self.shared.fail(&error),
                    Err(error) => tracing::error!(%error, "no alarm rings any more"),
                    Ok(()) => {}
                }
                shutdown.cancelled().await;
            }
            () = shutdown.cancelled() => {}
        }
        self.shared.draining.cancel();
        let roster = &self.shared.roster;
        self.shared.followers.end_others(|id| roster.is_here(id));
        self.shared.tasks.close();
        let drain = Duration::from_millis(self.shared.config.drain_ms);
        if tokio::time::timeout(drain, self.shared.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                drain_ms = self.shared.config.drain_ms,
                "attempts are cut off, they outlasted the drain"
            );
            self.shared.killed.cancel();
            self.shared.tasks.wait().await;
        }
    }

    /// Lets the evaluator get ready beside everything else, where a state machine will need it.
    fn warm_evaluator(&self) {
        let authority = self.shared.authority();
        let mut newest = authority
            .machines
            .values()
            .filter_map(|revisions| revisions.last());
        if !newest.any(|newest| newest.machine.needs_evaluator()) {
            return;
        }
        let evaluator = Arc::clone(&self.shared.ports.evaluator);
        self.shared.tasks.spawn_blocking(move || {
            if let Err(error) = evaluator.check(&["1"]) {
                tracing::error!(%error, "JSONata cannot be evaluated");
            }
        });
    }

    /// Takes up what goes on by itself, then rings alarms for as long as the store works.
    async fn take_up_executions(&self) -> Result<(), Error> {
        self.shared.recover().await?;
        self.shared.recovered.cancel();
        let shared = Arc::clone(&self.shared);
        Engine { shared }.resume_deletions();
        let shared = Arc::clone(&self.shared);
        self.shared.tasks.spawn(shared.retain());
        self.shared.ring_alarms().await
    }
}
