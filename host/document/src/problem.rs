//! What is wrong with a document, and where.

use std::fmt;

use serde_json::{Value, json};

/// One thing wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The JSON pointer (RFC 6901) of the offending value; empty for the document itself.
    pub pointer: String,
    /// What is wrong and what to do about it, in one line.
    pub message: String,
    /// What kind of problem it is, for faces that have words of their own for it.
    pub finding: Finding,
}

/// What kind of problem it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// None but what the message says.
    #[default]
    Unnamed,
    /// The object at the pointer lacks this member.
    Missing(&'static str),
    /// The member at the pointer is one that its object cannot have.
    Unknown,
    /// Whoever defined the document's format has a code and words for it.
    Named(Box<Named>),
}

/// A problem as those name it who defined the document's format.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Their code.
    pub code: &'static str,
    /// Their words; empty if they are not known.
    pub message: String,
    /// The JSON pointer of where they place it, if anywhere.
    pub pointer: Option<String>,
}

impl Problem {
    /// Describes a problem at `pointer`.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
            finding: Finding::Unnamed,
        }
    }

    /// The same problem, of a kind.
    pub fn found(mut self, finding: Finding) -> Self {
        self.finding = finding;
        self
    }

    /// The shape problems have on the wire: `{"pointer", "detail"}`, the member names of RFC 9457 section 3.
    pub fn to_json(&self) -> Value {
        json!({"pointer": self.pointer, "detail": self.message})
    }

    /// Moves the problem below `prefix`, for documents embedded in others.
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        if let Finding::Named(named) = &mut self.finding
            && let Some(pointer) = &mut named.pointer
        {
            pointer.insert_str(0, prefix);
        }
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => write!(formatter, "{}", self.message),
            pointer => write!(formatter, "at `{pointer}`: {}", self.message),
        }
    }
}

impl std::error::Error for Problem {}

/// Every problem of one document, in reading order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Records a problem at `pointer`.
    pub fn push(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem::new(pointer, message));
    }

    /// Records problems found elsewhere.
    pub fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.0.extend(problems);
    }

    /// Whether nothing was wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hands out `value` if nothing was wrong, else every problem.
    pub fn or<T>(self, value: Option<T>) -> Result<T, Vec<Problem>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }

    /// The problems as a list.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}
