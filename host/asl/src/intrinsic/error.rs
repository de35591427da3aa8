//! Why a call gave no value, in the service's words.

use serde_json::Value;

use super::function::Function;
use crate::Failure;
use crate::budget::{self, Exhausted};

/// Why a call gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// A path found nothing; it is told as a path into the document it reads.
    NotFound { path: String },
    /// An argument is not one that the function takes.
    Arguments { function: Function },
    /// A template has another number of `{}` than there are values for.
    Placeholders,
    /// A template has a brace without its counterpart.
    Template { found: char },
    /// A value nests deeper than one that could be stored.
    TooDeep,
    /// The call looks at or makes more than one state may.
    TooCostly,
}

impl Error {
    /// The failure of the whole call `text` over the state's `data`.
    pub(super) fn of(&self, text: &str, data: &Value) -> Failure {
        let detail = match self {
            Self::NotFound { path } => format!(
                "The JsonPath argument for the field '{path}' could not be found in the input '{data}'"
            ),
            Self::Arguments { function } => format!("Invalid arguments in {function}"),
            Self::Placeholders => "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.".to_owned(),
            Self::Template { found: '{' } => {
                "Invalid template in States.Format: matching '}' not found for '{'.".to_owned()
            }
            Self::Template { .. } => {
                "Invalid template in States.Format: matching '{' not found for '}'.".to_owned()
            }
            Self::TooDeep => return budget::too_deep(),
            Self::TooCostly => "It processes more data than one state may process".to_owned(),
        };
        Failure::runtime(format!(
            "The function '{text}' had the following error: {detail}"
        ))
    }
}

impl From<Exhausted> for Error {
    fn from(_: Exhausted) -> Self {
        Self::TooCostly
    }
}

/// The error of an argument that `function` does not take.
pub(super) fn refused(function: Function) -> Error {
    Error::Arguments { function }
}
