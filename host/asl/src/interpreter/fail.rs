//! `Fail`: raises an error that no field of its own can handle.

use serde_json::Value;

use super::step::{Fault, Step};
use crate::Failure;
use crate::definition::{Fail, State, Text};
use crate::execution::Frame;
use crate::expression::Expected;
use crate::scope::Scope;
use crate::template::Source;

use super::quantity;

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
    step.evaluate(frame, state, |scope| {
        let mut text = |field, text: &Option<Text>| {
            text.as_ref()
                .map(|text| resolve(field, text, &input, scope))
                .transpose()
        };
        let error = text("ErrorPath", &fail.error)?;
        let cause = text("CausePath", &fail.cause)?;
        Ok(Fault {
            error,
            cause,
            is_heartbeat: false,
            location: None,
        })
    })
}

/// The text that a field holds; `field` is its name where it is a path.
pub(super) fn resolve(
    field: &str,
    text: &Text,
    input: &Value,
    scope: &mut Scope<'_>,
) -> Result<String, Failure> {
    let (value, shown) = match text {
        Text::Fixed(text) => return Ok(text.clone()),
        Text::Expression(expression) => {
            let value = expression.value_of(Expected::String, scope)?;
            (value, &expression.text)
        }
        Text::At(Source::Path(path)) => (
            quantity::value(field, path, input, scope)?,
            &path.to_string(),
        ),
        Text::At(source @ Source::Intrinsic(_)) => (source.value(input, scope)?, &String::new()),
    };
    value.as_str().map(str::to_owned).ok_or_else(|| {
        Failure::runtime(format!(
            "The {field} parameter does not reference a string: {shown} == {value}"
        ))
    })
}
