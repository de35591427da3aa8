//! What a history event tells: the service's event types with their details.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Payload;

/// The kinds of states, as event types begin with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateType {
    /// `Task`.
    Task,
    /// `Pass`.
    Pass,
    /// `Choice`.
    Choice,
    /// `Wait`.
    Wait,
    /// `Succeed`.
    Succeed,
    /// `Fail`.
    Fail,
    /// `Parallel`.
    Parallel,
    /// `Map`.
    Map,
}

/// An error with its cause, each where there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// An ASL error name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// One iteration of a Map state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iteration {
    /// The Map state's name.
    pub name: String,
    /// The item's place, from 0.
    pub index: u32,
}

/// What a Task calls, in the words of the service's task events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Called {
    /// A component, or an integration in definitions written for the service: `Task…` events.
    Service {
        /// `component` for ours; `lambda` and the like.
        #[serde(rename = "type")]
        resource_type: String,
        /// The component's name with its version, or the integration's action.
        resource: String,
    },
    /// A function by its ARN: `LambdaFunction…` events.
    LambdaFunction {
        /// The ARN.
        arn: String,
    },
    /// An activity by its ARN: `Activity…` events.
    Activity {
        /// The ARN.
        arn: String,
    },
}

/// What happened to one attempt of a Task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TaskEvent {
    /// It was asked for.
    Scheduled {
        /// The region of the execution's ARN.
        region: String,
        /// What it is given.
        input: Payload,
        /// `TimeoutSeconds`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_seconds: Option<u64>,
        /// `HeartbeatSeconds`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        heartbeat_seconds: Option<u64>,
        /// The role of `Credentials`, in whose place the execution's own is used otherwise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role_arn: Option<String>,
    },
    /// Its code is about to run, or a worker took it.
    Started {
        /// The worker, as it calls itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worker: Option<String>,
    },
    /// It was handed over.
    Submitted {
        /// What was answered.
        output: Payload,
    },
    /// It ended well.
    Succeeded {
        /// What it returned.
        output: Payload,
    },
    /// It failed.
    Failed(ErrorDetail),
    /// It ran out of time.
    TimedOut(ErrorDetail),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum HistoryDetail {
    /// The execution began.
    ExecutionStarted {
        /// Its input.
        input: Payload,
        /// The role it was started under.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role_arn: Option<String>,
    },
    /// The execution ended well.
    ExecutionSucceeded {
        /// Its output.
        output: Payload,
    },
    /// The execution ended with an error.
    ExecutionFailed(ErrorDetail),
    /// The execution ran past the machine's `TimeoutSeconds`.
    ExecutionTimedOut(ErrorDetail),
    /// The execution was stopped.
    ExecutionAborted(ErrorDetail),
    /// `…StateEntered`.
    StateEntered {
        /// Its kind.
        kind: StateType,
        /// Its name.
        name: String,
        /// Its raw input.
        input: Payload,
    },
    /// `…StateExited`.
    StateExited {
        /// Its kind.
        kind: StateType,
        /// Its name.
        name: String,
        /// Its output.
        output: Payload,
        /// The variables it set, by name.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        assigned: BTreeMap<String, Payload>,
    },
    /// A JSONata expression of a state has no value.
    EvaluationFailed {
        /// The state.
        state: String,
        /// The field, such as `Arguments/id`.
        location: String,
        /// What went wrong.
        error: ErrorDetail,
    },
    /// A map run began.
    MapRunStarted {
        /// Its ARN.
        arn: String,
    },
    /// A map run ended well.
    MapRunSucceeded,
    /// A map run failed.
    MapRunFailed(ErrorDetail),
    /// A map run was cut short.
    MapRunAborted,
    /// `…StateAborted`: a sibling failed, or the execution ended around it.
    StateAborted(StateType),
    /// The branches begin.
    ParallelStateStarted,
    /// Every branch ended well.
    ParallelStateSucceeded,
    /// A branch failed.
    ParallelStateFailed,
    /// The iterations begin.
    MapStateStarted {
        /// How many there will be.
        length: u32,
    },
    /// Every iteration ended well.
    MapStateSucceeded,
    /// An iteration failed.
    MapStateFailed,
    /// An iteration began.
    MapIterationStarted(Iteration),
    /// An iteration ended well.
    MapIterationSucceeded(Iteration),
    /// An iteration failed.
    MapIterationFailed(Iteration),
    /// An iteration was cut short.
    MapIterationAborted(Iteration),
    /// `Task…` and `LambdaFunction…`.
    Task {
        /// What is called.
        called: Called,
        /// What happened to the attempt.
        event: TaskEvent,
    },
}

impl HistoryDetail {
    pub(super) fn payloads_mut(&mut self) -> Vec<&mut Payload> {
        match self {
            Self::ExecutionStarted { input: payload, .. }
            | Self::ExecutionSucceeded { output: payload }
            | Self::StateEntered { input: payload, .. } => vec![payload],
            Self::StateExited {
                output, assigned, ..
            } => {
                let assigned = assigned.values_mut();
                std::iter::once(output).chain(assigned).collect()
            }
            Self::Task { event, .. } => event.payload_mut().into_iter().collect(),
            Self::ExecutionFailed(_)
            | Self::ExecutionTimedOut(_)
            | Self::ExecutionAborted(_)
            | Self::EvaluationFailed { .. }
            | Self::MapRunStarted { .. }
            | Self::MapRunSucceeded
            | Self::MapRunFailed(_)
            | Self::MapRunAborted
            | Self::StateAborted(_)
            | Self::ParallelStateStarted
            | Self::ParallelStateSucceeded
            | Self::ParallelStateFailed
            | Self::MapStateStarted { .. }
            | Self::MapStateSucceeded
            | Self::MapStateFailed
            | Self::MapIterationStarted(_)
            | Self::MapIterationSucceeded(_)
            | Self::MapIterationFailed(_)
            | Self::MapIterationAborted(_) => Vec::new(),
        }
    }
}

impl TaskEvent {
    fn payload_mut(&mut self) -> Option<&mut Payload> {
        match self {
            Self::Scheduled { input: payload, .. }
            | Self::Submitted { output: payload }
            | Self::Succeeded { output: payload } => Some(payload),
            Self::Started { .. } | Self::Failed(_) | Self::TimedOut(_) => None,
        }
    }
}
