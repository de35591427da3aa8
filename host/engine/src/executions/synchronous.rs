//! Starting an execution and waiting for its end.

use std::time::Duration;

use auth::policy::{Permit, ReadExecution, StartExecution};
use ports::Description;

use super::{StartRequest, Started};
use crate::machines::Selected;
use crate::{Engine, Error, MachineType};

/// How long a caller is kept waiting; the service ends express executions after as long.
const WAIT_MAX: Duration = Duration::from_secs(5 * 60);

impl Engine {
    /// Starts an execution of an express state machine and waits until its end is durable.
    ///
    /// # Errors
    /// As [`Self::start`] says; [`Error::TypeNotSupported`] for a standard state machine,
    /// [`Error::Closing`] if the host ends first or the execution outlasts five minutes, in
    /// which case it goes on.
    pub async fn start_and_wait(
        &self,
        permit: Permit<StartExecution>,
        _read: Permit<ReadExecution>,
        request: StartRequest,
    ) -> Result<Description, Error> {
        let Selected { machine, .. } =
            self.select(&request.state_machine, request.qualifier.as_ref(), 0)?;
        if machine.settings.kind != MachineType::Express {
            return Err(Error::TypeNotSupported(machine.settings.kind.as_str()));
        }
        let started = self.start(permit, request).await?.into_inner();
        if let Some(mut follower) = self.follow(&started.id).await? {
            let ended = async { while follower.changed().await.is_ok() {} };
            tokio::time::timeout(WAIT_MAX, ended)
                .await
                .map_err(|_| Error::Closing)?;
        }
        self.ended(&started).await
    }

    async fn ended(&self, started: &Started) -> Result<Description, Error> {
        let archive = &self.shared.ports.archive;
        let description = archive.execution(&started.id).await?;
        let ended = description.filter(|known| known.summary.status.is_terminal());
        ended.ok_or(Error::Closing)
    }
}
