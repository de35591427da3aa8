//! What Tasks call besides components: offers to workers, executions of other state machines,
//! and the answers that come from outside.
//!
//! Owns how each of them becomes a step of this execution. What they mean is in `tasks`.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::{EffectId, EventKind, Execution, TaskPhase, TaskRun};
use auth::names::ServiceName;
use auth::policy::{Resource, StartExecution};
use auth::principal::Caller;
use ports::{AuditRecord, Decision, Parent};
use serde_json::json;
use tokio::time::Instant;

use super::egress::Request;
use super::nested::Stage;
use super::turn::{Basis, Turn};
use super::{Actor, Halt, Trigger};
use crate::tasks::{
    ActivityTask, Failed, NestedStart, Offer, Offered, Place, TakeOrder, TaskError, TaskMessage,
    TokenAnswer, TokenAnswerKind, Uncallable, Work,
};
use crate::{Engine, Error};

/// Something to do for a Task once the turn that asked for it is durable.
pub(crate) enum Call {
    /// Let a worker of the activity take it.
    Offer(TaskRun, ServiceName),
    /// Start the other execution.
    Start(TaskRun, Box<NestedStart>),
    /// Wait for the end of the other execution.
    Watch(TaskRun, Box<NestedStart>),
    /// End the other execution, which nobody may wait for any more.
    Stop(TaskRun, Box<NestedStart>),
    /// Make the request.
    Request(TaskRun, Box<Request>),
}

impl Call {
    pub(super) fn is_request(&self) -> bool {
        match self {
            Self::Request(..) => true,
            Self::Offer(..) | Self::Start(..) | Self::Watch(..) | Self::Stop(..) => false,
        }
    }

    pub(super) fn run(&self) -> &TaskRun {
        match self {
            Self::Offer(run, _)
            | Self::Start(run, _)
            | Self::Watch(run, _)
            | Self::Stop(run, _)
            | Self::Request(run, _) => run,
        }
    }

    pub(super) fn effect(&self) -> EffectId {
        self.run().effect
    }
}

/// The tasks of one execution that wait for workers.
pub(super) type Offers = BTreeMap<EffectId, Offered>;

impl Turn {
    /// Begins, or goes on with, what is no component's code.
    pub(super) fn call(
        &mut self,
        basis: &Basis<'_>,
        execution: Execution,
        run: TaskRun,
        work: Work,
    ) -> Execution {
        match work {
            // Admitted by themselves.
            Work::Component(_) | Work::Request(_) => {}
            Work::Activity(activity) => match run.phase {
                TaskPhase::Scheduled => self.calls.push(Call::Offer(run, activity)),
                // A worker has it.
                TaskPhase::Started | TaskPhase::Submitted => {}
            },
            Work::Execution(start) => match run.phase {
                TaskPhase::Scheduled | TaskPhase::Started => {
                    return self.start_nested(basis, execution, run, Box::new(start));
                }
                TaskPhase::Submitted if start.is_bound() => {
                    self.calls.push(Call::Watch(run, Box::new(start)));
                }
                TaskPhase::Submitted => {}
            },
        }
        execution
    }

    /// Fails an attempt that calls nothing.
    pub(super) fn fail_uncalled(
        &mut self,
        basis: &Basis<'_>,
        mut execution: Execution,
        run: &TaskRun,
        failed: Failed,
    ) -> Execution {
        if run.phase == TaskPhase::Scheduled {
            execution = self.apply(basis, execution, started(run.effect, None), None);
        }
        self.apply(basis, execution, failed.into_event(run), None)
    }

    /// Hands a task to a worker, if it still waits for one and the execution's caller may still
    /// have it done.
    pub(super) fn hand_out(
        &mut self,
        basis: &Basis<'_>,
        execution: Execution,
        effect: EffectId,
        worker: Option<String>,
    ) -> Execution {
        let waiting = execution.attempt(effect);
        let Some(run) = waiting.filter(|run| run.phase == TaskPhase::Scheduled) else {
            return execution;
        };
        let Basis { actor, authority } = basis;
        let judged = Instant::now();
        let resource = Resource::state_machine(&actor.machine.name);
        let asked = authority
            .policies
            .permits::<StartExecution>(&actor.start.caller, &resource);
        match asked {
            Ok(_) => self.apply(basis, execution, started(effect, worker), None),
            Err(denied) => {
                let denied = auth::authority::Denied {
                    rule: denied.rule,
                    reason: denied.reason,
                };
                let failed = self.deny(basis, &run, (denied, judged));
                self.apply(basis, execution, failed, None)
            }
        }
    }
}

fn started(effect: EffectId, worker: Option<String>) -> EventKind {
    EventKind::TaskStarted {
        effect,
        facts: None,
        worker,
    }
}

impl Actor {
    /// Whose effect the execution must not outlive, and for whom it runs.
    pub(crate) fn bound_to(&self) -> Option<(Caller, Parent)> {
        let parent = self.start.selection.parent.clone();
        let parent = parent.filter(|parent| parent.is_bound)?;
        Some((self.start.caller.clone(), parent))
    }

