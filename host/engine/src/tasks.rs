//! What a Task calls: a component's code, a worker of an activity, another execution.
//!
//! Owns the reading of what a Task asks for, the tasks that wait for workers, and the answers
//! that come from outside. It does not know how an execution takes a step.

mod answers;
mod desk;
mod function;
mod http;
mod metadata;
mod nested;
mod polls;

use std::sync::Arc;

use asl::definition::{Call, Integration, Pattern};
use asl::{EventKind, ExecutionId, TaskRun};
use auth::names::ServiceName;
use tokio::sync::oneshot;

use crate::actor::Message;
use crate::authority::Authority;
use crate::{Component, Config, Engine, Error, Machine};

pub use answers::{TaskError, WaitingTask};
pub(crate) use answers::{TaskMessage, TokenAnswer, TokenAnswerKind};
pub(crate) use desk::{Desk, Offer, Offered};
pub(crate) use function::{Reply, component_input};
pub(crate) use http::{CONNECTIONS, HttpRequest, NO_CONNECTIONS, headers_problem, refused_headers};
pub(crate) use nested::{NestedStart, default_name};
pub use polls::ActivityTask;
pub(crate) use polls::TakeOrder;

/// What an attempt at a Task calls.
pub(crate) enum Work {
    /// A component's code.
    Component(Arc<Component>),
    /// A worker of this activity.
    Activity(ServiceName),
    /// An execution of another state machine.
    Execution(NestedStart),
    /// A server, over HTTP.
    Request(Box<HttpRequest>),
}

/// Why a Task fails before anything is called.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// An ASL error name.
    pub(crate) error: String,
    /// Text for people.
    pub(crate) cause: String,
}

/// Why nothing is called for an attempt.
pub(crate) enum Uncallable {
    /// The Task fails with this error.
    Failed(Failed),
    /// The component it names is not pinned, or gone.
    NotPinned,
}

/// Where an attempt is made, and by what it is decided.
pub(crate) struct Place<'a> {
    pub(crate) config: &'a Config,
    pub(crate) authority: &'a Authority,
    pub(crate) machine: &'a Machine,
    pub(crate) execution: &'a ExecutionId,
}

impl Work {
    /// What an attempt calls.
    pub(crate) fn of(place: &Place<'_>, run: &TaskRun) -> Result<Self, Uncallable> {
        match Call::parse(&run.resource) {
            Call::Component | Call::Function(_) => {
                let component = function::pinned(place.authority, place.machine, run);
                component.map(Self::Component).ok_or(Uncallable::NotPinned)
            }
            Call::Activity => match activity_name(&run.resource) {
                Some(name) => Ok(Self::Activity(name)),
                None => Err(Uncallable::NotPinned),
            },
            Call::Integration(integration) => {
                Self::integration(place, run, &integration).map_err(Uncallable::Failed)
            }
        }
    }

    fn integration(
        place: &Place<'_>,
        run: &TaskRun,
        integration: &Integration,
    ) -> Result<Self, Failed> {
        match (integration.service.as_str(), integration.action.as_str()) {
            ("lambda", "invoke") => function::invoked(place, run).map(Self::Component),
            ("states" | "aws-sdk:sfn", "startExecution") => {
                NestedStart::read(place, run).map(Self::Execution)
            }
            ("http", "invoke") if integration.pattern == Pattern::RequestResponse => {
                HttpRequest::read(run).map(|request| Self::Request(Box::new(request)))
            }
            _ => Err(Failed {
                error: "States.Runtime".to_owned(),
                cause: format!("`{}` is no integration of this host", run.resource),
            }),
        }
    }
}

impl Failed {
    /// The event that ends the attempt.
    pub(crate) fn into_event(self, run: &TaskRun) -> EventKind {
        EventKind::TaskFailed {
            effect: run.effect,
            error: self.error,
            cause: self.cause,
        }
    }
}

/// Why an attempt that was started by an earlier host may not be made again, if it may not.
pub(crate) fn bar_to_rerun(
    authority: &Authority,
    machine: &Machine,
    run: &TaskRun,
) -> Option<&'static str> {
    let is_code = match Call::parse(&run.resource) {
        Call::Component | Call::Function(_) => true,
        Call::Activity => false,
        Call::Integration(integration) => match integration.service.as_str() {
            "lambda" => true,
            "http" => return Some("its request may have been acted on"),
            _ => false,
        },
    };
    let component = function::pinned(authority, machine, run);
    let is_idempotent = component.is_some_and(|component| component.facts.manifest.is_idempotent());
    (is_code && !is_idempotent).then_some("its component is not declared idempotent")
}

/// The activity that a Task's resource names.
pub(crate) fn activity_name(resource: &str) -> Option<ServiceName> {
    let name = resource.rsplit(':').next()?;
    ServiceName::parse(name).ok()
}

/// The activities that a machine's Tasks name, as written.
pub(crate) fn activities_of(machine: &Machine) -> Vec<String> {
    let tasks = machine.machine.tasks();
    let named = tasks.filter(|(_, task)| task.call == Call::Activity);
    let mut named: Vec<_> = named.map(|(_, task)| task.resource.clone()).collect();
    named.sort_unstable();
    named.dedup();
    named
}

impl Authority {
    /// Those of the activities that do not exist.
    pub(crate) fn absent(&self, activities: &[String]) -> Vec<String> {
        let exists = |arn: &str| {
            let name = activity_name(arn);
            let activity = name.and_then(|name| self.activity(&name).cloned());
            activity.is_some_and(|activity| activity.arn == arn)
        };
        let absent = activities.iter().filter(|arn| !exists(arn));
        absent.cloned().collect()
    }
}

impl Engine {
    /// Asks an execution something, taking it up first where nobody runs it; nothing if it has
    /// ended.
    pub(crate) async fn ask<T>(
        &self,
        id: &ExecutionId,
        message: impl FnOnce(oneshot::Sender<T>) -> Message,
    ) -> Result<Option<T>, Error> {
        let (done, answer) = oneshot::channel();
        if self.deliver(id, message(done)).await?
            && let Ok(answer) = answer.await
        {
            return Ok(Some(answer));
        }
        match self.stopped_at(id).await? {
            Some(_) => Ok(None),
            None => Err(Error::Closing),
        }
    }
}
