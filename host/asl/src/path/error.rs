//! Why a path gave no value, in the service's words.

use serde_json::Value;

use super::{Path, Step};
use crate::Failure;

/// Why a path gave no value.
#[derive(Clone, Debug, PartialEq)]
pub enum PathError {
    /// A definite path found nothing.
    NotFound {
        /// The path as written.
        path: String,
        /// At which step, in the words of the service's JSONPath library.
        detail: String,
    },
    /// The variable that the path names was never assigned.
    Unassigned {
        /// The path as written.
        path: String,
        /// The variable's name.
        variable: String,
    },
    /// The path looked at or copied more than one state may.
    TooCostly {
        /// The path as written.
        path: String,
    },
}

impl PathError {
    /// The failure of a field that holds a path, such as `OutputPath`.
    pub fn of_field(self) -> Failure {
        match self {
            Self::NotFound { path, detail } => {
                Failure::runtime(format!("Invalid path '{path}' : {detail}"))
            }
            Self::Unassigned { variable, .. } => unassigned(&variable),
            Self::TooCostly { path } => too_costly(&path),
        }
    }

    /// The failure of the payload template member `field` over `document`.
    pub fn of_member(self, field: &str, document: &Value) -> Failure {
        match self {
            Self::NotFound { path, .. } => Failure::runtime(format!(
                "The JSONPath '{path}' specified for the field '{field}' could not be found in the input '{document}'"
            )),
            Self::Unassigned { variable, .. } => unassigned(&variable),
            Self::TooCostly { path } => too_costly(&path),
        }
    }

    /// The failure of a Choice rule's `Variable` or `…Path` operand.
    pub fn of_condition(self) -> Failure {
        match self {
            Self::NotFound { path, .. } => Failure::runtime(format!(
                "Invalid path '{path}': The choice state's condition path references an invalid value."
            )),
            Self::Unassigned { variable, .. } => unassigned(&variable),
            Self::TooCostly { path } => too_costly(&path),
        }
    }
}

fn unassigned(variable: &str) -> Failure {
    Failure::runtime(format!(
        "The variable '${variable}' has not been assigned a value"
    ))
}

fn too_costly(path: &str) -> Failure {
    Failure::runtime(format!(
        "The JSONPath '{path}' selects more data than one state may process"
    ))
}

impl Path {
    pub(crate) fn too_costly(&self) -> PathError {
        PathError::TooCostly {
            path: self.text.clone(),
        }
    }

    /// The error of a definite path whose step `index` leads nowhere from `place`.
    pub(super) fn not_found(&self, index: usize, place: &Value) -> PathError {
        PathError::NotFound {
            path: self.text.clone(),
            detail: self.missing(index, place),
        }
    }

    fn missing(&self, index: usize, place: &Value) -> String {
        let before = normalised(self.steps.iter().take(index));
        let Some(step) = self.steps.get(index) else {
            return format!("No results for path: {before}");
        };
        match (step, place) {
            (Step::Members(_), Value::Object(_)) if index + 1 < self.steps.len() => {
                format!("Missing property in path {before}{step}")
            }
            (Step::Members(_), Value::Object(_)) | (Step::Indices(_), Value::Array(_)) => {
                format!("No results for path: {}", normalised(&self.steps))
            }
            (Step::Members(_), other) => format!(
                "Expected to find an object with property {step} in path {before} but found {}",
                kind(other)
            ),
            (_, Value::Null) => format!("The path {before} is null"),
            (_, other) => {
                format!(
                    "{step} can only be applied to arrays, but {before} is {}",
                    kind(other)
                )
            }
        }
    }
}

fn normalised<'a>(steps: impl IntoIterator<Item = &'a Step>) -> String {
    let steps = steps.into_iter().map(Step::to_string);
    std::iter::once("$".to_owned()).chain(steps).collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
