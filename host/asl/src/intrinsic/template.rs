//! Templates of `States.Format`: texts with `{}` where values go.

use super::error::Error;

/// A text in parts, between each two of which a value goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<String>,
}

impl Template {
    /// Parses a template. A backslash before a brace, a quote or a backslash makes it plain text.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let mut parts = Vec::new();
        let mut part = String::new();
        let mut rest = text.chars().peekable();
        while let Some(next) = rest.next() {
            match (next, rest.peek().copied()) {
                ('\\', Some(escaped @ ('{' | '}' | '\'' | '\\'))) => {
                    rest.next();
                    part.push(escaped);
                }
                ('{', Some('}')) => {
                    rest.next();
                    parts.push(std::mem::take(&mut part));
                }
                ('{' | '}', _) => return Err(Error::Template { found: next }),
                _ => part.push(next),
            }
        }
        parts.push(part);
        Ok(Self { parts })
    }

    /// The texts before, between and after the values.
    pub(super) fn parts(&self) -> &[String] {
        &self.parts
    }
}
