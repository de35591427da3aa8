//! Workers asking for an activity's tasks.

use std::time::Duration;

use asl::EffectId;
use auth::names::ServiceName;
use auth::policy::{GetActivityTask, Permit};
use auth::principal::Caller;
use tokio::sync::oneshot;

use super::desk::Offer;
use super::{TaskError, TaskMessage};
use crate::actor::Message;
use crate::{Engine, Error};

/// How long a worker is kept waiting before it is told that there is nothing to do.
const POLL_MAX: Duration = Duration::from_secs(60);

/// A task that was handed to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityTask {
    /// What the worker answers it with.
    pub token: String,
    /// Its input, as JSON text.
    pub input: String,
}

/// That a task be handed to a worker.
pub(crate) struct TakeOrder {
    pub(crate) effect: EffectId,
    /// As the worker calls itself.
    pub(crate) worker: Option<String>,
    pub(crate) caller: Caller,
    pub(crate) rules: Vec<String>,
    pub(crate) activity: String,
    /// Told once that is durable; nothing if the task no longer waits.
    pub(crate) done: oneshot::Sender<Option<ActivityTask>>,
}

impl Engine {
    /// Hands a worker the activity's oldest waiting task, or nothing after a minute without one.
    /// That the task is taken is durable before it is told: one whose worker went away in
    /// between runs into its timeout.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the activity, [`TaskError::TooManyWorkers`], or the store failed.
    pub async fn activity_task(
        &self,
        permit: Permit<GetActivityTask>,
        activity: ServiceName,
        worker: Option<String>,
    ) -> Result<Option<ActivityTask>, TaskError> {
        if self.shared.authority().activity(&activity).is_none() {
            return Err(Error::NotFound(format!("activity `{activity}`")).into());
        }
        let desk = &self.shared.desk;
        let principal = permit.caller().principal.key();
        let share = desk.take(&principal);
        let _share = share.map_err(|full| {
            self.shared.metrics.refused("workers_waiting_max", full);
            TaskError::TooManyWorkers(full)
        })?;
        let lane = desk.lane(activity);
        let time_is_up = tokio::time::sleep(POLL_MAX);
        let mut time_is_up = std::pin::pin!(time_is_up);
        loop {
            let offer = tokio::select! {
                biased;
                () = self.shared.draining.cancelled() => None,
                offer = lane.next() => offer,
                () = &mut time_is_up => None,
            };
            let Some(offer) = offer else { return Ok(None) };
            // Once off the desk the task must reach somebody, whoever goes away meanwhile.
            let engine = self.clone();
            let taking = (permit.caller().clone(), permit.rules().to_vec());
            let order = (permit.resource().to_string(), worker.clone());
            let taken = self.to_its_end(async move { engine.take(offer, taking, order).await });
            if let Some(task) = taken.await? {
                return Ok(Some(task));
            }
        }
    }

    async fn take(
        &self,
        offer: Offer,
        (caller, rules): (Caller, Vec<String>),
        (activity, worker): (String, Option<String>),
    ) -> Result<Option<ActivityTask>, Error> {
        let Offer { execution, effect } = offer;
        let taken = self.ask(&execution, |done| {
            Message::Task(TaskMessage::Take(Box::new(TakeOrder {
                effect,
                worker,
                caller,
                rules,
                activity,
                done,
            })))
        });
        Ok(taken.await?.flatten())
    }
}
