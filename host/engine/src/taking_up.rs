//! Bringing a stored execution into memory when somebody asks for it or its alarm is due.
//!
//! Owns how many arrive at once, how one is restored, and what becomes of one that cannot be. It
//! does not know what an execution does once it is in memory.

mod again;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asl::ExecutionId;
use ports::{Claim, StoreError, StoredExecution};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use crate::actor::{Actor, Message};
use crate::express::{Express, Form, Keeping};
use crate::roster::Running;
use crate::shared::Shared;
use crate::{Engine, Error};

/// How many stranded executions are known by heart; of more there is only the log.
const STRANDED_MAX: usize = 1_000;

/// Executions that run and cannot be gone on with, and why.
#[derive(Default)]
pub(crate) struct Stranded(Mutex<BTreeMap<ExecutionId, Arc<str>>>);

/// The room that an execution takes until its first step in memory is durable.
pub(crate) type Arrival = OwnedSemaphorePermit;

impl Stranded {
    pub(crate) fn add(&self, id: &ExecutionId, reason: &Arc<str>) {
        tracing::error!(execution = %id, reason = &**reason, "the execution cannot be taken up");
        let mut stranded = self.lock();
        if stranded.len() < STRANDED_MAX {
            stranded.insert(id.clone(), Arc::clone(reason));
        }
    }

    fn remove(&self, id: &ExecutionId) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Arc<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Executions that are running but cannot be restored, and why: their records are damaged, or
    /// what they need is gone. They are tried again when somebody asks for them.
    pub fn stranded(&self) -> Vec<(ExecutionId, Arc<str>)> {
        let stranded = self.shared.stranded.lock();
        stranded
            .iter()
            .map(|(id, reason)| (id.clone(), Arc::clone(reason)))
            .collect()
    }
}

impl Shared {
    /// Waits for room to bring an execution in; none comes on a draining host.
    pub(crate) async fn arrival(&self) -> Option<Arrival> {
        let arrivals = Arc::clone(&self.arrivals);
        tokio::select! {
            biased;
            () = self.draining.cancelled() => None,
            arrival = arrivals.acquire_owned() => arrival.ok(),
        }
    }

    /// Takes up an execution that nobody asked for.
    pub(crate) async fn bring_in(self: &Arc<Self>, claim: Claim, arrival: Arrival) {
        let id = claim.id.clone();
        match self.take_up(claim, Some(arrival), None).await {
            Ok(_) | Err(Error::Stranded { .. } | Error::Closing) => {}
            Err(error) => tracing::error!(execution = %id, %error, "the execution is not taken up"),
        }
    }

    /// The claim to an execution that somebody asks for or whose alarm is due.
    pub(crate) async fn claim(&self, id: &ExecutionId) -> Result<Claim, Error> {
        let fence = self.ports.journal.fence().await?;
        let id = id.clone();
        Ok(Claim { id, fence })
    }

    /// Takes up a stored execution with a message for it, which is given back if the execution
    /// is in memory already.
    pub(crate) async fn take_up(
        self: &Arc<Self>,
        claim: Claim,
        arrival: Option<Arrival>,
        message: Option<Message>,
    ) -> Result<Option<Message>, Error> {
        let id = claim.id.clone();
        // INVARIANT: room comes before the lane, as it does where an alarm rings; so nobody in a
        // lane waits for room that is held by somebody who waits for that lane.
        let arrival = match arrival {
            Some(arrival) => arrival,
            None => self.arrival().await.ok_or(Error::Closing)?,
        };
        let lane = self.roster.enter(&id).await;
        if self.roster.is_here(&id) {
            return Ok(message);
        }
        let stored = self.ports.journal.load(&id).await;
        let mut restored = self.restore(claim, stored).await?;
        restored.actor.arrive(arrival, message);
        self.set_going(restored);
        drop(lane);
        Ok(None)
    }

    /// Lets an execution run that was brought into memory.
    pub(crate) fn set_going(self: &Arc<Self>, restored: Restored) {
        let Restored {
            id,
            actor,
            running,
            course,
        } = restored;
        let bound = actor.bound_to();
        self.roster.add(id.clone(), running);
        match course {
            Course::GoesOn => self.tasks.spawn(actor.run()),
            Course::BeginsAgain => self.tasks.spawn(actor.run_again()),
        };
        if let Some((caller, parent)) = bound {
            let shared = Arc::clone(self);
            Engine { shared }.end_with_parent(id, caller, parent);
        }
    }

