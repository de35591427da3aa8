//! Taking up the executions of the last host, and ending without losing any.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use asl::{Execution, ExecutionId};
use ports::{Claim, Fence};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::actor::Actor;
use crate::express::{Express, Form, Keeping};
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
        // Nothing runs on for a host that is gone.
        let _cut_off = self.shared.killed.clone().drop_guard();
        self.warm_evaluator();
        tokio::select! {
            biased;
            () = self.recover() => shutdown.cancelled().await,
            () = shutdown.cancelled() => {}
        }
        self.shared.draining.cancel();
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
        let (actor, running, course) = self.restore(&id, fence).await?;
        let bound = actor.bound_to();
        self.add_running(id.clone(), running);
        match course {
            Course::GoesOn => self.tasks.spawn(actor.run()),
            Course::BeginsAgain => self.tasks.spawn(actor.run_again()),
        };
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
    ) -> Result<(Actor, Running, Course), Error> {
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
        let slot = Arc::clone(&self.executions).try_acquire_owned().ok();
        let start = Arc::new(stored.start);
        let input = Arc::new(Value::Null);
        let (course, keeping, input) = match execution.has_begun() {
            true => (Course::GoesOn, Keeping::Journal(fence), input),
            // Only the start of an express execution is stored before its end.
            false => {
                let (is_stored, input) = (true, execution.input());
                let form = Form::Asynchronous { fence, is_stored };
                let express = Express::new(&self.express, (&start, &input), form);
                let keeping = Keeping::Memory(Box::new(express));
                (Course::BeginsAgain, keeping, input)
            }
        };
        let (mut actor, running) =
            Actor::new(Arc::clone(self), start, input, machine, keeping, slot);
        if matches!(course, Course::GoesOn) {
            actor.resume(execution);
        }
        Ok((actor, running, course))
    }
}

/// How a stored execution is taken up.
enum Course {
    /// Where its steps left it.
    GoesOn,
    /// From its beginning, as none of its steps is stored.
    BeginsAgain,
}
