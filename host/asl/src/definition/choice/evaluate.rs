//! Decides Choice rules.

use std::borrow::Cow;
use std::cmp;

use serde_json::{Number, Value};

use super::wildcard;
use super::{ChoiceRule, Comparison, Condition, Operand, Ordering};
use crate::definition::Choice;
use crate::expression::Expected;
use crate::path::{Path, PathError};
use crate::scope::Scope;
use crate::{Failure, Timestamp, number};

/// Where a Choice state goes.
#[derive(Debug, PartialEq)]
pub(crate) enum Picked<'m> {
    /// As the first rule that matches says.
    Rule(&'m ChoiceRule),
    /// As `Default` says.
    Default(&'m str),
    /// Nowhere.
    Nothing,
}

impl Choice {
    /// The first rule that matches, else `Default`.
    ///
    /// # Errors
    /// `States.Runtime` if a rule reads a place that is not there, `States.QueryEvaluationError`
    /// if a rule's expression has no Boolean value.
    pub(crate) fn pick(&self, data: &Value, scope: &mut Scope<'_>) -> Result<Picked<'_>, Failure> {
        let mut reader = Reader { data, scope };
        for rule in &self.rules {
            if reader.matches(&rule.condition)? {
                return Ok(Picked::Rule(rule));
            }
        }
        let default = self.default.as_deref();
        Ok(default.map_or(Picked::Nothing, Picked::Default))
    }
}

/// What conditions read.
struct Reader<'d, 's, 'r> {
    data: &'d Value,
    scope: &'r mut Scope<'s>,
}

impl<'d, 's: 'd> Reader<'d, 's, '_> {
    fn matches(&mut self, condition: &Condition) -> Result<bool, Failure> {
        match condition {
            Condition::And(parts) => {
                for part in parts {
                    if !self.matches(part)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Condition::Or(parts) => {
                for part in parts {
                    if self.matches(part)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Condition::Not(part) => Ok(!self.matches(part)?),
            Condition::Fixed(fixed) => Ok(*fixed),
            Condition::Expression(expression) => {
                let value = expression.value_of(Expected::Boolean, self.scope)?;
                Ok(value == Value::Bool(true))
            }
            Condition::Compare {
                variable,
                comparison,
            } => {
                if let Comparison::IsPresent(expected) = comparison {
                    return Ok(self.is_present(variable)? == *expected);
                }
                let value = self.value(variable)?;
                self.holds(comparison, &value)
            }
        }
    }

    fn is_present(&mut self, path: &Path) -> Result<bool, Failure> {
        match path.select(self.scope.roots(self.data), &mut self.scope.budget) {
            Ok(_) => Ok(true),
            Err(PathError::NotFound { .. } | PathError::Unassigned { .. }) => Ok(false),
            Err(error @ PathError::TooCostly { .. }) => Err(error.of_condition()),
        }
    }

    fn value(&mut self, path: &Path) -> Result<Cow<'d, Value>, Failure> {
        let value = path
            .select(self.scope.roots(self.data), &mut self.scope.budget)
            .map_err(PathError::of_condition)?;
        let text_bytes = value.as_str().map_or(0, str::len);
        let spent = self.scope.budget.read(text_bytes);
        spent.map_err(|_| path.too_costly().of_condition())?;
        Ok(value)
    }

    fn holds(&mut self, comparison: &Comparison, value: &Value) -> Result<bool, Failure> {
        Ok(match comparison {
            Comparison::BooleanEquals(operand) => {
                let operand = self.operand(operand, Value::as_bool)?;
                operand.is_some() && operand == value.as_bool()
            }
            Comparison::Numeric(ordering, operand) => {
                let operand = self.operand(operand, number)?;
                let order = both(value.as_number(), operand.as_ref(), number::compare);
                ordering.admits(order)
            }
            Comparison::String(ordering, Operand::Constant(operand)) => {
                ordering.admits(both(value.as_str(), Some(operand.as_str()), Ord::cmp))
            }
            Comparison::String(ordering, Operand::At(path)) => {
                let operand = self.value(path)?;
                ordering.admits(both(value.as_str(), operand.as_str(), Ord::cmp))
            }
            Comparison::Timestamp(ordering, operand) => {
                let operand = self.operand(operand, timestamp)?;
                ordering.admits(both(timestamp(value).as_ref(), operand.as_ref(), Ord::cmp))
            }
            Comparison::StringMatches(pattern) => value
                .as_str()
                .is_some_and(|text| wildcard::matches(pattern, text)),
            Comparison::IsPresent(expected) => *expected,
            Comparison::IsNull(expected) => value.is_null() == *expected,
            Comparison::IsBoolean(expected) => value.is_boolean() == *expected,
            Comparison::IsNumeric(expected) => value.is_number() == *expected,
            Comparison::IsString(expected) => value.is_string() == *expected,
            Comparison::IsTimestamp(expected) => timestamp(value).is_some() == *expected,
        })
    }

    /// The operand's value; nothing if it is of another type.
    fn operand<T: Clone>(
        &mut self,
        operand: &Operand<T>,
        convert: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        match operand {
            Operand::Constant(constant) => Ok(Some(constant.clone())),
            Operand::At(path) => Ok(convert(self.value(path)?.as_ref())),
        }
    }
}

fn number(value: &Value) -> Option<Number> {
    value.as_number().cloned()
}

fn timestamp(value: &Value) -> Option<Timestamp> {
    Timestamp::parse(value.as_str()?)
}

fn both<T: ?Sized>(
    left: Option<&T>,
    right: Option<&T>,
    compare: impl Fn(&T, &T) -> cmp::Ordering,
) -> Option<cmp::Ordering> {
    Some(compare(left?, right?))
}

impl Ordering {
    /// Whether the operator holds for two values in this order; values of different types have none.
    fn admits(self, order: Option<cmp::Ordering>) -> bool {
        order.is_some_and(|order| match self {
            Self::Equals => order.is_eq(),
            Self::LessThan => order.is_lt(),
            Self::LessThanEquals => order.is_le(),
            Self::GreaterThan => order.is_gt(),
            Self::GreaterThanEquals => order.is_ge(),
        })
    }
}

#[cfg(test)]
mod tests;
