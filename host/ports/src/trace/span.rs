//! What a span tells.

use asl::Timestamp;
use tokio::time::Instant;

use super::{SpanId, TraceContext};

/// Something that took time.
#[derive(Clone, Debug)]
pub struct Span {
    /// Its trace, and its own id.
    pub context: TraceContext,
    /// The span that it stands under.
    pub parent: Option<SpanId>,
    /// On which side of a call it is.
    pub kind: SpanKind,
    /// What it is called; the same for all of its kind.
    pub name: String,
    /// When it began.
    pub began: Moment,
    /// When it ended.
    pub ended: Moment,
    /// What is told of it; never an input, an output or a token.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// The name of the error that it ended with, if it did.
    pub error: Option<String>,
    /// The parts of it, in order; each becomes a span under it.
    pub phases: Vec<Phase>,
}

/// On which side of a call a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// It answers one that came from another process; its parent is there.
    Server,
    /// It is within this host.
    Internal,
}

/// One part of a span.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    /// What it is called.
    pub name: &'static str,
    /// When it began.
    pub began: Instant,
    /// When it ended.
    pub ended: Instant,
}

/// A time in a span: of this process's clock where it was there, else as it is on record.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// This process was there.
    Measured(Instant),
    /// It is on record.
    Recorded(Timestamp),
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
}

impl Span {
    /// As how many spans it is collected.
    pub fn count(&self) -> usize {
        self.phases.len().saturating_add(1)
    }

    /// Adds to what is told.
    pub fn tell(&mut self, name: &'static str, value: impl Into<Attribute>) {
        self.attributes.push((name, value.into()));
    }
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u32> for Attribute {
    fn from(number: u32) -> Self {
        Self::Number(i64::from(number))
    }
}

impl From<u64> for Attribute {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}
