//! How data enters and leaves a state.

mod evaluate;
mod parse;

use crate::path::{Path, ReferencePath};
use crate::template::Template;
pub(super) use parse::{read, result_path, template};

/// The input and output fields of a state, in the query language that the state uses.
#[derive(Clone, Debug, PartialEq)]
pub enum Flow {
    /// `"QueryLanguage": "JSONPath"`.
    JsonPath(JsonPathFlow),
}

/// The five JSONPath fields; a kind of state that does not allow a field leaves it at its default.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPathFlow {
    /// `InputPath`; `None` is `null`: an empty object.
    pub input_path: Option<Path>,
    /// `Parameters`.
    pub parameters: Option<Template>,
    /// `ResultSelector`.
    pub result_selector: Option<Template>,
    /// `ResultPath`.
    pub result_path: ResultPath,
    /// `OutputPath`; `None` is `null`: an empty object.
    pub output_path: Option<Path>,
}

/// Where a state's result goes in its input.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultPath {
    /// `null`: the result is discarded.
    Discard,
    /// The reference path to write to; `$` replaces the input.
    At(ReferencePath),
}
