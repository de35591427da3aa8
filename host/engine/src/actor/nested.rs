//! A Task's dealings with an execution of another state machine.
//!
//! Owns when it is started, waited for and stopped. How that is done is in `children`, how it is
//! told in `tasks`.

use asl::{ExecutionId, TaskPhase, TaskRun};
use auth::names::ServiceName;
use auth::principal::Caller;
use ports::Parent;
use tokio_util::sync::CancellationToken;

use super::attempt::{Finished, RunningAttempt};
use super::{Actor, Trigger};
use crate::children::ChildStart;
use crate::tasks::{Failed, NestedStart, default_name};
use crate::{Engine, Error, Started};

/// What came of the other execution.
pub(crate) enum Nested {
    Started(Started),
    Ended(Box<ports::Description>),
    Failed(Failed),
}

impl Actor {
    pub(super) fn spawn_nested(&mut self, run: TaskRun, start: NestedStart, stage: Stage) {
        let cancelled = CancellationToken::new();
        let effect = run.effect;
        let work = NestedWork {
            engine: self.engine(),
            parent: self.start.header.id.clone(),
            caller: self.start.caller.clone(),
            cancelled: cancelled.clone(),
            run,
            start,
        };
        let task = self.attempts.spawn(async move {
            match stage {
                Stage::Start => work.begin().await,
                Stage::Watch => work.watch().await,
            }
        });
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
        self.running.remove(&run.effect)?;
        let kind = match news {
            Nested::Started(started) => {
                let kind = start.started(&run, &started);
                if start.is_bound() {
                    // Its end is waited for once it is on record that it began.
                    let run = TaskRun {
                        phase: TaskPhase::Submitted,
                        ..run
                    };
                    self.due.push_back(Trigger::Admit {
                        run: Box::new(run),
                        slots: None,
                    });
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
    Start,
    Watch,
}

/// One Task's dealings with another execution.
struct NestedWork {
    engine: Engine,
    parent: ExecutionId,
    caller: Caller,
    cancelled: CancellationToken,
    run: TaskRun,
    start: NestedStart,
}

impl NestedWork {
    async fn begin(self) -> Finished {
        let Some(name) = self.name() else {
            return Finished::Nothing;
        };
        let child = ChildStart {
            state_machine: self.start.machine.clone(),
            qualifier: self.start.qualifier.clone(),
            name,
            input: self.start.input.clone(),
            parent: Parent {
                execution: self.parent.clone(),
                effect: self.run.effect,
                is_bound: self.start.is_bound(),
            },
        };
        let shown = self
            .engine
            .shared
            .execution_arn(&child.state_machine, child.name.as_str());
        match self.engine.start_child(&self.caller, child).await {
            Ok(started) => {
                if self.start.is_bound() && self.cancelled.is_cancelled() {
                    self.stop(started.id.clone());
                }
                self.news(Nested::Started(started))
            }
            Err(error @ (Error::Closing | Error::Store(_) | Error::Host(_))) => {
                tracing::warn!(execution = %self.parent, %error, "an execution is started by the next host");
                Finished::Nothing
            }
            Err(error) => {
                let failed = self.start.refused(&error, &shown);
                self.news(Nested::Failed(failed))
            }
        }
    }

    async fn watch(self) -> Finished {
        let Some(name) = self.name() else {
            return Finished::Nothing;
        };
        let child = match self.engine.child(&self.start.machine, &name).await {
            Ok(Some(child)) => child.start.header.id,
            Ok(None) | Err(_) => return Finished::Nothing,
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
                tracing::warn!(execution = %self.parent, %error, "the next host waits for the other execution");
                Finished::Nothing
            }
        }
    }

    fn name(&self) -> Option<ServiceName> {
        let given = self.start.name.clone();
        given.or_else(|| default_name(&self.parent, &self.run))
    }

    /// Stops the other execution, even if this one ends meanwhile.
    fn stop(&self, child: ExecutionId) {
        let (engine, caller) = (self.engine.clone(), self.caller.clone());
        let tasks = self.engine.shared.tasks.clone();
        tasks.spawn(async move {
            if let Err(error) = engine.stop_child(&child, &caller).await {
                tracing::warn!(execution = %child, %error, "it is not waited for, and could not be stopped");
            }
        });
    }

    fn news(self, news: Nested) -> Finished {
        Finished::Nested {
            run: Box::new(self.run),
            start: Box::new(self.start),
            news: Box::new(news),
        }
    }
}
