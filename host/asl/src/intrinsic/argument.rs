//! Calls and their arguments, and what arguments stand for.

use std::borrow::Cow;

use serde_json::Value;

use super::Sources;
use super::error::{Error, refused};
use super::function::Function;
use super::template::Template;
use super::{array, encoding, json, math, text};
use crate::budget::{self, Budget, Size};
use crate::path::{Path, PathError};

/// How many bytes may be made in the time that looking at a value takes.
const MADE_BYTES_PER_VISIT: usize = 16;

/// A function with its arguments, as many as it takes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) function: Function,
    pub(super) arguments: Vec<Argument>,
}

/// What a function is called with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Argument {
    /// A number, `null`, `true` or `false`.
    Literal(Value),
    /// A text in quotes.
    Text {
        value: Value,
        /// The text as a template, in which escaped braces are not placeholders.
        template: Result<Template, Error>,
    },
    Path(Path),
    Variable(Variable),
    Call(Call),
}

/// A variable, or a place in one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variable {
    /// As written.
    pub(super) text: String,
    /// Without the `$`.
    pub(super) name: String,
    /// The place in its value.
    pub(super) path: Path,
}

/// A value that a function is called with.
pub(super) type Given<'a> = Cow<'a, Value>;

impl Call {
    /// Evaluates the arguments in order, then the function.
    pub(super) fn evaluate<'a>(&'a self, sources: &mut Sources<'a>) -> Result<Value, Error> {
        let mut given = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            sources.budget.visit(1)?;
            given.push(argument.value(sources)?);
        }
        let (random, budget) = (&mut *sources.random, &mut *sources.budget);
        let function = self.function;
        match (function, given.as_slice()) {
            (Function::Array, _) => given
                .into_iter()
                .map(|item| owned(item, budget))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            (Function::Format, [template, values @ ..]) => {
                text::format(&self.arguments, template, values, budget)
            }
            (Function::StringToJson, [text]) => json::parse(text, budget),
            (Function::JsonToString, [value]) => json::text(value, budget),
            (Function::JsonMerge, [below, above, deep]) => json::merge(below, above, deep, budget),
            (Function::ArrayPartition, [array, size]) => array::partition(array, size, budget),
            (Function::ArrayContains, [array, value]) => array::contains(array, value, budget),
            (Function::ArrayRange, [from, to, by]) => array::range(from, to, by, budget),
            (Function::ArrayGetItem, [array, index]) => array::item(array, index, budget),
            (Function::ArrayLength, [array]) => array::length(array),
            (Function::ArrayUnique, [array]) => array::unique(array, budget),
            (Function::Base64Encode, [text]) => encoding::encode(text, budget),
            (Function::Base64Decode, [text]) => encoding::decode(text, budget),
            (Function::Hash, [data, algorithm]) => encoding::hash(data, algorithm, budget),
            (Function::MathRandom, [from, to]) => math::random(from, to, random),
            (Function::MathRandom, [from, to, seed]) => math::seeded(from, to, seed, budget),
            (Function::MathAdd, [left, right]) => math::add(left, right),
            (Function::StringSplit, [text, marks]) => text::split(text, marks, budget),
            (Function::Uuid, []) => Ok(Value::String(random.uuid())),
            (
                Function::Format
                | Function::StringToJson
                | Function::JsonToString
                | Function::JsonMerge
                | Function::ArrayPartition
                | Function::ArrayContains
                | Function::ArrayRange
                | Function::ArrayGetItem
                | Function::ArrayLength
                | Function::ArrayUnique
                | Function::Base64Encode
                | Function::Base64Decode
                | Function::Hash
                | Function::MathRandom
                | Function::MathAdd
                | Function::StringSplit
                | Function::Uuid,
                _,
            ) => Err(refused(function)),
        }
    }

    /// Adds the names of the variables that the call reads.
    pub(super) fn gather_variables<'a>(&'a self, names: &mut Vec<&'a str>) {
        for argument in &self.arguments {
            match argument {
                Argument::Variable(variable) => names.push(&variable.name),
                Argument::Call(call) => call.gather_variables(names),
                Argument::Literal(_) | Argument::Text { .. } | Argument::Path(_) => {}
            }
        }
    }
}

impl Argument {
    fn value<'a>(&'a self, sources: &mut Sources<'a>) -> Result<Given<'a>, Error> {
        match self {
            Self::Literal(value) | Self::Text { value, .. } => Ok(Cow::Borrowed(value)),
            Self::Path(path) => {
                let found = path.select(sources.roots(), sources.budget);
                found.map_err(|error| unfound(error, || within_document(path)))
            }
            Self::Variable(variable) => variable.value(sources),
            Self::Call(call) => call.evaluate(sources).map(Cow::Owned),
        }
    }
}

impl Variable {
    fn value<'a>(&'a self, sources: &mut Sources<'a>) -> Result<Given<'a>, Error> {
        let path = || self.text.clone();
        let Some(root) = sources.variables.get(&self.name) else {
            return Err(Error::NotFound { path: path() });
        };
        let found = self.path.select(sources.roots_at(root), sources.budget);
        found.map_err(|error| unfound(error, path))
    }
}

fn unfound(error: PathError, path: impl FnOnce() -> String) -> Error {
    match error {
        PathError::NotFound { .. } | PathError::Unassigned { .. } => {
            Error::NotFound { path: path() }
        }
        PathError::TooCostly { .. } => Error::TooCostly,
    }
}

/// The service names a place in the context object as if it were one in the data.
fn within_document(path: &Path) -> String {
    let text = path.to_string();
    if path.is_context() {
        text.chars().skip(1).collect()
    } else {
        text
    }
}

/// The value itself, copied where it is only lent.
pub(super) fn owned(value: Given<'_>, budget: &mut Budget) -> Result<Value, Error> {
    match value {
        Cow::Borrowed(value) => Ok(budget.copy(value)?),
        Cow::Owned(value) => Ok(value),
    }
}

/// Spends what looking at all of `value` takes, and refuses what recursion could not follow.
pub(super) fn inspect(value: &Value, budget: &mut Budget) -> Result<(), Error> {
    let size = Size::of(value, budget::COPY_BYTES_MAX);
    made(size.bytes, budget)?;
    if size.depth > budget::DEPTH_MAX {
        return Err(Error::TooDeep);
    }
    Ok(())
}

/// Spends what making `bytes` of text takes.
pub(super) fn made(bytes: usize, budget: &mut Budget) -> Result<(), Error> {
    Ok(budget.visit(1 + bytes / MADE_BYTES_PER_VISIT)?)
}
