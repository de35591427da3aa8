//! Reaching executions, wherever they stand, and stopping them.

use asl::{ExecutionId, Timestamp};
use auth::policy::{Permit, StopExecution};
use ports::Claim;
use tokio::sync::oneshot;

use crate::actor::{Message, Stop};
use crate::shared::Running;
use crate::{Engine, Error};

impl Engine {
    /// Stops an execution; returns once that is durable. One that has ended stays as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`], or the store failed.
    pub async fn stop(
        &self,
        permit: Permit<StopExecution>,
        id: &ExecutionId,
        error: Option<String>,
        cause: Option<String>,
    ) -> Result<Timestamp, Error> {
        self.stop_with(id, |done| Stop {
            error,
            cause,
            caller: permit.caller().clone(),
            rules: permit.rules().to_vec(),
            through: "http",
            done,
        })
        .await
    }

    /// Stops an execution; returns once that is durable. One that has ended stays as it is.
    pub(crate) async fn stop_with(
        &self,
        id: &ExecutionId,
        stop: impl FnOnce(oneshot::Sender<Result<Timestamp, Error>>) -> Stop,
    ) -> Result<Timestamp, Error> {
        let stopped = self.ask(id, |done| Message::Stop(Box::new(stop(done))));
        match stopped.await? {
            Some(answer) => answer,
            None => self.stopped_at(id).await?.ok_or(Error::Closing),
        }
    }

    /// How to reach an execution, which is taken up first where nobody runs it; nothing if it
    /// has ended.
    pub(crate) async fn reach(&self, id: &ExecutionId) -> Result<Option<Running>, Error> {
        if let Some(running) = self.shared.running(id) {
            return Ok(Some(running));
        }
        if self.stopped_at(id).await?.is_some() {
            return Ok(None);
        }
        self.check_health()?;
        let fence = self.shared.ports.journal.fence().await?;
        let id = id.clone();
        let claim = Claim {
            id: id.clone(),
            fence,
        };
        self.shared.take_up(claim).await?;
        match self.shared.running(&id) {
            Some(running) => Ok(Some(running)),
            None => match self.stopped_at(&id).await? {
                Some(_) => Ok(None),
                None => Err(Error::Closing),
            },
        }
    }

    pub(crate) async fn stopped_at(&self, id: &ExecutionId) -> Result<Option<Timestamp>, Error> {
        let description = self.described(id).await?;
        let description =
            description.ok_or_else(|| Error::NotFound(format!("execution `{id}`")))?;
        Ok(description.summary.stopped_at)
    }
}
