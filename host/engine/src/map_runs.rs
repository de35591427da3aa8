//! Child executions of map runs: each an execution of its own, for one item or batch.
//!
//! Owns starting a child once, however often that is asked for, and waiting for its end. How many
//! run, and what their failures mean, is decided in the interpreter.

mod access;
mod description;
mod items;
mod reading;
mod results;

pub(crate) use access::volume_granted;
pub use description::{MapRun, MapRunCounts};
pub(crate) use items::integration;
pub use reading::MapRunLine;

use std::pin::Pin;
use std::sync::Arc;

use asl::{ChildRun, ExecutionId, Header, MapRunChild, Status};
use auth::principal::Principal;
use ports::{AuditRecord, Decision, Description, Parent, Selection, Start};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::actor::{Actor, Halt};
use crate::children::{parent_of, too_deep};
use crate::executions::unique_id;
use crate::express::Keeping;
use crate::shared::Shared;
use crate::traces::context_of;
use crate::{Engine, Error, Machine};

/// How a child came to its end.
pub(crate) enum ChildEnd {
    /// It succeeded, with its output.
    Succeeded(Value),
    /// It ended otherwise, or could not be started.
    Failed {
        /// An ASL error name.
        error: String,
        /// Text for people.
        cause: String,
    },
    /// The host is ending, or nobody wants to know any more.
    Unknown,
}

/// What a child takes over from the execution whose map run it belongs to.
#[derive(Clone)]
pub(crate) struct Family {
    pub(crate) start: Arc<Start>,
    pub(crate) machine: Arc<Machine>,
}

impl Shared {
    /// Starts the child, unless it was started before, and waits for its end. Once `cancelled`
    /// the child is stopped.
    // Boxed: a child runs children of its own.
    pub(crate) fn run_child(
        self: Arc<Self>,
        family: Family,
        child: ChildRun,
        cancelled: CancellationToken,
    ) -> Pin<Box<dyn Future<Output = ChildEnd> + Send>> {
        Box::pin(self.child_to_its_end(family, child, cancelled))
    }

    async fn child_to_its_end(
        self: Arc<Self>,
        family: Family,
        child: ChildRun,
        cancelled: CancellationToken,
    ) -> ChildEnd {
        let engine = Engine {
            shared: Arc::clone(&self),
        };
        let lost = |error: Error| match engine.is_left_to_next_host(&error) {
            true => ChildEnd::Unknown,
            false => ChildEnd::Failed {
                error: "Sluice.Interrupted".to_owned(),
                cause: format!("the child execution could not be run: {error}"),
            },
        };
        let Some(parent) = parent_of(&family.start, child.effect, true) else {
            return ChildEnd::Failed {
                error: "Sluice.LimitExceeded".to_owned(),
                cause: too_deep(),
            };
        };
        let started = || async {
            match cancelled.is_cancelled() {
                true => Ok(None),
                false => self.child_id(&family, &child, &parent).await.map(Some),
            }
        };
        let id = match engine.patiently(started).await {
            Ok(Some(id)) => id,
            Ok(None) => return ChildEnd::Unknown,
            Err(error) => return lost(error),
        };
        tokio::select! {
            biased;
            () = cancelled.cancelled() => {
                engine.clone().stop_map_run_child(id, &family).await;
                ChildEnd::Unknown
            }
            ended = engine.child_ended(&id) => match ended {
                Ok(description) => end_of(&description),
                Err(error) => {
                    let end = lost(error);
                    if let ChildEnd::Failed { .. } = &end {
                        engine.clone().stop_map_run_child(id, &family).await;
                    }
                    end
                }
            }
        }
    }

