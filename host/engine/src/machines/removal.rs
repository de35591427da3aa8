//! Deleting state machines: their executions are stopped, their revisions are kept for reading.

use std::sync::Arc;

use asl::{ExecutionId, Status};
use auth::names::Name;
use auth::policy::{Action as _, DeleteStateMachine, Permit, Resource};
use ports::{Decision, ExecutionFilter, ListCursor};
use serde_json::json;

use super::Standing;
use super::registration::Deletion;
use crate::actor::{Message, Stop};
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
            let is_running = engine.has_running(&name).await?;
            let _lane = engine.shared.change().await;
            let authority = engine.shared.authority();
            let registration = match authority.standing(&name) {
                Standing::Active(_, registration) => registration,
                Standing::Absent | Standing::Deleting => return Ok(()),
            };
            let mut changed = registration.next();
            changed.deletion = Some(Deletion {
                caller: permit.caller().clone(),
                rules: permit.rules().to_vec(),
                is_done: !is_running,
            });
            let record = engine.allowed(&permit, json!({"executions": is_running}));
            engine.register(&authority, changed, record).await?;
            if is_running {
                engine.go_on_deleting(name);
            }
            Ok(())
        })
        .await
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
        self.shared.tasks.spawn(async move {
            if let Err(error) = engine.finish_deleting(&name).await {
                tracing::warn!(state_machine = %name, %error, "the deletion goes on with the next host");
            }
        });
    }

    async fn finish_deleting(&self, name: &Name) -> Result<(), Error> {
        let Some(deletion) = self.deletion(name) else {
            return Ok(());
        };
        let mut before = None;
        loop {
            let page = self.running_page(name, before).await?;
            for description in &page.items {
                let id = &description.start.header.id;
                self.stop_deleted(id, &deletion).await?;
            }
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        for id in self.shared.express.running_of(name.as_str()) {
            // One that ended meanwhile is nowhere to be taken up from.
            if self.shared.roster.is_here(&id) {
                self.stop_deleted(&id, &deletion).await?;
            }
        }
        let _lane = self.shared.change().await;
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

    /// Stops an execution of a deleted state machine, whoever started it.
    async fn stop_deleted(&self, id: &ExecutionId, deletion: &Deletion) -> Result<(), Error> {
        let stopped = self.ask(id, |done| {
            Message::Stop(Box::new(Stop {
                error: None,
                cause: None,
                caller: deletion.caller.clone(),
                rules: deletion.rules.clone(),
                through: "http",
                done,
            }))
        });
        if let Some(answer) = stopped.await? {
            answer?;
        }
        match self.shared.draining.is_cancelled() {
            true => Err(Error::Closing),
            false => Ok(()),
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
