//! Filters: `[?(@.year < 1999 && @.title)]`.

mod parse;

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::evaluate;
use super::step::Step;
use crate::budget::{Budget, Exhausted, Size};
use crate::number;
pub(super) use parse::parse;

/// A condition over one element.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    /// `a || b`.
    Or(Vec<Filter>),
    /// `a && b`.
    And(Vec<Filter>),
    /// `!a`.
    Not(Box<Filter>),
    /// A path alone: whether it leads anywhere.
    Exists(Term),
    /// Two terms and an operator.
    Compare(Term, Operator, Term),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term {
    /// A literal.
    Literal(Value),
    /// `@…`: steps from the element.
    Element(Vec<Step>),
    /// `$…`: steps from the document.
    Document(Vec<Step>),
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Filter {
    /// Whether `element` fulfils the filter.
    pub(super) fn holds(
        &self,
        element: &Value,
        root: &Value,
        budget: &mut Budget,
    ) -> Result<bool, Exhausted> {
        budget.visit(1)?;
        match self {
            Self::Or(filters) => {
                for filter in filters {
                    if filter.holds(element, root, budget)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::And(filters) => {
                for filter in filters {
                    if !filter.holds(element, root, budget)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Not(filter) => Ok(!filter.holds(element, root, budget)?),
            Self::Exists(term) => Ok(term.value(element, root, budget)?.is_some()),
            Self::Compare(left, operator, right) => {
                let left = left.value(element, root, budget)?;
                let right = right.value(element, root, budget)?;
                operator.holds(left.as_deref(), right.as_deref(), budget)
            }
        }
    }
}

impl Term {
    fn value<'a>(
        &'a self,
        element: &'a Value,
        root: &'a Value,
        budget: &mut Budget,
    ) -> Result<Option<Cow<'a, Value>>, Exhausted> {
        let (steps, start) = match self {
            Self::Literal(value) => return Ok(Some(Cow::Borrowed(value))),
            Self::Element(steps) => (steps, element),
            Self::Document(steps) => (steps, root),
        };
        if steps.iter().all(Step::is_single) {
            budget.visit(steps.len())?;
            let mut place = Some(start);
            for step in steps {
                place = place.and_then(|place| evaluate::child(step, place));
            }
            return Ok(place.map(Cow::Borrowed));
        }
        let found = evaluate::many(steps, start, root, budget)?;
        Ok((!found.is_empty()).then_some(Cow::Owned(Value::Array(found))))
    }
}

impl Operator {
    /// A missing side equals nothing and is neither less nor greater.
    fn holds(
        self,
        left: Option<&Value>,
        right: Option<&Value>,
        budget: &mut Budget,
    ) -> Result<bool, Exhausted> {
        let (Some(left), Some(right)) = (left, right) else {
            return Ok(self == Self::NotEqual);
        };
        budget.read(compared_bytes(left, right))?;
        Ok(match self {
            Self::Equal => equal(left, right),
            Self::NotEqual => !equal(left, right),
            Self::Less => compare(left, right).is_some_and(Ordering::is_lt),
            Self::LessOrEqual => compare(left, right).is_some_and(Ordering::is_le),
            Self::Greater => compare(left, right).is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => compare(left, right).is_some_and(Ordering::is_ge),
        })
    }
}

/// How much comparing two values reads.
fn compared_bytes(left: &Value, right: &Value) -> usize {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left.len().min(right.len()),
        (Value::String(text), Value::Number(_)) | (Value::Number(_), Value::String(text)) => {
            text.len()
        }
        (Value::Array(_) | Value::Object(_), Value::Array(_) | Value::Object(_)) => {
            Size::of(left, usize::MAX).bytes
        }
        _ => 0,
    }
}

/// Equality as the service's JSONPath library has it: a text equals the number it spells.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => number::compare(left, right).is_eq(),
        (Value::Number(number), Value::String(text))
        | (Value::String(text), Value::Number(number)) => serde_json::from_str::<Number>(text)
            .is_ok_and(|text| number::compare(number, &text).is_eq()),
        _ => left == right,
    }
}

fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Some(number::compare(left, right)),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}
