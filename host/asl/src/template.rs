//! Payload templates: JSON with members or texts that are filled in from data.
//!
//! Owns which parts of a template are filled in and from what, in either query language. It
//! does not know which state a template belongs to.

mod parse;

use serde_json::{Map, Value};

use crate::Failure;
use crate::budget;
use crate::expression::{self, Expression};
use crate::intrinsic::{Intrinsic, Sources};
use crate::path::{Path, PathError, Roots};
use crate::scope::Scope;

/// A JSON value of which some parts are filled in: in JSONPath the members named `*.$`, in
/// JSONata the texts `{% … %}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Part);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// Copied as it is.
    Literal(Value),
    Object(Vec<(String, Part)>),
    Array(Vec<Part>),
    Query(Query),
    Expression(Expression),
}

/// The value of a member `name.$`.
#[derive(Clone, Debug, PartialEq)]
struct Query {
    /// The member's name as written.
    field: String,
    source: Source,
}

/// A path or a call of an intrinsic function.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A JSONPath.
    Path(Path),
    /// `States.…(…)`.
    Intrinsic(Intrinsic),
}

impl Template {
    /// Fills the template where `$` stands for `data`.
    ///
    /// # Errors
    /// A query or expression has no value, or the outcome is too large or too deep.
    pub(crate) fn evaluate(&self, data: &Value, scope: &mut Scope<'_>) -> Result<Value, Failure> {
        let mut expressions = Vec::new();
        self.0.expressions(&mut expressions);
        let mut values = match expressions.is_empty() {
            true => Vec::new(),
            false => expression::values(&expressions, scope)?,
        }
        .into_iter();
        let filled = self.0.fill(data, scope, &mut values)?;
        if budget::is_shallow(&filled) {
            Ok(filled)
        } else {
            Err(budget::too_deep())
        }
    }

    /// The members of a template that is an object, each filled; their order is the template's.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub(crate) fn members(
        &self,
        data: &Value,
        scope: &mut Scope<'_>,
    ) -> Result<Map<String, Value>, Failure> {
        match self.evaluate(data, scope)? {
            Value::Object(members) => Ok(members),
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)) => {
                let problem = format!("expected an object, found {other}");
                Err(Failure::runtime(problem))
            }
        }
    }

    /// Every JSONata expression, in order.
    pub fn each_expression(&self) -> Vec<&Expression> {
        let mut expressions = Vec::new();
        self.0.expressions(&mut expressions);
        expressions
    }

    /// The variables that paths and intrinsic functions name, in order, with repetitions.
    pub fn variables(&self) -> Vec<&str> {
        let mut variables = Vec::new();
        self.0.variables(&mut variables);
        variables
    }

    /// The value, if nothing of it is filled in.
    pub fn literal(&self) -> Option<&Value> {
        match &self.0 {
            Part::Literal(value) => Some(value),
            Part::Object(_) | Part::Array(_) | Part::Query(_) | Part::Expression(_) => None,
        }
    }

    /// Whether the template is an object that has a member `name`, whatever fills it.
    pub fn has_member(&self, name: &str) -> bool {
        match &self.0 {
            Part::Literal(value) => value.get(name).is_some(),
            Part::Object(members) => members.iter().any(|(member, _)| member == name),
            Part::Array(_) | Part::Query(_) | Part::Expression(_) => false,
        }
    }

    /// The member `name` of a template that is an object, if it is a literal.
    pub fn literal_member(&self, name: &str) -> Option<&Value> {
        match &self.0 {
            Part::Literal(value) => value.get(name),
            Part::Object(members) => {
                let (_, part) = members.iter().find(|(member, _)| member == name)?;
                match part {
                    Part::Literal(value) => Some(value),
                    Part::Object(_) | Part::Array(_) | Part::Query(_) | Part::Expression(_) => None,
                }
            }
            Part::Array(_) | Part::Query(_) | Part::Expression(_) => None,
        }
    }
}