    /// Makes of what is stored of an execution one that can be set going.
    ///
    /// # Errors
    /// [`Error::Stranded`], or there is none.
    pub(crate) async fn restore(
        self: &Arc<Self>,
        claim: Claim,
        stored: Result<Option<StoredExecution>, StoreError>,
    ) -> Result<Restored, Error> {
        let id = claim.id.clone();
        let restored = match stored {
            Ok(Some(stored)) => self.restored_apart(claim, stored).await,
            Ok(None) => Err(Error::NotFound(format!("execution `{id}`"))),
            Err(error) => Err(error.into()),
        };
        let restored = restored.map_err(|error| self.strand(&id, error))?;
        self.stranded.remove(&id);
        Ok(restored)
    }

    /// Keeps account of an execution that cannot be restored, if that is not the store's failure.
    fn strand(&self, id: &ExecutionId, error: Error) -> Error {
        let reason: Arc<str> = if let Error::Stranded { reason, .. } = error {
            reason
        } else if let Error::Store(damaged @ StoreError::Damaged { .. }) = &error {
            damaged.to_string().into()
        } else {
            return error;
        };
        self.stranded.add(id, &reason);
        let id = id.clone();
        Error::Stranded { id, reason }
    }

    /// On a task of its own, so that one that cannot be restored takes nobody with it.
    async fn restored_apart(
        self: &Arc<Self>,
        claim: Claim,
        stored: StoredExecution,
    ) -> Result<Restored, Error> {
        let (id, shared) = (claim.id.clone(), Arc::clone(self));
        let restoring = tokio::spawn(async move { shared.restored(claim, stored) });
        restoring.await.unwrap_or_else(|panicked| {
            let reason = panicked.to_string().into();
            Err(Error::Stranded { id, reason })
        })
    }

    fn restored(
        self: &Arc<Self>,
        claim: Claim,
        stored: StoredExecution,
    ) -> Result<Restored, Error> {
        let Claim { id, fence } = claim;
        let stranded = |reason: String| Error::Stranded {
            id: id.clone(),
            reason: reason.into(),
        };
        let key = &stored.start.machine;
        let machine = self.authority().machine_revision(key).cloned();
        let machine = machine.ok_or_else(|| {
            stranded(format!(
                "revision {} of state machine `{}` is gone",
                key.revision, key.name
            ))
        })?;
        let posture = stored.posture();
        let start = Arc::new(stored.start.clone());
        let execution = stored
            .restore()
            .map_err(|error| stranded(error.to_string()))?;
        // The limit is on starts; what was started before goes on whatever it is.
        let place = self.pressure.place_beyond(&start.header.principal);
        let shared = Arc::clone(self);
        if execution.has_begun() {
            let (input, keeping) = (Arc::new(Value::Null), Keeping::Journal(fence));
            let (mut actor, running) = Actor::new(shared, start, input, machine, keeping, place);
            actor.resume(execution, posture);
            return Ok(Restored {
                id,
                actor,
                running,
                course: Course::GoesOn,
            });
        }
        // Only the start of an express execution is stored before its end.
        let input = execution.input();
        let is_stored = true;
        let form = Form::Asynchronous { fence, is_stored };
        let place = place.with_express(self.express.place_beyond(&start.header.principal));
        let express = Express::new(&self.express, (&start, &input), form);
        let keeping = Keeping::Memory(Box::new(express));
        let (actor, running) = Actor::new(shared, start, input, machine, keeping, place);
        Ok(Restored {
            id,
            actor,
            running,
            course: Course::BeginsAgain,
        })
    }
}

/// A stored execution in memory, before it runs there.
pub(crate) struct Restored {
    id: ExecutionId,
    actor: Actor,
    running: Running,
    course: Course,
}

/// How a stored execution is taken up.
enum Course {
    /// Where its steps left it.
    GoesOn,
    /// From its beginning, as none of its steps is stored.
    BeginsAgain,
}
