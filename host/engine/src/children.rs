//! Executions that executions start.
//!
//! Owns that an effect performed twice starts one execution, how its end is waited for, and that
//! a bound one does not outlive the effect. It does not know what the effect is of.

use std::time::Duration;

use asl::{ExecutionId, Timestamp};
use auth::names::{Name, ServiceName};
use auth::policy::{Resource, StartExecution};
use auth::principal::Caller;
use ports::{Description, Parent};
use serde_json::Value;

use crate::actor::{Message, Stop};
use crate::tasks::TaskMessage;
use crate::{Engine, Error, Health, Qualifier, StartRequest, Started};

/// How long to wait before asking again for what is not ready yet.
const PAUSE: Duration = Duration::from_millis(50);

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
    /// For which effect of which execution.
    pub(crate) parent: Parent,
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
        let known = self.child(&child.state_machine, &child.name).await?;
        let known =
            known.filter(|known| known.start.selection.parent == Some(child.parent.clone()));
        if let Some(known) = known {
            return Ok(Started::of(&known.start.header));
        }
        let resource = Resource::state_machine(&child.state_machine);
        let permit = match self.policies().permits::<StartExecution>(caller, &resource) {
            Ok(permit) => permit,
            Err(denied) => {
                self.record_denied(caller, &denied).await?;
                return Err(denied.into());
            }
        };
        let request = StartRequest {
            qualifier: child.qualifier,
            name: Some(child.name),
            ..StartRequest::new(child.state_machine, child.input)
        };
        let started = self.start_for(permit, request, Some(child.parent));
        Ok(started.await?.into_inner())
    }

    /// The execution of a state machine that has this name.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn child(
        &self,
        machine: &Name,
        name: &ServiceName,
    ) -> Result<Option<Description>, Error> {
        let archive = &self.shared.ports.archive;
        let arn = self.shared.state_machine_arn(machine);
        match archive.execution_named(&arn, name.as_str()).await? {
            Some(id) => Ok(archive.execution(&id).await?),
            None => Ok(None),
        }
    }

    /// Waits until an execution has ended, taking it up where nobody runs it.
    ///
    /// # Errors
    /// [`Error::NotFound`], the store failed, or the host is ending.
    pub(crate) async fn child_ended(&self, id: &ExecutionId) -> Result<Description, Error> {
        self.recovered().await;
        loop {
            if let Some(mut progress) = self.follow(id) {
                while progress.changed().await.is_ok() {}
            }
            let known = self.shared.ports.archive.execution(id).await?;
            let known = known.ok_or_else(|| Error::NotFound(format!("execution `{id}`")))?;
            if known.summary.status.is_terminal() {
                return Ok(known);
            }
            match self.reach(id).await {
                // Not at once, lest one that nobody can run is taken up without end.
                Ok(_) | Err(Error::Busy { .. }) => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(error),
            }
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
        let waits = loop {
            match self.awaits(&parent).await {
                Err(Error::Busy { .. }) => tokio::time::sleep(PAUSE).await,
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

    /// Waits until the executions of the last host are taken up, or this one is ending.
    async fn recovered(&self) {
        while self.health() == Health::Recovering {
            tokio::time::sleep(PAUSE).await;
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
