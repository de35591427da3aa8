//! The service's shape of a history event.

use serde_json::{Map, Value, json};

use super::{Called, ErrorDetail, HistoryDetail, HistoryEvent, Iteration, StateType, TaskEvent};
use crate::Payload;

impl HistoryEvent {
    /// The event as GetExecutionHistory shows it, times as RFC 3339 text, with one member more:
    /// `sluice` holds what only this host knows. Payloads must have been filled.
    pub fn to_json(&self) -> Value {
        let mut event = Map::new();
        event.insert("timestamp".to_owned(), self.at.to_rfc3339().into());
        event.insert("type".to_owned(), self.detail.event_type().into());
        event.insert("id".to_owned(), self.id.into());
        event.insert("previousEventId".to_owned(), self.previous_id.into());
        if let Some((member, detail)) = self.detail.member() {
            event.insert(member.to_owned(), detail);
        }
        if let Some(facts) = self
            .sluice
            .as_ref()
            .and_then(|facts| serde_json::to_value(facts).ok())
        {
            event.insert("sluice".to_owned(), facts);
        }
        Value::Object(event)
    }
}

impl HistoryDetail {
    /// The service's event type, such as `PassStateEntered`.
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::ExecutionStarted { .. } => "ExecutionStarted",
            Self::ExecutionSucceeded { .. } => "ExecutionSucceeded",
            Self::ExecutionFailed(_) => "ExecutionFailed",
            Self::ExecutionTimedOut(_) => "ExecutionTimedOut",
            Self::ExecutionAborted(_) => "ExecutionAborted",
            Self::StateEntered { kind, .. } => kind.entered(),
            Self::StateExited { kind, .. } => kind.exited(),
            Self::StateAborted(kind) => kind.aborted(),
            Self::ParallelStateStarted => "ParallelStateStarted",
            Self::ParallelStateSucceeded => "ParallelStateSucceeded",
            Self::ParallelStateFailed => "ParallelStateFailed",
            Self::MapStateStarted { .. } => "MapStateStarted",
            Self::MapStateSucceeded => "MapStateSucceeded",
            Self::MapStateFailed => "MapStateFailed",
            Self::MapIterationStarted(_) => "MapIterationStarted",
            Self::MapIterationSucceeded(_) => "MapIterationSucceeded",
            Self::MapIterationFailed(_) => "MapIterationFailed",
            Self::MapIterationAborted(_) => "MapIterationAborted",
            Self::Task {
                called: Called::Service { .. },
                event,
            } => match event {
                TaskEvent::Scheduled { .. } => "TaskScheduled",
                TaskEvent::Started => "TaskStarted",
                TaskEvent::Succeeded { .. } => "TaskSucceeded",
                TaskEvent::Failed(_) => "TaskFailed",
                TaskEvent::TimedOut(_) => "TaskTimedOut",
            },
            Self::Task {
                called: Called::LambdaFunction { .. },
                event,
            } => match event {
                TaskEvent::Scheduled { .. } => "LambdaFunctionScheduled",
                TaskEvent::Started => "LambdaFunctionStarted",
                TaskEvent::Succeeded { .. } => "LambdaFunctionSucceeded",
                TaskEvent::Failed(_) => "LambdaFunctionFailed",
                TaskEvent::TimedOut(_) => "LambdaFunctionTimedOut",
            },
        }
    }

    fn member(&self) -> Option<(&'static str, Value)> {
        let member = match self {
            Self::ExecutionStarted { input, role_arn } => {
                let role_arn = role_arn
                    .as_ref()
                    .map(|role_arn| ("roleArn", json!(role_arn)));
                (
                    "executionStartedEventDetails",
                    object(data("input", input).into_iter().chain(role_arn)),
                )
            }
            Self::ExecutionSucceeded { output } => (
                "executionSucceededEventDetails",
                object(data("output", output)),
            ),
            Self::ExecutionFailed(error) => {
                ("executionFailedEventDetails", object(error.members()))
            }
            Self::ExecutionTimedOut(error) => {
                ("executionTimedOutEventDetails", object(error.members()))
            }
            Self::ExecutionAborted(error) => {
                ("executionAbortedEventDetails", object(error.members()))
            }
            Self::StateEntered { name, input, .. } => (
                "stateEnteredEventDetails",
                named(name, data("input", input)),
            ),
            Self::StateExited { name, output, .. } => (
                "stateExitedEventDetails",
                named(name, data("output", output)),
            ),
            Self::MapStateStarted { length } => {
                ("mapStateStartedEventDetails", json!({ "length": length }))
            }
            Self::MapIterationStarted(iteration) => {
                ("mapIterationStartedEventDetails", iteration.to_json())
            }
            Self::MapIterationSucceeded(iteration) => {
                ("mapIterationSucceededEventDetails", iteration.to_json())
            }
            Self::MapIterationFailed(iteration) => {
                ("mapIterationFailedEventDetails", iteration.to_json())
            }
            Self::MapIterationAborted(iteration) => {
                ("mapIterationAbortedEventDetails", iteration.to_json())
            }
            Self::Task { called, event } => return task_member(called, event),
            Self::StateAborted(_)
            | Self::ParallelStateStarted
            | Self::ParallelStateSucceeded
            | Self::ParallelStateFailed
            | Self::MapStateSucceeded
            | Self::MapStateFailed => return None,
        };
        Some(member)
    }
}

