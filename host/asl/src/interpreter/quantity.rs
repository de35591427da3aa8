//! Numbers that a state's fields take from its data, with the service's words for bad ones.

use serde_json::Value;

use crate::Failure;
use crate::definition::Quantity;
use crate::expression::{Expected, Expression};
use crate::path::{Path, PathError};
use crate::scope::Scope;

/// A whole number that is fixed, at a path, or an expression's; `field` is the name of the field
/// that holds the path.
pub(super) fn resolve(
    field: &str,
    quantity: &Quantity,
    data: &Value,
    scope: &mut Scope<'_>,
) -> Result<u64, Failure> {
    match quantity {
        Quantity::Fixed(number) => Ok(*number),
        Quantity::At(path) => whole(field, path, data, scope),
        Quantity::Expression(expression) => of_expression(expression, scope),
    }
}

/// The whole number that an expression gives.
fn of_expression(expression: &Expression, scope: &mut Scope<'_>) -> Result<u64, Failure> {
    let value = expression.value_of(Expected::Number, scope)?;
    let number = value.as_u64().or_else(|| whole_float(&value));
    number.ok_or_else(|| expression.unfit("a number that is negative or not whole", &value))
}

/// A float without fraction, as arithmetic in expressions leaves them.
fn whole_float(value: &Value) -> Option<u64> {
    const MAX: f64 = 9_007_199_254_740_992.0;
    let number = value.as_f64()?;
    let is_whole = (0.0..=MAX).contains(&number) && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the range in which doubles are exact"
    )]
    is_whole.then_some(number as u64)
}

/// The non-negative whole number at a path; the text of one will do.
fn whole(field: &str, path: &Path, data: &Value, scope: &mut Scope<'_>) -> Result<u64, Failure> {
    let value = value(field, path, data, scope)?;
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

/// A whole number of either sign, as the fields of distributed Maps take them; `name` is the
/// field's name without `Path`.
pub(super) fn integer(
    name: &str,
    quantity: &Quantity,
    data: &Value,
    scope: &mut Scope<'_>,
) -> Result<i64, Failure> {
    match quantity {
        Quantity::Fixed(number) => Ok(i64::try_from(*number).unwrap_or(i64::MAX)),
        Quantity::At(path) => {
            let value = value(&format!("{name}Path"), path, data, scope)?;
            long(&value).ok_or_else(|| not_an_integer(name, path, &value))
        }
        Quantity::Expression(expression) => {
            let number = of_expression(expression, scope)?;
            Ok(i64::try_from(number).unwrap_or(i64::MAX))
        }
    }
}

/// A number of percents; `name` is the field's name without `Path`.
pub(super) fn percentage(
    name: &str,
    quantity: &Quantity<f64>,
    data: &Value,
    scope: &mut Scope<'_>,
) -> Result<f64, Failure> {
    let percentage = match quantity {
        Quantity::Fixed(number) => *number,
        Quantity::At(path) => {
            let value = value(&format!("{name}Path"), path, data, scope)?;
            let number = match &value {
                Value::String(text) => text.parse().ok(),
                value @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_)) => value.as_f64(),
            };
            number.ok_or_else(|| {
                let shown = shown(&value);
                Failure::runtime(format!(
                    "The {name}Path field refers to value \"{shown}\" which is not a valid float: {path}"
                ))
            })?
        }
        Quantity::Expression(expression) => {
            let value = expression.value_of(Expected::Number, scope)?;
            value.as_f64().unwrap_or(f64::NAN)
        }
    };
    if (0.0..=100.0).contains(&percentage) {
        return Ok(percentage);
    }
    Err(Failure::runtime(format!(
        "{name} must be between 0 and 100."
    )))
}

fn not_an_integer(name: &str, path: &Path, value: &Value) -> Failure {
    let value = shown(value);
    Failure::runtime(format!(
        "The {name}Path field refers to value \"{value}\" which is not a valid integer: {path}"
    ))
}

/// The value at a path that a field of its own names.
pub(super) fn value(
    field: &str,
    path: &Path,
    data: &Value,
    scope: &mut Scope<'_>,
) -> Result<Value, Failure> {
    path.evaluate_within(scope.roots(data), &mut scope.budget)
        .map_err(|error| match error {
            PathError::NotFound { .. } => Failure::runtime(format!(
                "The {field} parameter does not reference an input value: {path}"
            )),
            error @ (PathError::TooCostly { .. } | PathError::Unassigned { .. }) => {
                error.of_field()
            }
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