    pub(super) fn engine(&self) -> Engine {
        Engine {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Does what a durable turn asked for; `lasting` is the effect as others are to know it.
    pub(super) fn perform_call(&mut self, call: Call, lasting: EffectId) {
        match call {
            Call::Offer(run, activity) => {
                let offer = Offer {
                    execution: self.start.header.id.clone(),
                    effect: run.effect,
                };
                let offered = self.shared.desk.offer(activity, offer);
                self.offers.insert(run.effect, offered);
            }
            Call::Start(run, start) => self.spawn_nested((run, lasting), *start, Stage::Start),
            Call::Watch(run, start) => {
                self.spawn_nested((run, lasting), *start, Stage::Watch(None))
            }
            Call::Stop(run, start) => self.spawn_nested((run, lasting), *start, Stage::Stop),
            Call::Request(run, request) => self.spawn_request(run, *request),
        }
    }

    /// Does what is asked of one of the execution's Tasks.
    pub(super) async fn task_message(&mut self, message: TaskMessage) -> Result<(), Halt> {
        match message {
            TaskMessage::Answer(answer) => self.take_answer(*answer).await,
            TaskMessage::Take(order) => self.hand_out(*order).await,
            TaskMessage::Awaits(effect, done) => {
                let execution = self.execution.as_ref();
                let waits = execution.is_some_and(|execution| execution.is_waiting_for(effect));
                // The asker may have gone.
                let _ = done.send(waits);
                Ok(())
            }
        }
    }

    fn attempt_at(&self, effect: EffectId) -> Option<TaskRun> {
        self.execution.as_ref()?.attempt(effect)
    }

    async fn take_answer(&mut self, answer: TokenAnswer) -> Result<(), Halt> {
        let refusal = match self.attempt_at(answer.effect) {
            None => Some(TaskError::TimedOut),
            Some(run) if run.token.as_ref() != Some(&answer.token) => Some(TaskError::InvalidToken),
            Some(_) => None,
        };
        if let Some(refusal) = refusal {
            let _ = answer.done.send(Err(refusal));
            return Ok(());
        }
        let effect = answer.effect;
        let is_end = !matches!(answer.kind, TokenAnswerKind::Heartbeat);
        let record = AuditRecord {
            caller: Some(answer.caller),
            through: "http".to_owned(),
            request: json!({"effect": effect}),
            decision: Decision::Allowed {
                rules: answer.rules,
            },
            state: self.attempt_at(effect).map(|run| run.state),
            ..self.record(answer.action)
        };
        let trigger = Trigger::Event(answer.kind.into_event(effect));
        let result = self.step(trigger, Some(record)).await;
        if is_end
            && result.is_ok()
            && let Some(running) = self.running.remove(&effect)
        {
            running.cancelled.cancel();
        }
        let told = match &result {
            Ok(()) => Ok(()),
            Err(_) => Err(Error::host("the answer could not be stored").into()),
        };
        // The asker may have gone; the answer stands.
        let _ = answer.done.send(told);
        result
    }

    async fn hand_out(&mut self, order: TakeOrder) -> Result<(), Halt> {
        let effect = order.effect;
        self.offers.remove(&effect);
        let state = self.attempt_at(effect).map(|run| run.state);
        let record = AuditRecord {
            caller: Some(order.caller),
            through: "http".to_owned(),
            resource: order.activity,
            request: json!({"effect": effect}),
            decision: Decision::Allowed { rules: order.rules },
            state,
            ..self.record("GetActivityTask")
        };
        let trigger = Trigger::HandOut {
            effect,
            worker: order.worker,
        };
        let waited = self.attempt_at(effect);
        let waited = waited.is_some_and(|run| run.phase == TaskPhase::Scheduled);
        if !waited {
            let _ = order.done.send(None);
            return Ok(());
        }
        let result = self.step(trigger, Some(record)).await;
        let taken = result.is_ok().then(|| self.attempt_at(effect)).flatten();
        let taken = taken.filter(|run| run.phase == TaskPhase::Started);
        let task = taken.and_then(|run| {
            Some(ActivityTask {
                token: run.token?,
                input: run.input.value().to_string(),
            })
        });
        // The worker may have gone; then the task runs into its timeout.
        let _ = order.done.send(task);
        result
    }
}

/// Where an attempt whose component is not pinned fails; the rest of its admission says so.
pub(super) fn work_or_failure(basis: &Basis<'_>, run: &TaskRun) -> Result<Option<Work>, Failed> {
    let actor = basis.actor;
    let place = Place {
        config: &actor.shared.config,
        authority: basis.authority,
        machine: &actor.machine,
        execution: &actor.start.header.id,
    };
    match Work::of(&place, run) {
        Ok(work) => Ok(Some(work)),
        Err(Uncallable::NotPinned) => Ok(None),
        Err(Uncallable::Failed(failed)) => Err(failed),
    }
}