fn task_member(called: &Called, event: &TaskEvent) -> Option<(&'static str, Value)> {
    let service = called.members();
    let member = match (called, event) {
        (
            Called::Service { .. },
            TaskEvent::Scheduled {
                region,
                input,
                timeout_seconds,
                heartbeat_seconds,
            },
        ) => {
            let own = [("region", json!(region)), ("parameters", text(input))];
            let timeout = seconds("timeoutInSeconds", *timeout_seconds);
            let heartbeat = seconds("heartbeatInSeconds", *heartbeat_seconds);
            (
                "taskScheduledEventDetails",
                object(service.chain(own).chain(timeout).chain(heartbeat)),
            )
        }
        (Called::Service { .. }, TaskEvent::Started) => {
            ("taskStartedEventDetails", object(service))
        }
        (Called::Service { .. }, TaskEvent::Succeeded { output }) => (
            "taskSucceededEventDetails",
            object(service.chain(data("output", output))),
        ),
        (Called::Service { .. }, TaskEvent::Failed(error)) => (
            "taskFailedEventDetails",
            object(service.chain(error.members())),
        ),
        (Called::Service { .. }, TaskEvent::TimedOut(error)) => (
            "taskTimedOutEventDetails",
            object(service.chain(error.members())),
        ),
        (
            Called::LambdaFunction { .. },
            TaskEvent::Scheduled {
                input,
                timeout_seconds,
                ..
            },
        ) => {
            let timeout = seconds("timeoutInSeconds", *timeout_seconds);
            let members = service.chain(data("input", input)).chain(timeout);
            ("lambdaFunctionScheduledEventDetails", object(members))
        }
        (Called::LambdaFunction { .. }, TaskEvent::Started) => return None,
        (Called::LambdaFunction { .. }, TaskEvent::Succeeded { output }) => (
            "lambdaFunctionSucceededEventDetails",
            object(data("output", output)),
        ),
        (Called::LambdaFunction { .. }, TaskEvent::Failed(error)) => {
            ("lambdaFunctionFailedEventDetails", object(error.members()))
        }
        (Called::LambdaFunction { .. }, TaskEvent::TimedOut(error)) => (
            "lambdaFunctionTimedOutEventDetails",
            object(error.members()),
        ),
    };
    Some(member)
}

impl StateType {
    fn entered(self) -> &'static str {
        match self {
            Self::Task => "TaskStateEntered",
            Self::Pass => "PassStateEntered",
            Self::Choice => "ChoiceStateEntered",
            Self::Wait => "WaitStateEntered",
            Self::Succeed => "SucceedStateEntered",
            Self::Fail => "FailStateEntered",
            Self::Parallel => "ParallelStateEntered",
            Self::Map => "MapStateEntered",
        }
    }

    fn exited(self) -> &'static str {
        match self {
            Self::Task => "TaskStateExited",
            Self::Pass => "PassStateExited",
            Self::Choice => "ChoiceStateExited",
            Self::Wait => "WaitStateExited",
            Self::Succeed => "SucceedStateExited",
            Self::Fail => "FailStateExited",
            Self::Parallel => "ParallelStateExited",
            Self::Map => "MapStateExited",
        }
    }

    fn aborted(self) -> &'static str {
        match self {
            Self::Task => "TaskStateAborted",
            Self::Pass => "PassStateAborted",
            Self::Choice => "ChoiceStateAborted",
            Self::Wait => "WaitStateAborted",
            Self::Succeed => "SucceedStateAborted",
            Self::Fail => "FailStateAborted",
            Self::Parallel => "ParallelStateAborted",
            Self::Map => "MapStateAborted",
        }
    }
}

impl ErrorDetail {
    fn members(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let error = self.error.as_ref().map(|error| ("error", json!(error)));
        let cause = self.cause.as_ref().map(|cause| ("cause", json!(cause)));
        error.into_iter().chain(cause)
    }
}

impl Iteration {
    fn to_json(&self) -> Value {
        json!({ "name": self.name, "index": self.index })
    }
}

impl Called {
    fn members(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let (resource_type, resource) = match self {
            Self::Service {
                resource_type,
                resource,
            } => (Some(resource_type), resource),
            Self::LambdaFunction { arn } => (None, arn),
        };
        let resource_type =
            resource_type.map(|resource_type| ("resourceType", json!(resource_type)));
        resource_type
            .into_iter()
            .chain([("resource", json!(resource))])
    }
}

fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn named(name: &str, members: [(&'static str, Value); 2]) -> Value {
    object([("name", json!(name))].into_iter().chain(members))
}

/// `input` or `output` as JSON text, with the service's word that nothing was cut off.
fn data(name: &'static str, payload: &Payload) -> [(&'static str, Value); 2] {
    let details = match name {
        "input" => "inputDetails",
        _ => "outputDetails",
    };
    [
        (name, text(payload)),
        (details, json!({ "truncated": false })),
    ]
}

fn text(payload: &Payload) -> Value {
    Value::String(payload.value().to_string())
}

fn seconds(name: &'static str, seconds: Option<u64>) -> Option<(&'static str, Value)> {
    seconds.map(|seconds| (name, json!(seconds)))
}
