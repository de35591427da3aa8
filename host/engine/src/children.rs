//! Executions that executions start.
//!
//! Owns that an effect performed twice starts one execution, how its end is waited for, and that
//! a bound one does not outlive the effect. It does not know what the effect is of.

use std::future::Future;

use asl::{EffectId, ExecutionId, Timestamp};
use auth::names::{Name, ServiceName};
use auth::policy::{Action, Denied, Permit, ReadExecution, Resource, StartExecution};
use auth::principal::Caller;
use ports::{AuditRecord, Decision, Description, Parent, Start, StoreError, TraceContext};
use serde_json::Value;

use crate::actor::{Message, Stop};
use crate::backoff::Backoff;
use crate::tasks::TaskMessage;
use crate::{Engine, Error, Health, Qualifier, StartRequest, Started};

/// How many executions may stand above one another.
pub(crate) const DEPTH_MAX: u32 = 32;
/// How often a store that fails for a moment is asked, some ten seconds long.
const TRIES_MAX: u32 = 10;

/// What to start.
#[derive(Clone, Debug)]
pub(crate) struct ChildStart {
    /// Of which state machine.
    pub(crate) state_machine: Name,
    /// Which revision of it.
    pub(crate) qualifier: Option<Qualifier>,
    /// Under which name: the same whenever the effect is performed.
    pub(crate) name: ServiceName,
    /// With which input.
    pub(crate) input: Value,
    /// On whose behalf.
    pub(crate) origin: Origin,
    /// Where it stands in a trace.
    pub(crate) trace: Option<TraceContext>,
}

/// The attempt of another execution that starts one.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// Its effect.
    pub(crate) parent: Parent,
    /// The Task's state.
    pub(crate) state: String,
    /// Which of its attempts.
    pub(crate) attempt: u32,
}

/// What a child of an effect is told of its parent; nothing where it would stand too deep.
pub(crate) fn parent_of(start: &Start, effect: EffectId, is_bound: bool) -> Option<Parent> {
    let above = start.selection.parent.as_ref();
    let depth = above.map_or(0, |parent| parent.depth).saturating_add(1);
    (depth <= DEPTH_MAX).then(|| Parent {
        execution: start.header.id.clone(),
        effect,
        is_bound,
        depth,
    })
}

/// What a start that would stand too deep is told.
pub(crate) fn too_deep() -> String {
    format!("executions may start one another at most {DEPTH_MAX} levels deep")
}

impl Engine {
    /// Starts an execution for an effect of another one, decided as a start of its caller's; the
    /// execution that the effect started before is found, whatever became of it.
    ///
    /// # Errors
    /// As [`Engine::start`] says.
    pub(crate) async fn start_child(
        &self,
        caller: &Caller,
        child: ChildStart,
    ) -> Result<Started, Error> {
        self.recovered().await;
        let parent = &child.origin.parent;
        let known = self.child(&child.state_machine, &child.name, parent);
        if let Some(known) = known.await? {
            return Ok(Started::of(&known.start.header));
        }
        let permit = self.permit_child::<StartExecution>(caller, &child).await?;
        if parent.is_bound {
            self.permit_child::<ReadExecution>(caller, &child).await?;
        }
        let request = StartRequest {
            qualifier: child.qualifier,
            name: Some(child.name),
            trace: child.trace,
            ..StartRequest::new(child.state_machine, child.input)
        };
        let started = self.start_for(permit, request, Some(child.origin));
        Ok(started.await?.into_inner())
    }

    async fn permit_child<A: Action>(
        &self,
        caller: &Caller,
        child: &ChildStart,
    ) -> Result<Permit<A>, Error> {
        let resource = Resource::state_machine(&child.state_machine);
        match self.policies().permits::<A>(caller, &resource) {
            Ok(permit) => Ok(permit),
            Err(denied) => {
                self.record_denied_child(caller, &denied, &child.origin)
                    .await?;
                Err(denied.into())
            }
        }
    }

