//! Reaching executions, wherever they stand, and stopping them.

use asl::{ExecutionId, Timestamp};
use auth::policy::{Permit, StopExecution};
use tokio::sync::oneshot;

use crate::actor::{Message, Stop};
use crate::{Engine, Error};

/// How often a message that an execution did not take, as it left memory, is handed over again.
const TRIES_MAX: u32 = 16;

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

    /// Hands a message to an execution, which is taken up first where nobody runs it; whether it
    /// was handed over, as an execution that has ended takes none.
    pub(crate) async fn deliver(
        &self,
        id: &ExecutionId,
        mut message: Message,
    ) -> Result<bool, Error> {
        // It may leave memory between being found and being told, but not without end.
        for _ in 0..TRIES_MAX {
            if let Some(running) = self.shared.roster.find(id) {
                match running.mailbox.send(message).await {
                    Ok(()) => return Ok(true),
                    Err(unsent) => message = unsent.0,
                }
            }
            if self.stopped_at(id).await?.is_some() {
                return Ok(false);
            }
            self.check_health()?;
            let claim = self.shared.claim(id).await?;
            match self.shared.take_up(claim, None, Some(message)).await? {
                None => return Ok(true),
                Some(unsent) => message = unsent,
            }
        }
        Err(Error::Closing)
    }

    /// Takes an execution up where nobody runs it and it has not ended.
    pub(crate) async fn revive(&self, id: &ExecutionId) -> Result<(), Error> {
        if self.shared.roster.is_here(id) || self.stopped_at(id).await?.is_some() {
            return Ok(());
        }
        self.check_health()?;
        let claim = self.shared.claim(id).await?;
        self.shared.take_up(claim, None, None).await.map(|_| ())
    }

    pub(crate) async fn stopped_at(&self, id: &ExecutionId) -> Result<Option<Timestamp>, Error> {
        let description = self.described(id).await?;
        let description =
            description.ok_or_else(|| Error::NotFound(format!("execution `{id}`")))?;
        Ok(description.summary.stopped_at)
    }
}
