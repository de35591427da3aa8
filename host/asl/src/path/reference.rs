//! Paths that can be written to.

use std::fmt;

use serde_json::{Map, Value};

use super::step::Step;
use super::{Path, evaluate, parse};
use crate::Failure;
use crate::budget::{self, DEPTH_MAX, Size};

/// A path that names exactly one place and can be written to.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferencePath(pub(super) Path);

impl ReferencePath {
    /// Parses a path of names and indices only.
    ///
    /// # Errors
    /// What is wrong and at which character, in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse::reference(text)
    }

    /// The path `$`.
    pub fn root() -> Self {
        Self(Path::root())
    }

    /// The same path, for reading.
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// Puts `value` at this place in `into`; missing objects on the way are created.
    ///
    /// # Errors
    /// `States.ResultPathMatchFailure` if the place cannot exist in `into`, `States.Runtime` if
    /// the outcome would nest too deep.
    pub fn write(&self, into: Value, value: Value) -> Result<Value, Failure> {
        if self.0.is_context() || self.0.variable().is_some() || !self.fits(&into) {
            return Err(self.mismatch(&into));
        }
        let depth = Size::of(&value, usize::MAX).depth;
        if self.0.steps.len() + depth > DEPTH_MAX {
            return Err(budget::too_deep());
        }
        let mut root = into;
        let mut place = &mut root;
        for step in &self.0.steps {
            let Some(next) = enter(step, place) else {
                return Err(self.mismatch(&root));
            };
            place = next;
        }
        *place = value;
        Ok(root)
    }

    fn mismatch(&self, input: &Value) -> Failure {
        Failure::new(
            "States.ResultPathMatchFailure",
            format!("Unable to apply ReferencePath {self} to input {input}"),
        )
    }

    fn fits(&self, into: &Value) -> bool {
        let mut place = Some(into);
        for step in &self.0.steps {
            place = match (step, place) {
                (Step::Members(names), Some(Value::Object(members))) => {
                    names.first().and_then(|name| members.get(name))
                }
                (Step::Members(_), None) => None,
                (_, Some(array @ Value::Array(_))) => match evaluate::child(step, array) {
                    Some(item) => Some(item),
                    None => return false,
                },
                _ => return false,
            };
        }
        true
    }
}

/// The place one step further, created where it is a missing member.
fn enter<'a>(step: &Step, place: &'a mut Value) -> Option<&'a mut Value> {
    match (step, place) {
        (Step::Members(names), Value::Object(members)) => {
            let name = names.first()?.clone();
            let created = || Value::Object(Map::new());
            Some(members.entry(name).or_insert_with(created))
        }
        (Step::Indices(indices), Value::Array(items)) => {
            let position = evaluate::position(items.len(), *indices.first()?)?;
            items.get_mut(position)
        }
        _ => None,
    }
}

impl fmt::Display for ReferencePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
