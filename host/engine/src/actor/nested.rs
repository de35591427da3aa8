//! A Task's dealings with an execution of another state machine.
//!
//! Owns when it is started, waited for and stopped. How that is done is in `children`, how it is
//! told in `tasks`.

use std::sync::Arc;

use asl::{EffectId, EventKind, Execution, ExecutionId, TaskPhase, TaskRun};
use auth::names::ServiceName;
use auth::policy::{Resource, StartExecution};
use auth::principal::Caller;
use ports::{AuditRecord, Decision, Parent, Start};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempt::{Finished, RunningAttempt};
use super::calls::Call;
use super::turn::{Basis, Turn};
use super::{Actor, Trigger};
use crate::children::{ChildStart, Origin, parent_of, too_deep};
use crate::tasks::{Failed, NestedStart, default_name};
use crate::traces::context_of;
use crate::{Engine, Error, Started};

/// What came of the other execution.
pub(crate) enum Nested {
    Started(Started),
    Ended(Box<ports::Description>),
    Failed(Failed),
}

impl Turn {
    /// Has the other execution started, if the caller may still start this one.
    pub(super) fn start_nested(
        &mut self,
        basis: &Basis<'_>,
        mut execution: Execution,
        run: TaskRun,
        start: Box<NestedStart>,
    ) -> Execution {
        let Basis { actor, authority } = basis;
        if parent_of(&actor.start, run.effect, start.is_bound()).is_none() {
            let failed = Failed {
                error: "Sluice.LimitExceeded".to_owned(),
                cause: too_deep(),
            };
            return self.fail_uncalled(basis, execution, &run, failed);
        }
        let judged = Instant::now();
        let resource = Resource::state_machine(&actor.machine.name);
        let asked = authority
            .policies
            .permits::<StartExecution>(&actor.start.caller, &resource);
        let permit = match asked {
            Ok(permit) => permit,
            Err(denied) => {
                let denied = auth::authority::Denied {
                    rule: denied.rule,
                    reason: denied.reason,
                };
                let failed = self.deny(basis, &run, (denied, judged));
                execution = self.apply(basis, execution, failed, None);
                if run.phase != TaskPhase::Scheduled && start.is_bound() {
                    self.calls.push(Call::Stop(run, start));
                }
                return execution;
            }
        };
        let mut record = AuditRecord {
            resource: run.resource.clone(),
            request: json!({"stateMachine": start.machine_arn}),
            decision: Decision::Allowed {
                rules: permit.rules().to_vec(),
            },
            state: Some(run.state.clone()),
            attempt: Some(run.attempt),
            ..actor.record("StartAttempt")
        };
        match run.phase {
            TaskPhase::Scheduled => {
                self.allow(basis, record);
                let started = EventKind::TaskStarted {
                    effect: run.effect,
                    facts: None,
                    worker: None,
                };
                execution = self.apply(basis, execution, started, None);
            }
            TaskPhase::Started | TaskPhase::Submitted => {
                record.outcome = json!({"rerun": true});
                self.allow(basis, record);
            }
        }
        self.calls.push(Call::Start(run, start));
        execution
    }
}

impl Actor {
    pub(super) fn spawn_nested(
        &mut self,
        (run, lasting): (TaskRun, EffectId),
        start: NestedStart,
        stage: Stage,
    ) {
        let cancelled = CancellationToken::new();
        let effect = run.effect;
        let work = NestedWork {
            engine: self.engine(),
            above: Arc::clone(&self.start),
            cancelled: cancelled.clone(),
            run,
            lasting,
            start,
        };
        let task = self.attempts.spawn(work.run(stage));
        let task = task.id();
        self.running
            .insert(effect, RunningAttempt { cancelled, task });
    }

    /// The trigger that news of the other execution is; nothing where nobody waits for it.
    pub(super) fn nested(
        &mut self,
        run: TaskRun,
        start: &NestedStart,
        news: Nested,
    ) -> Option<Trigger> {
        if self.running.remove(&run.effect).is_none() {
            if let (Nested::Started(started), true) = (news, start.is_bound()) {
                stop_unwanted(self.engine(), started.id, self.start.caller.clone());
            }
            return None;
        }
        let kind = match news {
            Nested::Started(started) => {
                let kind = start.started(&run, &started);
                if start.is_bound() {
                    // INVARIANT: from its start on somebody stands by to stop it with its Task.
                    let effect = run.effect;
                    let run = TaskRun {
                        phase: TaskPhase::Submitted,
                        ..run
                    };
                    let run = (run, effect);
                    self.spawn_nested(run, start.clone(), Stage::Watch(Some(started.id)));
                }
                kind
            }
            Nested::Ended(ended) => start.ended(&run, &ended),
            Nested::Failed(failed) => failed.into_event(&run),
        };
        Some(Trigger::Event(kind))
    }
}

/// How far the other execution has come.
pub(super) enum Stage {
    /// It is to be started.
    Start,
    /// Its end is waited for; it is looked for where it is not known.
    Watch(Option<ExecutionId>),
    /// It is to be stopped, if it was started.
    Stop,
}

