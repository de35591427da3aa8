//! Deleting state machines: their executions are stopped, their revisions are kept for reading.

use std::sync::Arc;

use asl::{ExecutionId, Status};
use auth::names::Name;
use auth::policy::{Action as _, DeleteStateMachine, Permit, Resource};
use ports::{Decision, ExecutionFilter, ListCursor};
use serde_json::json;

use super::Standing;
use super::registration::Deletion;
use crate::actor::Stop;
use crate::backoff::Backoff;
use crate::{Engine, Error};

/// Executions looked at per call while they are stopped.
const PAGE: usize = 256;

impl Engine {
    /// Deletes a state machine with its versions and aliases, and begins to stop its executions;
    /// its name is free once all have ended. One that is not there is no error.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delete_machine(
        &self,
        permit: Permit<DeleteStateMachine>,
        name: Name,
    ) -> Result<(), Error> {
        let engine = self.clone();
        self.to_its_end(async move {
            if !engine.begin_deleting(&permit, &name).await? {
                return Ok(());
            }
            // INVARIANT: from here on no start of it is committed, so none is overlooked.
            let is_told = match engine.has_running(&name).await {
                Ok(false) => engine.tell_deleted(&name).await.is_ok(),
                Ok(true) | Err(_) => false,
            };
            if !is_told {
                engine.go_on_deleting(name);
            }
            Ok(())
        })
        .await
    }

    /// Writes down that nothing of it is started any more; whether there was anything to delete.
    async fn begin_deleting(
        &self,
        permit: &Permit<DeleteStateMachine>,
        name: &Name,
    ) -> Result<bool, Error> {
        let is_running = self.has_running(name).await?;
        let _lane = self.shared.change().await;
        let authority = self.shared.authority();
        let registration = match authority.standing(name) {
            Standing::Active(_, registration) => registration,
            Standing::Absent | Standing::Deleting => return Ok(false),
        };
        let mut changed = registration.next();
        changed.deletion = Some(Deletion {
            caller: permit.caller().clone(),
            rules: permit.rules().to_vec(),
            is_done: false,
        });
        let record = self.allowed(permit, json!({"executions": is_running}));
        self.register_before_starts(&authority, changed, record)
            .await?;
        Ok(true)
    }

    /// Takes up the deletions that the last host did not finish.
    pub(crate) fn resume_deletions(&self) {
        let authority = self.shared.authority();
        for registration in authority.registrations.values() {
            let deletion = registration.deletion.as_ref();
            if deletion.is_some_and(|deletion| !deletion.is_done) {
                self.go_on_deleting(registration.name().clone());
            }
        }
    }

    fn go_on_deleting(&self, name: Name) {
        let engine = self.clone();
        let tasks = self.shared.tasks.clone();
        tasks.spawn(async move { engine.delete_patiently(&name).await });
    }

    /// Tries until it is done, or the host ends.
    async fn delete_patiently(&self, name: &Name) {
        let mut pauses = Backoff::default();
        while let Err(error) = self.finish_deleting(name).await {
            if self.shared.draining.is_cancelled() || self.shared.failed.is_cancelled() {
                tracing::warn!(state_machine = %name, %error, "the deletion goes on with the next host");
                return;
            }
            tracing::warn!(state_machine = %name, %error, "the deletion is not done yet");
            tokio::select! {
                biased;
                () = self.shared.draining.cancelled() => {}
                () = self.shared.failed.cancelled() => {}
                () = pauses.pause() => {}
            }
        }
    }

    async fn finish_deleting(&self, name: &Name) -> Result<(), Error> {
        let Some(deletion) = self.deletion(name) else {
            return Ok(());
        };
        let mut left = None;
        let mut before = None;
        loop {
            let page = self.running_page(name, before).await?;
            for description in &page.items {
                let id = &description.start.header.id;
                left = self.stop_deleted(id, &deletion).await?.or(left);
            }
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        for id in self.shared.express.running_of(name.as_str()) {
            // One that ended meanwhile is nowhere to be taken up from.
            if self.shared.roster.is_here(&id) {
                left = self.stop_deleted(&id, &deletion).await?.or(left);
            }
        }
        match left {
            Some(problem) => Err(problem),
            None => self.tell_deleted(name).await,
        }
    }

    /// Writes down that none of its executions runs any more; its name is free from here on.
    async fn tell_deleted(&self, name: &Name) -> Result<(), Error> {
        let _lane = self.shared.change().await;
        let Some(deletion) = self.deletion(name) else {
            return Ok(());
        };
        let authority = self.shared.authority();
        let Some(registration) = authority.registrations.get(name) else {
            return Ok(());
        };
        let mut changed = registration.next();
        if let Some(deletion) = &mut changed.deletion {
            deletion.is_done = true;
        }
        let decision = Decision::Allowed {
            rules: deletion.rules.clone(),
        };
        let resource = Resource::state_machine(name).to_string();
        let action = DeleteStateMachine::NAME;
        let mut record = self.request_record(&deletion.caller, action, &resource, decision);
        record.outcome = json!({"deleted": true});
        self.register(&authority, changed, record).await
    }

    /// Stops an execution of a deleted state machine, whoever started it. What keeps one from
    /// being stopped keeps no other: it is answered, to be tried again.
    ///
    /// # Errors
    /// [`Error::Closing`]: the host drains.
    async fn stop_deleted(
        &self,
        id: &ExecutionId,
        deletion: &Deletion,
    ) -> Result<Option<Error>, Error> {
        let stopped = self.stop_with(id, |done| Stop {
            error: None,
            cause: None,
            caller: deletion.caller.clone(),
            rules: deletion.rules.clone(),
            through: "http",
            done,
        });
        let left = match stopped.await {
            Ok(_) | Err(Error::NotFound(_)) => None,
            // It cannot go on, and is on record as one that cannot.
            Err(error @ Error::Stranded { .. }) => {
                tracing::warn!(execution = %id, %error, "it is not stopped with its state machine");
                None
            }
            Err(error) => Some(error),
        };
        match self.shared.draining.is_cancelled() {
            true => Err(Error::Closing),
            false => Ok(left),
        }
    }

    fn deletion(&self, name: &Name) -> Option<Deletion> {
        let authority = self.shared.authority();
        let registration = Arc::clone(authority.registrations.get(name)?);
        let deletion = registration.deletion.as_ref()?;
        (!deletion.is_done).then(|| deletion.clone())
    }

    async fn has_running(&self, name: &Name) -> Result<bool, Error> {
        if !self.shared.express.running_of(name.as_str()).is_empty() {
            return Ok(true);
        }
        let mut before = None;
        loop {
            let page = self.running_page(name, before).await?;
            before = page.next;
            if !page.items.is_empty() || before.is_none() {
                return Ok(!page.items.is_empty());
            }
        }
    }

    async fn running_page(
        &self,
        name: &Name,
        cursor: Option<ListCursor>,
    ) -> Result<ports::Page<ports::Description, ListCursor>, Error> {
        let filter = ExecutionFilter {
            machine_arn: Some(self.shared.state_machine_arn(name)),
            status: Some(Status::Running),
            ..ExecutionFilter::default()
        };
        let archive = &self.shared.ports.archive;
        Ok(archive.executions(filter, cursor, PAGE).await?)
    }
}
