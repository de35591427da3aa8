//! Taking up the executions of the last host, and ending without losing any.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use asl::{Execution, ExecutionId};
use ports::{Claim, Fence};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::actor::Actor;
use crate::shared::{Running, Shared};
use crate::{Engine, Error};

/// Executions claimed per call.
const CLAIMS: usize = 256;

/// The engine's own work, to be run beside its requests.
pub struct Service {
    shared: Arc<Shared>,
}

impl Service {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Takes up every running execution, then waits for `shutdown`, then lets attempts finish
    /// for as long as the configuration says. What is not finished goes on with the next host.
    pub async fn run(self, shutdown: CancellationToken) {
        self.warm_evaluator();
        tokio::select! {
            biased;
            () = self.recover() => shutdown.cancelled().await,
            () = shutdown.cancelled() => {}
        }
        self.shared.draining.cancel();
        self.shared.recovery_over.cancel();
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

    async fn recover(&self) {
        let mut after = None;
        loop {
            let claims = match self.shared.ports.journal.claim(after.clone(), CLAIMS).await {
                Ok(claims) => claims,
                Err(error) => {
                    self.shared.fail(&error);
                    return;
                }
            };
            let Some(last) = claims.last() else { break };
            after = Some(last.id.clone());
            for claim in claims {
                let id = claim.id.clone();
                if let Err(error) = self.shared.take_up(claim).await {
                    tracing::error!(execution = %id, %error, "the execution cannot be taken up");
                }
            }
        }
        self.shared.recovered.store(true, Ordering::Relaxed);
        self.shared.recovery_over.cancel();
        let shared = Arc::clone(&self.shared);
        Engine { shared }.resume_deletions();
    }
}

impl Shared {
    /// Takes up a stored execution that nobody on this host runs.
    pub(crate) async fn take_up(self: &Arc<Self>, claim: Claim) -> Result<(), Error> {
        let Claim { id, fence } = claim;
        let _lane = self.taking_up().await;
        if self.running(&id).is_some() {
            return Ok(());
        }
        let (actor, running) = self.restore(&id, fence).await?;
        let bound = actor.bound_to();
        self.add_running(id.clone(), running);
        self.tasks.spawn(actor.run());
        if let Some((caller, parent)) = bound {
            let shared = Arc::clone(self);
            Engine { shared }.end_with_parent(id, caller, parent);
        }
        Ok(())
    }

    async fn restore(
        self: &Arc<Self>,
        id: &ExecutionId,
        fence: Fence,
    ) -> Result<(Actor, Running), Error> {
        let stored = self.ports.journal.load(id).await?;
        let stored = stored.ok_or_else(|| Error::NotFound(format!("execution `{id}`")))?;
        let authority = self.authority();
        let machine = authority.machine_revision(&stored.start.machine).cloned();
        let machine = machine.ok_or_else(|| {
            let key = &stored.start.machine;
            Error::NotFound(format!(
                "state machine `{}` revision {}",
                key.name, key.revision
            ))
        })?;
        let deltas = stored.records.into_iter().map(|record| record.delta);
        let execution =
            Execution::restore(stored.start.header.clone(), deltas).map_err(Error::host)?;
        // The limit is on starts; what was started before goes on whatever it is.
        let principal = &stored.start.header.principal;
        let share = self.pressure.executions.take_beyond(principal);
        let (mut actor, running) = Actor::new(
            Arc::clone(self),
            stored.start,
            Value::Null,
            machine,
            fence,
            share,
        );
        actor.resume(execution);
        Ok((actor, running))
    }
}