    /// Records that policy refused an execution what its effect asked for.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn record_denied_child(
        &self,
        caller: &Caller,
        denied: &Denied,
        origin: &Origin,
    ) -> Result<(), Error> {
        let decision = Decision::Denied {
            rule: denied.rule.clone(),
            reason: denied.reason.clone(),
        };
        let record = self.request_record(caller, denied.action, &denied.resource, decision);
        self.record(AuditRecord {
            through: "engine".to_owned(),
            execution: Some(origin.parent.execution.clone()),
            state: Some(origin.state.clone()),
            attempt: Some(origin.attempt),
            ..record
        })
        .await
    }

    /// The execution of a state machine that this effect started under this name.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn child(
        &self,
        machine: &Name,
        name: &ServiceName,
        parent: &Parent,
    ) -> Result<Option<Description>, Error> {
        let archive = &self.shared.ports.archive;
        let arn = self.shared.state_machine_arn(machine);
        for name in [name.to_string(), parent.express_name(name.as_str())] {
            let Some(id) = archive.execution_named(&arn, &name).await? else {
                continue;
            };
            let known = archive.execution(&id).await?;
            let known = known.filter(|known| {
                let started_by = known.start.selection.parent.as_ref();
                started_by.is_some_and(|started_by| started_by.is_same(parent))
            });
            if known.is_some() {
                return Ok(known);
            }
        }
        Ok(None)
    }

    /// Asks again, ever more rarely, while the store fails for a moment.
    ///
    /// # Errors
    /// As `ask` says, after some ten seconds for a store that goes on failing.
    pub(crate) async fn patiently<T, F>(&self, mut ask: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut backoff = Backoff::default();
        for _ in 1..TRIES_MAX {
            match ask().await {
                Err(Error::Store(problem @ (StoreError::Io(_) | StoreError::Full { .. })))
                    if self.goes_on() =>
                {
                    tracing::warn!(%problem, "the store is asked again");
                    tokio::select! {
                        biased;
                        () = backoff.pause() => {}
                        () = self.shared.draining.cancelled() => return Err(Error::Closing),
                    }
                }
                result => return result,
            }
        }
        ask().await
    }

    /// Whether an error is for the next host to get over, as this one ends. One that has lost its
    /// store does not wait: what it cannot commit ends its executions here.
    pub(crate) fn is_left_to_next_host(&self, error: &Error) -> bool {
        match self.health() {
            Health::Draining => true,
            Health::Failed => false,
            Health::Ready | Health::Recovering => matches!(error, Error::Closing),
        }
    }

    fn goes_on(&self) -> bool {
        match self.health() {
            Health::Ready | Health::Recovering => true,
            Health::Draining | Health::Failed => false,
        }
    }

    /// Waits until an execution has ended, taking it up where nobody runs it.
    ///
    /// Nothing is polled: whoever runs it tells when it has ended. The pauses are between tries to
    /// take up one that was given up before its end, as a commit of it failed while the store
    /// goes on: of that nobody tells, and at once it would most likely fail again.
    ///
    /// # Errors
    /// [`Error::NotFound`], the store failed, or the host is ending.
    pub(crate) async fn child_ended(&self, id: &ExecutionId) -> Result<Description, Error> {
        self.recovered().await;
        let mut backoff = Backoff::default();
        loop {
            if let Some(mut follower) = self.patiently(|| self.follow(id)).await? {
                match self.patiently(|| self.revive(id)).await {
                    Ok(()) => while follower.changed().await.is_ok() {},
                    Err(Error::Recovering { .. }) => {}
                    Err(Error::Closing) if self.goes_on() => {}
                    Err(error) => return Err(error),
                }
            }
            let archive = &self.shared.ports.archive;
            let known = self
                .patiently(|| async { Ok(archive.execution(id).await?) })
                .await?;
            let known = known.ok_or_else(|| Error::NotFound(format!("execution `{id}`")))?;
            if known.summary.status.is_terminal() {
                return Ok(known);
            }
            self.check_health()?;
            // Not at once, lest one that nobody can run is taken up without end.
            backoff.pause().await;
        }
    }

    /// Stops an execution on behalf of the one that started it.
    ///
    /// # Errors
    /// [`Error::NotFound`], or the store failed.
    pub(crate) async fn stop_child(
        &self,
        id: &ExecutionId,
        caller: &Caller,
    ) -> Result<Timestamp, Error> {
        self.stop_with(id, |done| Stop {
            error: None,
            cause: Some("the execution that started it no longer waits for it".to_owned()),
            caller: caller.clone(),
            rules: Vec::new(),
            through: "engine",
            done,
        })
        .await
    }

    /// Stops a bound execution that was taken up, if the one that started it stopped waiting for
    /// it before the last host could say so.
    pub(crate) fn end_with_parent(&self, id: ExecutionId, caller: Caller, parent: Parent) {
        let engine = self.clone();
        let ended = async move { engine.end_if_unwanted(id, caller, parent).await };
        self.shared.tasks.spawn(ended);
    }

    async fn end_if_unwanted(&self, id: ExecutionId, caller: Caller, parent: Parent) {
        self.recovered().await;
        let mut backoff = Backoff::default();
        let waits = loop {
            match self.patiently(|| self.awaits(&parent)).await {
                Err(Error::Recovering { .. }) => backoff.pause().await,
                Ok(waits) => break waits,
                Err(error) => {
                    tracing::warn!(execution = %id, %error, "nobody knows whether it is still waited for");
                    return;
                }
            }
        };
        if !waits && let Err(error) = self.stop_child(&id, &caller).await {
            tracing::warn!(execution = %id, %error, "it is not waited for, and could not be stopped");
        }
    }

    async fn awaits(&self, parent: &Parent) -> Result<bool, Error> {
        let effect = parent.effect;
        let asked = self.ask(&parent.execution, |done| {
            Message::Task(TaskMessage::Awaits(effect, done))
        });
        Ok(asked.await?.unwrap_or(false))
    }
}
