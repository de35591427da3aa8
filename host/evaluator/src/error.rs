//! Errors of the language and of this evaluator's limits.

mod tokens;

use jsonata_core::evaluator::{EvaluatorError, error_code_prefix};
use jsonata_core::parser::ParserError;

/// Codes of the engine's own guards rather than of the language.
const LIMIT_CODES: &[&str] = &["D1011", "D1012", "D2015", "U1001", "U1002", "U1003"];
/// Codes whose messages name tokens.
const TOKEN_CODES: &[&str] = &["S0201", "S0202", "S0203", "S0204", "S0211"];
/// Bytes of an error's text; it may quote what it is about.
const MESSAGE_BYTES_MAX: usize = 1024;

/// Why an expression gave no value.
#[derive(Debug)]
pub(crate) enum Failure {
    Raised { code: String, message: String },
    Unsupported,
    Limit(String),
}

impl From<EvaluatorError> for Failure {
    fn from(error: EvaluatorError) -> Self {
        Self::of(Error::of(error.message()))
    }
}

impl Failure {
    pub(crate) fn of(error: Error) -> Self {
        let Error { code, message } = error;
        if LIMIT_CODES.contains(&code.as_str()) {
            return Self::Limit(message);
        }
        Self::Raised { code, message }
    }
}

/// An error with the language's code, if it has one.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Error {
    /// Takes an engine's message apart, such as `T2001: the left side …`. The code may stand behind
    /// a word or two of the engine's own.
    fn of(text: &str) -> Self {
        let text = match text.split_once(": ") {
            Some((_, rest)) if error_code_prefix(text).is_none() => {
                error_code_prefix(rest).map_or(text, |_| rest)
            }
            Some(_) | None => text,
        };
        let (code, message) = match error_code_prefix(text) {
            Some(code) => (code, text.get(code.len() + 1..).unwrap_or(text)),
            None => ("", text),
        };
        let message = match message.trim().split_once('\n') {
            // The engine's own words, such as a pattern with a mark under it: what is wrong is last.
            Some((first, rest)) if code.is_empty() => {
                let last = rest.lines().last().unwrap_or_default();
                format!("{} {}", first.trim(), last.trim())
            }
            Some(_) | None => message.trim().to_owned(),
        };
        let end = message.floor_char_boundary(MESSAGE_BYTES_MAX);
        let message = message.get(..end).unwrap_or_default().to_owned();
        Self {
            code: code.to_owned(),
            message,
        }
    }

    pub(crate) fn syntax(error: &ParserError) -> Self {
        if matches!(error, ParserError::UnclosedComment) {
            return Self {
                code: "S0106".to_owned(),
                message: "Comment has no closing tag".to_owned(),
            };
        }
        let mut error = Self::of(&error.to_string());
        if TOKEN_CODES.contains(&error.code.as_str()) {
            error.message = tokens::written(&error.message);
        }
        error
    }
}
