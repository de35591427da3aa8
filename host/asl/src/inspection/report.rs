//! What a test found, and how the service writes it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::notes::{Notes, Stage};
use crate::definition::{Flow, State, StateKind};

/// How much of what was found is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// How the state ended.
    #[default]
    Info,
    /// Also its data between its fields.
    Debug,
    /// Also what HTTP Tasks send and receive.
    Trace,
}

/// How a tested state ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an output.
    Succeeded,
    /// With an error that nobody handles.
    Failed,
    /// With an error after which a retrier tries again.
    Retriable,
    /// With an error that a catcher caught.
    CaughtError,
}

/// What a test found.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// How the state ended.
    pub ending: Ending,
    /// Its output, if it left with one.
    pub output: Option<Arc<Value>>,
    /// The name of the error that it met.
    pub error: Option<String>,
    /// The error's cause.
    pub cause: Option<String>,
    /// The state that it leads to.
    pub next_state: Option<String>,
    pub(crate) details: Details,
}

/// What lies behind an [`Inspection`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Details {
    pub(crate) input: Value,
    /// Those that are told of the kind of state.
    pub(crate) stages: &'static [Stage],
    pub(crate) notes: Notes,
    /// Those given and those assigned.
    pub(crate) variables: Map<String, Value>,
    pub(crate) handling: Handling,
    pub(crate) map: MapFields,
}

/// Who an error was for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Handling {
    pub(crate) retrier: Option<usize>,
    pub(crate) backoff_ms: Option<i64>,
    pub(crate) catcher: Option<usize>,
}

/// The numbers that a Map's fields gave.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MapFields {
    pub(crate) max_concurrency: Option<u64>,
    pub(crate) tolerated_count: Option<u64>,
    pub(crate) tolerated_percentage: Option<f64>,
}

impl Inspection {
    /// The answer of `TestState`: data as JSON text, members without a value left out.
    pub fn to_json(&self, level: Level) -> Value {
        let mut answer = Map::new();
        answer.insert("status".to_owned(), json!(self.ending.as_str()));
        if let Some(output) = &self.output {
            answer.insert("output".to_owned(), json!(output.to_string()));
        }
        let texts = [
            ("error", &self.error),
            ("cause", &self.cause),
            ("nextState", &self.next_state),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                answer.insert(name.to_owned(), json!(text));
            }
        }
        match level {
            Level::Info => {}
            Level::Debug | Level::Trace => {
                answer.insert("inspectionData".to_owned(), self.details.to_json());
            }
        }
        Value::Object(answer)
    }
}

impl Ending {
    /// The service's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Retriable => "RETRIABLE",
            Self::CaughtError => "CAUGHT_ERROR",
        }
    }
}

impl Details {
    fn to_json(&self) -> Value {
        let mut data = Map::new();
        data.insert("input".to_owned(), json!(self.input.to_string()));
        for stage in self.stages {
            if let Some(value) = self.notes.at(*stage) {
                data.insert(stage.name().to_owned(), json!(value.to_string()));
            }
        }
        if !self.variables.is_empty() {
            let variables = Value::Object(self.variables.clone());
            data.insert("variables".to_owned(), json!(variables.to_string()));
        }
        let mut number = |name: &str, number: Option<Value>| {
            if let Some(number) = number {
                data.insert(name.to_owned(), number);
            }
        };
        number("maxConcurrency", self.map.max_concurrency.map(Value::from));
        number(
            "toleratedFailureCount",
            self.map.tolerated_count.map(Value::from),
        );
        let percentage = self.map.tolerated_percentage.map(Value::from);
        number("toleratedFailurePercentage", percentage);
        if let Some(handling) = self.handling.to_json() {
            data.insert("errorDetails".to_owned(), handling);
        }
        Value::Object(data)
    }
}

impl Handling {
    fn to_json(self) -> Option<Value> {
        let members = [
            ("retryIndex", self.retrier.map(Value::from)),
            (
                "retryBackoffIntervalSeconds",
                self.backoff_ms.map(|delay_ms| Value::from(delay_ms / 1000)),
            ),
            ("catchIndex", self.catcher.map(Value::from)),
        ];
        let members = members.into_iter();
        let members: Map<String, Value> = members
            .filter_map(|(name, number)| Some((name.to_owned(), number?)))
            .collect();
        (!members.is_empty()).then_some(Value::Object(members))
    }
}

/// The stages that the service tells of such a state, as recorded: those that the kind of state
/// has fields for, but for Parallel, whose input stays untold.
pub(crate) fn stages(state: &State) -> &'static [Stage] {
    match &state.flow {
        Flow::JsonPath(_) => json_path_stages(&state.kind),
        Flow::Jsonata(_) => jsonata_stages(&state.kind),
    }
}

fn json_path_stages(kind: &StateKind) -> &'static [Stage] {
    match kind {
        StateKind::Task(_) => &[
            Stage::InputPath,
            Stage::Parameters,
            Stage::Result,
            Stage::ResultSelector,
            Stage::ResultPath,
        ],
        StateKind::Pass(_) => &[
            Stage::InputPath,
            Stage::Parameters,
            Stage::ResultSelector,
            Stage::ResultPath,
        ],
        StateKind::Choice(_) | StateKind::Wait(_) | StateKind::Succeed => &[Stage::InputPath],
        StateKind::Fail(_) => &[],
        StateKind::Parallel(_) => &[Stage::ResultSelector, Stage::ResultPath],
        StateKind::Map(_) => &[
            Stage::InputPath,
            Stage::ItemsPath,
            Stage::ItemsPointer,
            Stage::ItemSelector,
            Stage::ItemBatcher,
            Stage::ResultSelector,
            Stage::ResultPath,
        ],
    }
}

fn jsonata_stages(kind: &StateKind) -> &'static [Stage] {
    match kind {
        StateKind::Task(_) => &[Stage::Arguments, Stage::Result],
        StateKind::Map(_) => &[Stage::ItemsPointer, Stage::ItemSelector, Stage::ItemBatcher],
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_)
        | StateKind::Parallel(_) => &[],
    }
}
