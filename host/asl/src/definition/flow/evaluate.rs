//! Applies the input and output fields to data.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Flow, ResultPath};
use crate::Failure;
use crate::inspection::Stage;
use crate::scope::Scope;
use crate::template::{Source, Template};

impl Flow {
    /// The state's input after `InputPath`: what paths in the state's own fields read.
    ///
    /// # Errors
    /// `States.Runtime` with the service's cause text.
    pub(crate) fn selected_input(
        &self,
        raw: &Arc<Value>,
        scope: &mut Scope<'_>,
    ) -> Result<Arc<Value>, Failure> {
        match self {
            Self::JsonPath(flow) => select(flow.input_path.as_ref(), raw, scope),
            Self::Jsonata(_) => Ok(Arc::clone(raw)),
        }
    }

    /// The state's input after `InputPath` and `Parameters`, or its `Arguments`: what a Task's
    /// component is given.
    ///
    /// # Errors
    /// `States.Runtime` or `States.QueryEvaluationError` with the service's cause text.
    pub(crate) fn effective_input(
        &self,
        raw: &Arc<Value>,
        scope: &mut Scope<'_>,
    ) -> Result<Arc<Value>, Failure> {
        match self {
            Self::JsonPath(flow) => {
                let selected = select(flow.input_path.as_ref(), raw, scope)?;
                scope.note(Stage::InputPath, &selected);
                let filled = fill(flow.parameters.as_ref(), selected, scope)?;
                scope.note(Stage::Parameters, &filled);
                Ok(filled)
            }
            Self::Jsonata(flow) => {
                let filled = fill(flow.arguments.as_ref(), Arc::clone(raw), scope)?;
                scope.note(Stage::Arguments, &filled);
                Ok(filled)
            }
        }
    }

    /// The state's output: its result through `ResultSelector`, `ResultPath` and `OutputPath`, or
    /// through `Output`.
    ///
    /// # Errors
    /// `States.ResultPathMatchFailure` if the result's place cannot exist in the input;
    /// `States.Runtime` or `States.QueryEvaluationError` with the service's cause text.
    pub(crate) fn output(
        &self,
        raw: &Arc<Value>,
        result: Arc<Value>,
        scope: &mut Scope<'_>,
    ) -> Result<Arc<Value>, Failure> {
        match self {
            Self::JsonPath(flow) => {
                let result = fill(flow.result_selector.as_ref(), result, scope)?;
                scope.note(Stage::ResultSelector, &result);
                let merged = flow.result_path.merge(raw, result)?;
                scope.note(Stage::ResultPath, &merged);
                select(flow.output_path.as_ref(), &merged, scope)
            }
            Self::Jsonata(flow) => fill(flow.output.as_ref(), result, scope),
        }
    }
}

impl ResultPath {
    /// `raw` with `result` in its place; used for states and for catchers.
    ///
    /// # Errors
    /// `States.ResultPathMatchFailure` if the place cannot exist in `raw`.
    pub fn merge(&self, raw: &Arc<Value>, result: Arc<Value>) -> Result<Arc<Value>, Failure> {
        match self {
            Self::Discard => Ok(Arc::clone(raw)),
            Self::At(path) if path.as_path().is_root() => Ok(result),
            Self::At(path) => {
                let written = path.write(Value::clone(raw), Arc::unwrap_or_clone(result))?;
                Ok(Arc::new(written))
            }
        }
    }
}

/// What `source` selects; the data itself for `$`, an empty object for `null`.
fn select(
    source: Option<&Source>,
    data: &Arc<Value>,
    scope: &mut Scope<'_>,
) -> Result<Arc<Value>, Failure> {
    match source {
        None => Ok(Arc::new(Value::Object(Map::new()))),
        Some(Source::Path(path)) if path.is_root() => Ok(Arc::clone(data)),
        Some(source) => source.value(data, scope).map(Arc::new),
    }
}

/// What `template` makes of `data`; the data itself where there is none.
pub(crate) fn fill(
    template: Option<&Template>,
    data: Arc<Value>,
    scope: &mut Scope<'_>,
) -> Result<Arc<Value>, Failure> {
    match template {
        None => Ok(data),
        Some(template) => template.evaluate(&data, scope).map(Arc::new),
    }
}

#[cfg(test)]
mod tests;
