//! The service's shape of a history event.

mod task;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{ErrorDetail, HistoryDetail, HistoryEvent, Iteration, StateType};
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
            Self::EvaluationFailed { .. } => "EvaluationFailed",
            Self::MapRunStarted { .. } => "MapRunStarted",
            Self::MapRunSucceeded => "MapRunSucceeded",
            Self::MapRunFailed(_) => "MapRunFailed",
            Self::MapRunAborted => "MapRunAborted",
            Self::Task { called, event } => task::event_type(called, event),
        }
    }

    fn member(&self) -> Option<(&'static str, Value)> {
        let member = match self {
            Self::ExecutionStarted { input, role_arn } => (
                "executionStartedEventDetails",
                started(input, role_arn.as_deref()),
            ),
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
            Self::StateExited {
                name,
                output,
                assigned,
                ..
            } => (
                "stateExitedEventDetails",
                named(
                    name,
                    data("output", output)
                        .into_iter()
                        .chain(variables(assigned)),
                ),
            ),
            Self::EvaluationFailed {
                state,
                location,
                error,
            } => (
                "evaluationFailedEventDetails",
                object(error.members().chain(place(state, location))),
            ),
            Self::MapRunStarted { arn } => {
                ("mapRunStartedEventDetails", json!({ "mapRunArn": arn }))
            }
            Self::MapRunFailed(error) => ("mapRunFailedEventDetails", object(error.members())),
            Self::MapStateStarted { length } => {
                ("mapStateStartedEventDetails", json!({ "length": length }))
            }
            Self::MapIterationStarted(iteration)
            | Self::MapIterationSucceeded(iteration)
            | Self::MapIterationFailed(iteration)
            | Self::MapIterationAborted(iteration) => return iteration.member(self.event_type()),
            Self::Task { called, event } => return task::member(called, event),
            Self::StateAborted(_)
            | Self::ParallelStateStarted
            | Self::ParallelStateSucceeded
            | Self::ParallelStateFailed
            | Self::MapStateSucceeded
            | Self::MapStateFailed
            | Self::MapRunSucceeded
            | Self::MapRunAborted => return None,
        };
        Some(member)
    }
}

fn started(input: &Payload, role_arn: Option<&str>) -> Value {
    let role_arn = role_arn.map(|role_arn| ("roleArn", json!(role_arn)));
    object(data("input", input).into_iter().chain(role_arn))
}

fn place(state: &str, location: &str) -> [(&'static str, Value); 2] {
    [("location", json!(location)), ("state", json!(state))]
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
    fn member(&self, event_type: &str) -> Option<(&'static str, Value)> {
        let name = match event_type {
            "MapIterationStarted" => "mapIterationStartedEventDetails",
            "MapIterationSucceeded" => "mapIterationSucceededEventDetails",
            "MapIterationFailed" => "mapIterationFailedEventDetails",
            _ => "mapIterationAbortedEventDetails",
        };
        Some((name, json!({ "name": self.name, "index": self.index })))
    }
}

fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn named(name: &str, members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
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

/// The variables that were set, each as JSON text; nothing where none was.
fn variables(assigned: &BTreeMap<String, Payload>) -> impl Iterator<Item = (&'static str, Value)> {
    let members = (!assigned.is_empty()).then(|| {
        let texts: Map<String, Value> = assigned
            .iter()
            .map(|(name, payload)| (name.clone(), text(payload)))
            .collect();
        [
            ("assignedVariables", Value::Object(texts)),
            ("assignedVariablesDetails", json!({ "truncated": false })),
        ]
    });
    members.into_iter().flatten()
}

fn text(payload: &Payload) -> Value {
    Value::String(payload.value().to_string())
}

fn seconds(name: &'static str, seconds: Option<u64>) -> Option<(&'static str, Value)> {
    seconds.map(|seconds| (name, json!(seconds)))
}