impl Part {
    fn is_literal(&self) -> bool {
        matches!(self, Self::Literal(_))
    }

    fn expressions<'a>(&'a self, found: &mut Vec<&'a Expression>) {
        match self {
            Self::Literal(_) | Self::Query(_) => {}
            Self::Object(members) => members.iter().for_each(|(_, part)| part.expressions(found)),
            Self::Array(items) => items.iter().for_each(|part| part.expressions(found)),
            Self::Expression(expression) => found.push(expression),
        }
    }

    fn variables<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::Literal(_) | Self::Expression(_) => {}
            Self::Object(members) => members.iter().for_each(|(_, part)| part.variables(found)),
            Self::Array(items) => items.iter().for_each(|part| part.variables(found)),
            Self::Query(query) => query.source.variables(found),
        }
    }

    /// `values` are those of the expressions, in order.
    fn fill(
        &self,
        data: &Value,
        scope: &mut Scope<'_>,
        values: &mut impl Iterator<Item = Value>,
    ) -> Result<Value, Failure> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Object(members) => {
                let mut filled = Map::new();
                for (name, member) in members {
                    filled.insert(name.clone(), member.fill(data, scope, values)?);
                }
                Ok(Value::Object(filled))
            }
            Self::Array(items) => {
                let mut filled = Vec::with_capacity(items.len());
                for item in items {
                    filled.push(item.fill(data, scope, values)?);
                }
                Ok(Value::Array(filled))
            }
            Self::Query(query) => query.value(data, scope),
            Self::Expression(_) => Ok(values.next().unwrap_or(Value::Null)),
        }
    }
}

impl Query {
    fn value(&self, data: &Value, scope: &mut Scope<'_>) -> Result<Value, Failure> {
        match &self.source {
            Source::Path(path) => {
                let roots = scope.roots(data);
                let document = path.document(roots).map_err(PathError::of_field)?;
                if document.is_null() && path.variable().is_none() {
                    return Err(Failure::runtime(
                        "Unable to apply Path transformation to null or empty input.",
                    ));
                }
                let found = path.evaluate_within(roots, &mut scope.budget);
                found.map_err(|error: PathError| error.of_member(&self.field, document))
            }
            Source::Intrinsic(intrinsic) => scope.intrinsic(intrinsic, data),
        }
    }
}

impl Source {
    /// Reads a path, or a call of an intrinsic function.
    ///
    /// # Errors
    /// What is wrong and at which character, in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("States.") {
            return Intrinsic::parse(text).map(Self::Intrinsic);
        }
        Path::parse(text).map(Self::Path)
    }

    /// The value of a field where `$` stands for `data`.
    ///
    /// # Errors
    /// A definite path finds nothing, the call fails, or either costs too much.
    pub(crate) fn value(&self, data: &Value, scope: &mut Scope<'_>) -> Result<Value, Failure> {
        match self {
            Self::Path(path) => {
                let found = path.evaluate_within(scope.roots(data), &mut scope.budget);
                found.map_err(PathError::of_field)
            }
            Self::Intrinsic(intrinsic) => scope.intrinsic(intrinsic, data),
        }
    }

    /// The variables that it names.
    pub(crate) fn variables<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::Path(path) => found.extend(path.variable()),
            Self::Intrinsic(intrinsic) => found.extend(intrinsic.variables()),
        }
    }
}

impl Scope<'_> {
    /// What a call gives where `$` stands for `data`.
    pub(crate) fn intrinsic(
        &mut self,
        intrinsic: &Intrinsic,
        data: &Value,
    ) -> Result<Value, Failure> {
        let Roots {
            context, variables, ..
        } = self.roots(data);
        intrinsic.evaluate(&mut Sources {
            data,
            context,
            variables,
            random: &mut self.random,
            budget: &mut self.budget,
        })
    }
}

#[cfg(test)]
mod tests;