    /// The child's id: of the one that was started before, or of the one that is started now.
    async fn child_id(
        self: &Arc<Self>,
        family: &Family,
        child: &ChildRun,
        effect: &Parent,
    ) -> Result<ExecutionId, Error> {
        let header = self.child_header(family, child);
        let archive = &self.ports.archive;
        if let Some(known) = archive
            .execution_named(&child.map_run, &header.name)
            .await?
        {
            return Ok(known);
        }
        let record = start_record(family, &header, child);
        let parent = &family.start;
        let start = Start {
            header,
            caller: parent.caller.clone(),
            machine: parent.machine.clone(),
            selection: Selection {
                mock_case: parent.selection.mock_case.clone(),
                parent: Some(effect.clone()),
                ..Selection::default()
            },
            trace: context_of(parent),
        };
        // How many run at once is for the map run to say.
        let place = self.pressure.place_beyond(&start.header.principal);
        let fence = self.ports.journal.fence().await?;
        let machine = Arc::clone(&family.machine);
        let id = start.header.id.clone();
        let (mut actor, running) = Actor::new(
            Arc::clone(self),
            Arc::new(start),
            child.input.shared(),
            machine,
            Keeping::Journal(fence),
            place,
        );
        // Whoever waits for the child may be cut off; its first step must not.
        let shared = Arc::clone(self);
        let first_step = self.tasks.spawn(async move {
            shared.roster.add(id.clone(), running);
            match actor.begin(record).await {
                Ok(()) => {
                    drop(shared.tasks.spawn(actor.run()));
                    Ok(id)
                }
                Err(halt) => {
                    shared.roster.remove(&id);
                    shared.followers.end(&id);
                    match halt {
                        Halt::NameTaken(known) => Ok(known),
                        Halt::Store(error) | Halt::Refused(error) => Err(error),
                    }
                }
            }
        });
        first_step.await.map_err(Error::host)?
    }

    fn child_header(&self, family: &Family, child: &ChildRun) -> Header {
        let clock = &self.ports.clock;
        let started_at = clock.now();
        let parent = &family.start.header;
        let (machine, run) = child.map_run.rsplit_once(':').unwrap_or_default();
        let label = machine.rsplit_once('/').map_or("", |(_, label)| label);
        let name = format!("{run}-{}", child.index);
        let executions = parent
            .machine_arn
            .replacen(":stateMachine:", ":execution:", 1);
        Header {
            id: unique_id(started_at, clock.seed(), clock.seed()),
            arn: format!("{executions}/{label}:{name}"),
            name,
            machine_arn: parent.machine_arn.clone(),
            machine_name: parent.machine_name.clone(),
            role_arn: parent.role_arn.clone(),
            started_at,
            principal: parent.principal.clone(),
            actor: parent.actor.clone(),
            limits: parent.limits,
            map_run: Some(MapRunChild {
                arn: child.map_run.clone(),
                block: child.block,
                index: child.index,
                items: description::items_of(&family.machine.machine, child),
            }),
        }
    }
}

impl Engine {
    /// Stops a child that is no longer wanted, to the end even if its asker is cut off.
    async fn stop_map_run_child(self, id: ExecutionId, family: &Family) {
        let caller = family.start.caller.clone();
        let tasks = self.shared.tasks.clone();
        let stopping = tasks.spawn(async move {
            let stopped = self.patiently(|| self.stop_child(&id, &caller)).await;
            if let Err(error) = stopped {
                tracing::warn!(execution = %id, %error, "a child that nobody wants could not be stopped");
            }
        });
        // It goes on whether or not anybody waits here.
        let _ = stopping.await;
    }
}

fn start_record(family: &Family, header: &Header, child: &ChildRun) -> AuditRecord {
    let parent = &family.start;
    AuditRecord {
        at: header.started_at,
        caller: Some(told(&parent.caller)),
        through: "engine".to_owned(),
        action: "StartMapRunChild".to_owned(),
        resource: header.arn.clone(),
        request: json!({"mapRun": child.map_run, "index": child.index}),
        decision: Decision::Allowed { rules: Vec::new() },
        outcome: Value::Null,
        execution: Some(header.id.clone()),
        state: Some(child.state.clone()),
        attempt: None,
        checkpoint: None,
    }
}

/// The caller without the groups, which stand in the record of the parent's start.
fn told(caller: &auth::principal::Caller) -> auth::principal::Caller {
    let mut caller = caller.clone();
    let everyone = std::iter::once(&mut caller.principal).chain(&mut caller.actors);
    everyone.for_each(|principal: &mut Principal| principal.groups.clear());
    caller
}

fn end_of(description: &Description) -> ChildEnd {
    let summary = &description.summary;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match summary.status {
        Status::Succeeded => {
            let output = description.output.as_deref().cloned();
            ChildEnd::Succeeded(output.unwrap_or_default())
        }
        Status::Failed | Status::Running => ChildEnd::Failed {
            error: text(&summary.error),
            cause: text(&summary.cause),
        },
        Status::TimedOut => ChildEnd::Failed {
            error: "States.Timeout".to_owned(),
            cause: text(&summary.cause),
        },
        Status::Aborted => ChildEnd::Failed {
            error: summary
                .error
                .clone()
                .unwrap_or_else(|| "States.TaskFailed".to_owned()),
            cause: text(&summary.cause),
        },
    }
}