/// One Task's dealings with another execution.
#[derive(Clone)]
struct NestedWork {
    engine: Engine,
    above: Arc<Start>,
    cancelled: CancellationToken,
    run: TaskRun,
    /// The effect as the other execution is to know it.
    lasting: EffectId,
    start: NestedStart,
}

impl NestedWork {
    /// Goes on to its end even if the one that waits for it is cut off.
    async fn run(self, stage: Stage) -> Finished {
        let work = self.clone();
        let working = self.engine.shared.tasks.spawn(async move {
            match stage {
                Stage::Start => work.begin().await,
                Stage::Watch(known) => work.watch(known).await,
                Stage::Stop => {
                    if let Ok(Some(child)) = work.find().await {
                        work.stop(child);
                    }
                    Finished::Nothing
                }
            }
        });
        match working.await {
            Ok(finished) => finished,
            Err(error) => self.lost(&Error::host(error)),
        }
    }

    async fn begin(self) -> Finished {
        let Some((name, parent)) = self.name().zip(self.parent()) else {
            return self.interrupted(too_deep());
        };
        let child = ChildStart {
            state_machine: self.start.machine.clone(),
            qualifier: self.start.qualifier.clone(),
            name,
            input: self.start.input.clone(),
            origin: Origin {
                parent,
                state: self.run.state.clone(),
                attempt: self.run.attempt,
            },
            trace: context_of(&self.above),
        };
        let shown = self
            .engine
            .shared
            .execution_arn(&child.state_machine, child.name.as_str());
        let caller = &self.above.caller;
        let started = || self.engine.start_child(caller, child.clone());
        match self.engine.patiently(started).await {
            Ok(started) => {
                if self.start.is_bound() && self.cancelled.is_cancelled() {
                    self.stop(started.id.clone());
                }
                self.news(Nested::Started(started))
            }
            Err(error @ (Error::Closing | Error::Store(_) | Error::Host(_))) => self.lost(&error),
            Err(error) => {
                let failed = self.start.refused(&error, &shown);
                self.news(Nested::Failed(failed))
            }
        }
    }

    async fn watch(self, known: Option<ExecutionId>) -> Finished {
        let found = match known {
            Some(known) => Ok(Some(known)),
            None => self.find().await,
        };
        let child = match found {
            Ok(Some(child)) => child,
            Ok(None) => {
                return self.interrupted("the execution that was started is gone".to_owned());
            }
            Err(error) => return self.lost(&error),
        };
        let draining = self.engine.shared.draining.clone();
        let ended = tokio::select! {
            biased;
            () = self.cancelled.cancelled() => {
                self.stop(child);
                return Finished::Nothing;
            }
            () = draining.cancelled() => return Finished::Nothing,
            ended = self.engine.child_ended(&child) => ended,
        };
        match ended {
            Ok(ended) => self.news(Nested::Ended(Box::new(ended))),
            Err(error) => {
                if !self.engine.is_left_to_next_host(&error) {
                    self.stop(child);
                }
                self.lost(&error)
            }
        }
    }

    /// The execution that this very effect started, if it did.
    async fn find(&self) -> Result<Option<ExecutionId>, Error> {
        let Some((name, parent)) = self.name().zip(self.parent()) else {
            return Ok(None);
        };
        let machine = &self.start.machine;
        let child = || self.engine.child(machine, &name, &parent);
        let child = self.engine.patiently(child).await?;
        Ok(child.map(|child| child.start.header.id))
    }

    fn name(&self) -> Option<ServiceName> {
        let given = self.start.name.clone();
        given.or_else(|| default_name(&self.above.header.id, self.lasting))
    }

    fn parent(&self) -> Option<Parent> {
        parent_of(&self.above, self.lasting, self.start.is_bound())
    }

    /// Stops the other execution, even if this one ends meanwhile.
    fn stop(&self, child: ExecutionId) {
        stop_unwanted(self.engine.clone(), child, self.above.caller.clone());
    }

    /// What the host could not do is left to the next one, or fails the Task.
    fn lost(self, error: &Error) -> Finished {
        if self.engine.is_left_to_next_host(error) {
            let execution = &self.above.header.id;
            tracing::warn!(%execution, %error, "the next host sees to the other execution");
            return Finished::Nothing;
        }
        self.interrupted(format!("the host lost the other execution: {error}"))
    }

    fn interrupted(self, cause: String) -> Finished {
        self.news(Nested::Failed(Failed {
            error: "Sluice.Interrupted".to_owned(),
            cause,
        }))
    }

    fn news(self, news: Nested) -> Finished {
        Finished::Nested {
            run: Box::new(self.run),
            start: Box::new(self.start),
            news: Box::new(news),
        }
    }
}

fn stop_unwanted(engine: Engine, child: ExecutionId, caller: Caller) {
    let tasks = engine.shared.tasks.clone();
    tasks.spawn(async move {
        let stopped = engine.patiently(|| engine.stop_child(&child, &caller));
        if let Err(error) = stopped.await {
            tracing::warn!(execution = %child, %error, "it is not waited for, and could not be stopped");
        }
    });
}
