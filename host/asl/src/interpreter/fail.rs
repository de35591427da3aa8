//! `Fail`: raises an error that no field of its own can handle.

use serde_json::Value;

use super::seconds;
use super::step::{Fault, Step};
use crate::Failure;
use crate::budget::Budget;
use crate::definition::{Fail, State, Text};
use crate::execution::Frame;

/// The error that the state raises, or the one met on the way to it.
pub(super) fn raise(step: &mut Step<'_>, frame: &Frame, state: &State, fail: &Fail) -> Fault {
    match evaluate(step, frame, state, fail) {
        Ok(fault) | Err(fault) => fault,
    }
}

fn evaluate(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    fail: &Fail,
) -> Result<Fault, Fault> {
    let input = step.effective_input(frame, state)?;
    step.evaluate(frame, state, |context, budget| {
        let mut text = |field, text: &Option<Text>| {
            text.as_ref()
                .map(|text| resolve(field, text, &input, context, budget))
                .transpose()
        };
        let error = text("ErrorPath", &fail.error)?;
        let cause = text("CausePath", &fail.cause)?;
        Ok(Fault {
            error,
            cause,
            is_heartbeat: false,
        })
    })
}

fn resolve(
    field: &str,
    text: &Text,
    input: &Value,
    context: &Value,
    budget: &mut Budget,
) -> Result<String, Failure> {
    let path = match text {
        Text::Fixed(text) => return Ok(text.clone()),
        Text::At(path) => path,
    };
    let value = seconds::value(field, path, input, context, budget)?;
    value.as_str().map(str::to_owned).ok_or_else(|| {
        Failure::runtime(format!(
            "The {field} parameter does not reference a string: {path} == {value}"
        ))
    })
}
