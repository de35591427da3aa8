//! Fields that hold a number or a text, fixed or found when the state runs.

use std::ops::RangeInclusive;

use document::{Fields, Node, Problems};

use super::language::Language;
use super::parse::Reader;
use super::{fields, flow};
use crate::diagnostic::{self, code};
use crate::expression::Expression;
use crate::path::Path;
use crate::template::Source;

/// A number: whole for seconds and items, any for percents.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity<T = u64> {
    /// `TimeoutSeconds`, `Seconds`, `MaxConcurrency`.
    Fixed(T),
    /// `TimeoutSecondsPath`, `SecondsPath`, `MaxConcurrencyPath`.
    At(Path),
    /// `"TimeoutSeconds": "{% … %}"`.
    Expression(Expression),
}

/// A text.
#[derive(Clone, Debug, PartialEq)]
pub enum Text {
    /// `Error`, `Cause`.
    Fixed(String),
    /// `ErrorPath`, `CausePath`, `RoleArn.$`.
    At(Source),
    /// `"Error": "{% … %}"`.
    Expression(Expression),
}

impl Quantity {
    /// Reads a whole number: member `fixed`, or `path` in JSONPath, but not both.
    pub(super) fn read(
        fields: &mut Fields<'_>,
        names: [&'static str; 2],
        range: RangeInclusive<u64>,
        reader: &mut Reader,
    ) -> Option<Self> {
        read(fields, names, reader, |node, problems| {
            fields::whole(node, range, problems)
        })
    }
}

impl Quantity<f64> {
    /// Reads a number of percents: member `fixed`, or `path` in JSONPath, but not both.
    pub(super) fn read_percents(
        fields: &mut Fields<'_>,
        names: [&'static str; 2],
        reader: &mut Reader,
    ) -> Option<Self> {
        read(fields, names, reader, |node, problems| {
            fields::number(node, 0.0, Some(100.0), problems)
        })
    }
}

fn read<T>(
    fields: &mut Fields<'_>,
    [fixed, path]: [&'static str; 2],
    reader: &mut Reader,
    number: impl FnOnce(&Node<'_>, &mut Problems) -> Option<T>,
) -> Option<Quantity<T>> {
    let node = match one_of(fields, [fixed, path], reader)? {
        Found::Fixed(node) => node,
        Found::Path(node) => {
            return fields::reference(&node, &mut reader.problems).map(Quantity::At);
        }
    };
    match expression(&node, fixed, reader) {
        Some(expression) => Some(Quantity::Expression(expression)),
        None => number(&node, &mut reader.problems).map(Quantity::Fixed),
    }
}

impl Text {
    /// Reads member `fixed`, or `path` in JSONPath, but not both.
    pub(super) fn read(
        fields: &mut Fields<'_>,
        [fixed, path]: [&'static str; 2],
        reader: &mut Reader,
    ) -> Option<Self> {
        match one_of(fields, [fixed, path], reader)? {
            Found::Fixed(node) => Self::of(&node, fixed, reader),
            Found::Path(node) => fields::source(&node, &mut reader.problems).map(Self::At),
        }
    }

    fn of(node: &Node<'_>, field: &str, reader: &mut Reader) -> Option<Self> {
        match expression(node, field, reader) {
            Some(expression) => Some(Self::Expression(expression)),
            None => {
                let text = node.string(&mut reader.problems)?;
                if reader.language == Language::JsonPath && flow::looks_like_path(text) {
                    let message = "the text is passed on as written, use the member for paths";
                    let theirs =
                        "Field value looks like a path, but field name does not end with 'Path'.";
                    let pointer = &node.pointer;
                    let warning = diagnostic::problem(pointer, message, code::NO_PATH, theirs);
                    reader.warnings.extend([warning]);
                }
                Some(Self::Fixed(text.to_owned()))
            }
        }
    }
}

/// Which of the two members is there.
enum Found<'a> {
    Fixed(Node<'a>),
    Path(Node<'a>),
}

fn one_of<'a>(
    fields: &mut Fields<'a>,
    [fixed, path]: [&'static str; 2],
    reader: &mut Reader,
) -> Option<Found<'a>> {
    let by_path = match reader.language {
        Language::JsonPath => fields.optional(path),
        Language::Jsonata => None,
    };
    match (fields.optional(fixed), by_path) {
        (None, None) => None,
        (Some(node), None) => Some(Found::Fixed(node)),
        (None, Some(node)) => Some(Found::Path(node)),
        (Some(_), Some(node)) => {
            excludes(&node, [fixed, path], &mut reader.problems);
            None
        }
    }
}

fn excludes(node: &Node<'_>, [fixed, path]: [&str; 2], problems: &mut Problems) {
    let message = format!("`{fixed}` and `{path}` exclude each other");
    let place = Some(diagnostic::around(&node.pointer));
    let theirs = diagnostic::one_of(&[fixed, path]);
    let problem = diagnostic::placed(&node.pointer, message, place, code::SCHEMA, theirs);
    problems.extend([problem]);
}

/// The expression that the member is, in a JSONata state.
pub(super) fn expression(node: &Node<'_>, field: &str, reader: &mut Reader) -> Option<Expression> {
    if reader.language == Language::JsonPath {
        return None;
    }
    let inner = Expression::inner(node.value.as_str()?)?;
    if inner.is_empty() {
        let message = "expected an expression between `{%` and `%}`";
        node.problem(message, &mut reader.problems);
    }
    let pointer = node.pointer.clone();
    Some(Expression::new(inner, field.to_owned(), pointer))
}
