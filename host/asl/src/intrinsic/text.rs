//! Functions over text: `States.Format` and `States.StringSplit`.

use serde_json::Value;

use super::argument::{Argument, Call, Given, inspect, made};
use super::error::{Error, refused};
use super::function::Function;
use super::rendering;
use super::template::Template;
use crate::budget::Budget;

/// Puts `values` into the places `{}` of the template; `arguments` are both as written.
pub(super) fn format(
    arguments: &[Argument],
    template: &Value,
    values: &[Given<'_>],
    budget: &mut Budget,
) -> Result<Value, Error> {
    let read;
    let template = match (arguments.first(), template) {
        (Some(Argument::Text { template, .. }), _) => template.as_ref().map_err(Clone::clone)?,
        (_, Value::String(text)) => {
            made(text.len(), budget)?;
            read = Template::parse(text)?;
            &read
        }
        _ => return Err(refused(Function::Format)),
    };
    let Some((first, rest)) = template.parts().split_first() else {
        return Err(Error::Placeholders);
    };
    if rest.len() != values.len() {
        return Err(Error::Placeholders);
    }
    let mut text = first.clone();
    let written = arguments.iter().skip(1);
    for ((part, value), written) in rest.iter().zip(values).zip(written) {
        inspect(value, budget)?;
        made(part.len(), budget)?;
        if is_parsed(written) {
            text.push_str(&value.to_string());
        } else {
            rendering::render(value, &mut text);
        }
        text.push_str(part);
    }
    Ok(Value::String(text))
}

/// The service writes what `States.StringToJson` gives as JSON, and other values its own way.
fn is_parsed(argument: &Argument) -> bool {
    matches!(
        argument,
        Argument::Call(Call {
            function: Function::StringToJson,
            ..
        })
    )
}

/// What is between any of the characters `marks`; nothing between two of them is left out.
pub(super) fn split(text: &Value, marks: &Value, budget: &mut Budget) -> Result<Value, Error> {
    let (Value::String(text), Value::String(marks)) = (text, marks) else {
        return Err(refused(Function::StringSplit));
    };
    made(text.len(), budget)?;
    let mut parts = Vec::new();
    let mut part = String::new();
    for next in text.chars() {
        budget.read(marks.len())?;
        if !marks.contains(next) {
            part.push(next);
        } else if !part.is_empty() {
            budget.visit(1)?;
            parts.push(Value::String(std::mem::take(&mut part)));
        }
    }
    if !part.is_empty() {
        parts.push(Value::String(part));
    }
    Ok(Value::Array(parts))
}
