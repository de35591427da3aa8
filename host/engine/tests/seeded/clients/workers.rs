//! Those who answer Tasks: holders of tokens, and workers of the activity.

use std::time::Duration;

use asl::TaskToken;
use auth::names::ServiceName;
use auth::policy::{
    Action, GetActivityTask, Permit, Resource, SendTaskFailure, SendTaskHeartbeat, SendTaskSuccess,
};
use engine::{Engine, Error, TaskError, WaitingTask};

use super::Clients;
use crate::components::answer_later;
use crate::definitions::{ACTIVITY, CAUSE, ERROR};
use crate::dice::Dice;
use crate::invariants::holds;
use crate::invariants::told::Fact;
use crate::outside::{Content, Letter};
use crate::people::caller;

impl Clients {
    /// Sends every letter when its time has come. One that was not answered is sent again.
    pub(super) async fn post_letters(&self) {
        loop {
            let next = {
                let state = self.outside.state();
                let next = state.letters.first_key_value();
                next.map(|(place, letter)| (*place, letter.clone()))
            };
            let Some(((at, number), letter)) = next else {
                self.outside.posted.notified().await;
                continue;
            };
            tokio::select! {
                biased;
                () = self.outside.posted.notified() => continue,
                () = self.clock.until(at) => {}
            }
            match self.send(&letter).await {
                Ok(()) => {
                    self.outside.state().letters.remove(&(at, number));
                }
                Err(pause) => tokio::time::sleep(pause).await,
            }
        }
    }

    /// Sends a letter; how long to wait where it must be sent again.
    async fn send(&self, letter: &Letter) -> Result<(), Duration> {
        let sent = self.sent(letter).await;
        match sent {
            Ok(()) => {
                let token = TaskToken::parse(&letter.token).unwrap();
                let heard = match &letter.content {
                    Content::Success(output) => Some(output.clone()),
                    Content::Failure | Content::Heartbeat => None,
                };
                self.told(&token.execution, Fact::Answered(heard));
                Ok(())
            }
            Err(TaskError::Engine(Error::Recovering { .. })) => Err(Duration::from_millis(200)),
            Err(TaskError::Engine(Error::Closing | Error::Store(_) | Error::Host(_))) => {
                Err(Duration::from_secs(1))
            }
            Err(TaskError::InvalidToken) => {
                self.outside
                    .check(holds(false, "a token that was given out is known", || {
                        format!("{letter:?} was refused")
                    }));
                Ok(())
            }
            Err(TaskError::TimedOut | TaskError::TooManyWorkers(_) | TaskError::Engine(_)) => {
                Ok(())
            }
        }
    }

    async fn sent(&self, letter: &Letter) -> Result<(), TaskError> {
        let engine = &self.engine;
        let task = engine.waiting_task(&letter.token).await?;
        match &letter.content {
            Content::Success(output) => {
                let permit = permit::<SendTaskSuccess>(engine, &task);
                engine.send_task_success(permit, task, output.clone()).await
            }
            Content::Failure => {
                let permit = permit::<SendTaskFailure>(engine, &task);
                let (error, cause) = (Some(ERROR.to_owned()), Some(CAUSE.to_owned()));
                engine.send_task_failure(permit, task, error, cause).await
            }
            Content::Heartbeat => {
                let permit = permit::<SendTaskHeartbeat>(engine, &task);
                engine.send_task_heartbeat(permit, task).await
            }
        }
    }

    /// Takes the activity's tasks one after another.
    pub(super) async fn work(&self, worker: usize) {
        let lane = format!("worker {worker} {}", self.life);
        let mut dice = Dice::new(self.outside.plan.seed, &lane);
        let activity = ServiceName::parse(ACTIVITY).unwrap();
        loop {
            let resource = Resource::activity(&activity);
            let Some(permit) = self.permit::<GetActivityTask>("operators", &resource) else {
                return;
            };
            let asked = self.engine.activity_task(permit, activity.clone(), None);
            // Some go away while they wait.
            let patience = match !self.outside.plan.is_calm && dice.one_in(4) {
                true => Duration::from_millis(dice.within(0..=10_000)),
                false => Duration::from_secs(3_600),
            };
            match tokio::time::timeout(patience, asked).await {
                Ok(Ok(Some(task))) => {
                    // What a worker answers depends on the input alone.
                    let lane = format!("activity {}", task.input);
                    let mut dice = Dice::new(self.outside.plan.seed, &lane);
                    let now = self.clock.elapsed_ms();
                    answer_later(&self.outside, now, &task.token, &mut dice);
                }
                Ok(Ok(None)) => tokio::time::sleep(Duration::from_millis(100)).await,
                Ok(Err(_)) | Err(_) => {
                    tokio::time::sleep(Duration::from_millis(dice.within(1..=2_000))).await;
                }
            }
        }
    }
}

fn permit<A: Action>(engine: &Engine, task: &WaitingTask) -> Permit<A> {
    let policies = engine.policies();
    policies
        .permits::<A>(&caller("operators"), &task.resource())
        .unwrap()
}
