//! JSONPath: where in a document.
//!
//! Owns the language the service accepts (Jayway's, with empty lists where an indefinite path
//! finds nothing). It does not know which fields of a state hold paths.

mod cursor;
mod error;
mod evaluate;
mod filter;
mod parse;
mod reference;
mod step;

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use crate::Variables;
use crate::budget::Budget;
pub use error::PathError;
pub use reference::ReferencePath;
use step::Step;

/// A JSONPath expression over the state's data, the context object (`$$`) or a variable (`$name`).
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    text: String,
    root: Root,
    steps: Vec<Step>,
}

/// Which document a path begins in.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Root {
    Data,
    Context,
    Variable(String),
}

/// The documents that paths read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Roots<'a> {
    /// What `$` stands for.
    pub(crate) data: &'a Value,
    /// What `$$` stands for.
    pub(crate) context: &'a Value,
    /// What `$name` stands for.
    pub(crate) variables: &'a Variables,
}

impl Path {
    /// Parses a path that starts with `$` or `$$`.
    ///
    /// # Errors
    /// What is wrong and at which character, in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse::path(text)
    }

    /// The path `$`: the data as a whole.
    pub fn root() -> Self {
        Self {
            text: "$".to_owned(),
            root: Root::Data,
            steps: Vec::new(),
        }
    }

    /// Whether the path reads the context object rather than the state's data.
    pub fn is_context(&self) -> bool {
        self.root == Root::Context
    }

    /// The variable that the path reads, without the `$`.
    pub fn variable(&self) -> Option<&str> {
        match &self.root {
            Root::Variable(name) => Some(name),
            Root::Data | Root::Context => None,
        }
    }

    /// Whether this is the path `$`.
    pub fn is_root(&self) -> bool {
        self.root == Root::Data && self.steps.is_empty()
    }

    /// Whether the path names one place; other paths give lists.
    pub fn is_definite(&self) -> bool {
        let Some((last, before)) = self.steps.split_last() else {
            return true;
        };
        before.iter().all(Step::is_single) && (last.is_single() || last.is_merge())
    }

    /// Whether the path names one place in a way that could be written to.
    pub fn is_reference(&self) -> bool {
        self.steps.iter().all(Step::is_single)
    }

    /// Finds the value in `data`, or in `context` for a `$$` path. An indefinite path gives the
    /// list of what it finds, which may be empty.
    ///
    /// # Errors
    /// A definite path finds nothing, or the path looks at or copies more than is allowed.
    pub fn evaluate(&self, data: &Value, context: &Value) -> Result<Value, PathError> {
        let variables = &Variables::default();
        let roots = Roots {
            data,
            context,
            variables,
        };
        self.evaluate_within(roots, &mut Budget::new())
    }

    /// Like [`Path::evaluate`], spending from `budget`.
    pub(crate) fn evaluate_within(
        &self,
        roots: Roots<'_>,
        budget: &mut Budget,
    ) -> Result<Value, PathError> {
        match self.select(roots, budget)? {
            Cow::Borrowed(value) => budget.copy(value).map_err(|_| self.too_costly()),
            Cow::Owned(value) => Ok(value),
        }
    }

    /// Finds the value without copying what a definite path names.
    pub(crate) fn select<'a>(
        &self,
        roots: Roots<'a>,
        budget: &mut Budget,
    ) -> Result<Cow<'a, Value>, PathError> {
        let root = self.document(roots)?;
        if self.is_definite() {
            self.select_one(root, budget)
        } else {
            evaluate::many(&self.steps, root, root, budget)
                .map(|found| Cow::Owned(Value::Array(found)))
                .map_err(|_| self.too_costly())
        }
    }

    /// The document the path reads.
    ///
    /// # Errors
    /// The variable that it names was never assigned.
    pub(crate) fn document<'a>(&self, roots: Roots<'a>) -> Result<&'a Value, PathError> {
        match &self.root {
            Root::Data => Ok(roots.data),
            Root::Context => Ok(roots.context),
            Root::Variable(name) => {
                roots
                    .variables
                    .get(name)
                    .ok_or_else(|| PathError::Unassigned {
                        path: self.text.clone(),
                        variable: name.clone(),
                    })
            }
        }
    }

    fn select_one<'a>(
        &self,
        root: &'a Value,
        budget: &mut Budget,
    ) -> Result<Cow<'a, Value>, PathError> {
        let mut place = root;
        for (index, step) in self.steps.iter().enumerate() {
            if let Step::Members(names) = step
                && names.len() > 1
                && let Value::Object(members) = place
            {
                return evaluate::merge(names, members, budget)
                    .map(Cow::Owned)
                    .map_err(|_| self.too_costly());
            }
            place = evaluate::child(step, place).ok_or_else(|| self.not_found(index, place))?;
        }
        Ok(Cow::Borrowed(place))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
