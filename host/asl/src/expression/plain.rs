//! Expressions so plain that no evaluator is needed: literals, and names joined by dots.
//!
//! Owns the shortcut only: wherever JSONata's rules could say more than "the member of that
//! name", as they do for arrays, it steps aside.

use serde_json::Value;

use crate::jsonata::References;
use crate::scope::Scope;
use crate::variables;

/// How many digits of a whole number a double holds exactly.
const DIGITS_MAX: usize = 15;

/// What a plain expression means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    Literal(Value),
    /// `$name.member.member`.
    Path {
        variable: String,
        members: Vec<String>,
    },
}

impl Plain {
    /// The meaning of `text`, if it is plain.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "true" => return Some(Self::Literal(Value::Bool(true))),
            "false" => return Some(Self::Literal(Value::Bool(false))),
            "null" => return Some(Self::Literal(Value::Null)),
            _ => {}
        }
        if let Some(path) = text.strip_prefix('$') {
            return Self::path(path);
        }
        string(text).or_else(|| number(text)).map(Self::Literal)
    }

    fn path(path: &str) -> Option<Self> {
        let mut names = path.split('.');
        let variable = names.next().filter(|name| is_plain_name(name))?.to_owned();
        let members: Vec<_> = names.map(str::to_owned).collect();
        let are_plain = members
            .iter()
            .all(|name| is_plain_name(name) && !matches!(name.as_str(), "and" | "or" | "in"));
        are_plain.then_some(Self::Path { variable, members })
    }

    /// What the expression reads.
    pub(super) fn references(&self) -> References {
        let mut references = References::default();
        match self {
            Self::Literal(_) => {}
            Self::Path { variable, members } if variable == "states" => {
                references.states.extend(members.first().cloned());
            }
            Self::Path { variable, .. } => references.variables.push(variable.clone()),
        }
        references
    }

    /// The value; `None` where only an evaluator can tell, `Some(None)` for undefined.
    pub(super) fn value(&self, scope: &mut Scope<'_>) -> Option<Option<Value>> {
        let (variable, members) = match self {
            Self::Literal(value) => return Some(Some(value.clone())),
            Self::Path { variable, members } => (variable, members),
        };
        let (mut place, members) = match (variable.as_str(), members.split_first()) {
            ("states", None) => return None,
            ("states", Some((member, rest))) => (scope.member_of_states(member), rest),
            // A name that was never assigned may be a function's.
            (variable, _) => (Some(scope.variables.get(variable)?), members.as_slice()),
        };
        for member in members {
            place = match place {
                Some(Value::Object(object)) => object.get(member),
                Some(Value::Array(_)) => return None,
                Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => {
                    None
                }
            };
        }
        match place {
            // Too much to copy is for the evaluator to refuse.
            Some(value) => Some(Some(scope.budget.copy(value).ok()?)),
            None => Some(None),
        }
    }
}

fn is_plain_name(name: &str) -> bool {
    name.is_ascii() && variables::is_name(name)
}

fn string(text: &str) -> Option<Value> {
    let quote = text
        .chars()
        .next()
        .filter(|first| matches!(first, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let is_plain = !inner.contains([quote, '\\']) && !inner.contains(char::is_control);
    is_plain.then(|| Value::String(inner.to_owned()))
}

fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_whole && (1..=DIGITS_MAX).contains(&digits.len());
    let is_canonical = digits == "0" || !digits.starts_with('0');
    (is_plain && is_canonical && text != "-0")
        .then(|| text.parse::<i64>().ok())
        .flatten()
        .map(Value::from)
}
