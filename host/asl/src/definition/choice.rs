//! The Choice state: rules, operators and what they compare.

mod evaluate;
pub(super) mod parse;
mod wildcard;

pub(crate) use evaluate::Picked;
use serde_json::Number;

use crate::Timestamp;
use crate::expression::Expression;
use crate::path::Path;
use crate::template::Template;

/// `"Type": "Choice"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// `Choices`, in order.
    pub rules: Vec<ChoiceRule>,
    /// `Default`.
    pub default: Option<String>,
}

/// One top-level entry of `Choices`.
#[derive(Clone, Debug, PartialEq)]
pub struct ChoiceRule {
    /// When it matches.
    pub condition: Condition,
    /// `Next`.
    pub next: String,
    /// `Output` in JSONata: the state's input where it is left out.
    pub output: Option<Template>,
    /// `Assign`: the variables that it sets.
    pub assign: Option<Template>,
}

/// A Boolean over the state's input.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `And`.
    And(Vec<Condition>),
    /// `Or`.
    Or(Vec<Condition>),
    /// `Not`.
    Not(Box<Condition>),
    /// `Condition` in JSONata, written as `true` or `false`.
    Fixed(bool),
    /// `Condition` in JSONata.
    Expression(Expression),
    /// `Variable` with one comparison operator.
    Compare {
        /// `Variable`.
        variable: Path,
        /// The operator with its operand.
        comparison: Comparison,
    },
}

/// What an operator compares with: a constant, or another place in the input (`…Path` operators).
#[derive(Clone, Debug, PartialEq)]
pub enum Operand<T> {
    /// A constant of the operator's type.
    Constant(T),
    /// The value at a path; a value of another type never matches.
    At(Path),
}

/// The comparison operators of the specification's Choice state section.
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison {
    /// `BooleanEquals`, `BooleanEqualsPath`.
    BooleanEquals(Operand<bool>),
    /// `NumericEquals` and its `Path`, and so on through the orderings.
    Numeric(Ordering, Operand<Number>),
    /// `StringEquals` and its `Path`, and so on through the orderings.
    String(Ordering, Operand<String>),
    /// `TimestampEquals` and its `Path`, and so on through the orderings.
    Timestamp(Ordering, Operand<Timestamp>),
    /// `StringMatches`: `*` stands for any text, `\\*` for a star, `\\\\` for a backslash.
    StringMatches(String),
    /// `IsPresent`.
    IsPresent(bool),
    /// `IsNull`.
    IsNull(bool),
    /// `IsBoolean`.
    IsBoolean(bool),
    /// `IsNumeric`.
    IsNumeric(bool),
    /// `IsString`.
    IsString(bool),
    /// `IsTimestamp`.
    IsTimestamp(bool),
}

/// The five orderings that numbers, strings and timestamps share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// `…Equals`.
    Equals,
    /// `…LessThan`.
    LessThan,
    /// `…LessThanEquals`.
    LessThanEquals,
    /// `…GreaterThan`.
    GreaterThan,
    /// `…GreaterThanEquals`.
    GreaterThanEquals,
}
