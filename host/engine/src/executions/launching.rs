//! Carrying out a start that was decided: its first step, and whoever waits for its end.

use std::sync::Arc;

use auth::policy::{Permit, ReadExecution, StartExecution};
use ports::{AuditRecord, Description, Start};
use serde_json::Value;
use tokio::sync::oneshot;

use super::{StartRequest, Started};
use crate::actor::{Actor, Halt};
use crate::error::Created;
use crate::express::{Express, Form, Keeping};
use crate::machines::Selected;
use crate::pressure::Entry;
use crate::{Engine, Error, Machine, MachineType};

/// A start that may be carried out.
pub(super) struct Decided {
    pub(super) machine: Arc<Machine>,
    pub(super) start: Arc<Start>,
    pub(super) input: Arc<Value>,
    /// Tells of the decision.
    pub(super) record: AuditRecord,
    pub(super) entry: Entry,
}

impl Engine {
    /// Starts an execution of an express state machine and waits until its end is durable. One
    /// whose caller goes away runs on; one whose host dies does not run again.
    ///
    /// # Errors
    /// As [`Self::start`] says; [`Error::TypeNotSupported`] for a standard state machine,
    /// [`Error::Closing`] if the host ends first.
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
        let decided = self.decide_start(permit, request, None).await?;
        let (answer, ended) = oneshot::channel();
        let form = Form::Synchronous(Some(answer));
        self.launch_express(decided, form).await?;
        ended.await.map_err(|_| Error::Closing)?
    }

    /// Takes the first step of an execution whose end nobody waits for.
    pub(super) async fn launch(&self, decided: Decided) -> Result<Created<Started>, Error> {
        let fence = self.shared.ports.journal.fence().await?;
        match decided.machine.settings.kind {
            MachineType::Standard => self.take_first_step(decided, Keeping::Journal(fence)).await,
            MachineType::Express => {
                let is_stored = false;
                let form = Form::Asynchronous { fence, is_stored };
                self.launch_express(decided, form).await
            }
        }
    }

    async fn launch_express(
        &self,
        mut decided: Decided,
        form: Form,
    ) -> Result<Created<Started>, Error> {
        decided.record.request = form.told(&decided.record.request, &decided.input);
        let given = (&decided.start, &decided.input);
        let express = Express::new(&self.shared.express, given, form);
        let keeping = Keeping::Memory(Box::new(express));
        self.take_first_step(decided, keeping).await
    }

    async fn take_first_step(
        &self,
        decided: Decided,
        keeping: Keeping,
    ) -> Result<Created<Started>, Error> {
        let Decided {
            machine,
            start,
            input,
            record,
            entry: Entry { place, turn },
        } = decided;
        let started = Started::of(&start.header);
        let parent = start.selection.parent.clone();
        let (mut actor, running) = Actor::new(
            Arc::clone(&self.shared),
            start,
            Arc::clone(&input),
            machine,
            keeping,
            place,
        );
        // The caller may go away while the first step is committed; the execution must not.
        let shared = Arc::clone(&self.shared);
        let id = started.id.clone();
        let first_step = self.shared.tasks.spawn(async move {
            // It can be reached before its start is durable, so that nobody takes it up as well.
            shared.roster.add(id.clone(), running);
            let begun = actor.begin(record).await;
            drop(turn);
            match begun {
                Ok(()) => drop(shared.tasks.spawn(actor.run())),
                Err(_) => {
                    shared.roster.remove(&id);
                    shared.followers.end(&id);
                }
            }
            begun
        });
        match first_step.await.map_err(Error::host)? {
            Ok(()) => Ok(Created::New(started)),
            Err(Halt::Store(error) | Halt::Refused(error)) => Err(error),
            Err(Halt::NameTaken(id)) => self.same_start(&id, &input, parent.as_ref()).await,
        }
    }
}
