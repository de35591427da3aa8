//! How data enters and leaves a state.

mod evaluate;
mod parse;

use crate::path::{Path, ReferencePath};
use crate::template::{Source, Template};
pub(super) use parse::{assign, jsonata, looks_like_path, read, result_path, template};

/// The input and output fields of a state, in the query language that the state uses.
#[derive(Clone, Debug, PartialEq)]
pub enum Flow {
    /// `"QueryLanguage": "JSONPath"`.
    JsonPath(Box<JsonPathFlow>),
    /// `"QueryLanguage": "JSONata"`.
    Jsonata(Box<JsonataFlow>),
}

/// The five JSONPath fields; a kind of state that does not allow a field leaves it at its default.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPathFlow {
    /// `InputPath`; `None` is `null`: an empty object.
    pub input_path: Option<Source>,
    /// `Parameters`.
    pub parameters: Option<Template>,
    /// `ResultSelector`.
    pub result_selector: Option<Template>,
    /// `ResultPath`.
    pub result_path: ResultPath,
    /// `OutputPath`; `None` is `null`: an empty object.
    pub output_path: Option<Source>,
}

/// The two JSONata fields; a kind of state that does not allow a field leaves it out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonataFlow {
    /// `Arguments`: what the state's work is given; the state's input where it is left out.
    pub arguments: Option<Template>,
    /// `Output`: the state's result where it is left out.
    pub output: Option<Template>,
}

/// Where a state's result goes in its input.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultPath {
    /// `null`: the result is discarded.
    Discard,
    /// The reference path to write to; `$` replaces the input.
    At(ReferencePath),
}

impl Default for JsonPathFlow {
    /// The effect of leaving every field out.
    fn default() -> Self {
        Self {
            input_path: Some(Source::Path(Path::root())),
            parameters: None,
            result_selector: None,
            result_path: ResultPath::At(ReferencePath::root()),
            output_path: Some(Source::Path(Path::root())),
        }
    }
}
