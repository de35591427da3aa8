//! Numbers that a state's fields take from its input, with the service's words for bad ones.

use serde_json::Value;

use crate::Failure;
use crate::budget::Budget;
use crate::definition::Seconds;
use crate::path::{Path, PathError};

/// A number of seconds that is fixed or at a path.
pub(super) fn resolve(
    field: &str,
    seconds: &Seconds,
    data: &Value,
    context: &Value,
    budget: &mut Budget,
) -> Result<u64, Failure> {
    match seconds {
        Seconds::Fixed(seconds) => Ok(*seconds),
        Seconds::At(path) => whole(field, path, data, context, budget),
    }
}

/// The non-negative whole number at a path; the text of one will do.
pub(super) fn whole(
    field: &str,
    path: &Path,
    data: &Value,
    context: &Value,
    budget: &mut Budget,
) -> Result<u64, Failure> {
    let value = value(field, path, data, context, budget)?;
    let Some(number) = long(&value) else {
        let value = shown(&value);
        return Err(Failure::runtime(format!(
            "The {field} parameter cannot be parsed as a long value: {path} == {value}"
        )));
    };
    u64::try_from(number).map_err(|_| {
        Failure::runtime(format!(
            "The {field} parameter references a negative value: {path} == {number}"
        ))
    })
}

/// The value at a path that a field of its own names.
pub(super) fn value(
    field: &str,
    path: &Path,
    data: &Value,
    context: &Value,
    budget: &mut Budget,
) -> Result<Value, Failure> {
    path.evaluate_within(data, context, budget)
        .map_err(|error| match error {
            PathError::NotFound { .. } => Failure::runtime(format!(
                "The {field} parameter does not reference an input value: {path}"
            )),
            error @ PathError::TooCostly { .. } => error.of_field(),
        })
}

/// Text as it is, anything else as JSON.
pub(super) fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn long(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
