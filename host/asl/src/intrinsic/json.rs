//! Functions between JSON values and their texts.

use serde_json::Value;

use super::argument::{Given, inspect, made};
use super::error::{Error, refused};
use super::function::Function;
use crate::budget::Budget;

/// The value of a JSON text; an empty text is `null`.
pub(super) fn parse(text: &Value, budget: &mut Budget) -> Result<Value, Error> {
    const FUNCTION: Function = Function::StringToJson;
    let Value::String(text) = text else {
        return Err(refused(FUNCTION));
    };
    match text.trim_ascii() {
        "" => return Ok(Value::Null),
        "-0" => return Ok(Value::from(0)),
        _ => {}
    }
    made(text.len(), budget)?;
    let value = serde_json::from_str(text).map_err(|_| refused(FUNCTION))?;
    inspect(&value, budget)?;
    Ok(value)
}

/// The compact JSON text of a value.
pub(super) fn text(value: &Value, budget: &mut Budget) -> Result<Value, Error> {
    inspect(value, budget)?;
    Ok(Value::String(value.to_string()))
}

/// The members of two objects; where both have one of a name, that of `above`.
pub(super) fn merge(
    below: &Given<'_>,
    above: &Given<'_>,
    deep: &Value,
    budget: &mut Budget,
) -> Result<Value, Error> {
    const FUNCTION: Function = Function::JsonMerge;
    let (Some(below), Some(above), false) = (
        below.as_object(),
        above.as_object(),
        *deep == Value::Bool(true),
    ) else {
        return Err(refused(FUNCTION));
    };
    let mut merged = serde_json::Map::new();
    for (name, member) in below.iter().chain(above) {
        made(name.len(), budget)?;
        merged.insert(name.clone(), budget.copy(member)?);
    }
    Ok(Value::Object(merged))
}
