//! Values that fields of several states hold.

use std::ops::RangeInclusive;

use document::{Node, Problems};

use crate::Timestamp;
use crate::diagnostic::{self, code};
use crate::path::{Path, ReferencePath};
use crate::template::Source;

/// The longest time the language can express, in seconds (about three years).
pub(super) const SECONDS_MAX: u64 = 99_999_999;
/// What the service says of a text that is no path.
const ANY_PATH: &str = "Value must be a valid JSONPath.";
/// What the service says of a path that is none to one place.
const REFERENCE_PATH: &str = "Value is not a Reference Path";

/// A JSONPath.
pub(super) fn path(node: &Node<'_>, problems: &mut Problems) -> Option<Path> {
    let text = node.string(problems)?;
    reported(Path::parse(text), node, ANY_PATH, problems)
}

/// A JSONPath, or a call of an intrinsic function.
pub(super) fn source(node: &Node<'_>, problems: &mut Problems) -> Option<Source> {
    let text = node.string(problems)?;
    reported(Source::parse(text), node, ANY_PATH, problems)
}

/// A JSONPath that names one place.
pub(super) fn reference(node: &Node<'_>, problems: &mut Problems) -> Option<Path> {
    reference_path(node, problems).map(|path| path.as_path().clone())
}

/// A JSONPath that names one place and keeps saying so in its type.
pub(super) fn reference_path(node: &Node<'_>, problems: &mut Problems) -> Option<ReferencePath> {
    let text = node.string(problems)?;
    let theirs = match text.starts_with('$') {
        true => REFERENCE_PATH.to_owned(),
        false => format!("{REFERENCE_PATH}: Reference path didn't start with '$'"),
    };
    reported(ReferencePath::parse(text), node, &theirs, problems)
}

/// A JSONPath that can be written to, in the state's input.
pub(super) fn writable(node: &Node<'_>, problems: &mut Problems) -> Option<ReferencePath> {
    let path = reference_path(node, problems)?;
    if path.as_path().is_context() || path.as_path().variable().is_some() {
        let message = "only the state's input can be written to";
        let pointer = &node.pointer;
        problems.extend([diagnostic::problem(
            pointer,
            message,
            code::SCHEMA,
            REFERENCE_PATH,
        )]);
        return None;
    }
    Some(path)
}

fn reported<T>(
    parsed: Result<T, String>,
    node: &Node<'_>,
    theirs: &str,
    problems: &mut Problems,
) -> Option<T> {
    match parsed {
        Ok(value) => Some(value),
        Err(problem) => {
            let message = format!("malformed JSONPath: {problem}");
            let pointer = &node.pointer;
            problems.extend([diagnostic::problem(pointer, message, code::SCHEMA, theirs)]);
            None
        }
    }
}

/// A whole number within `range`.
pub(super) fn whole(
    node: &Node<'_>,
    range: RangeInclusive<u64>,
    problems: &mut Problems,
) -> Option<u64> {
    let number = node.value.as_u64().filter(|number| range.contains(number));
    if number.is_none() {
        let (least, most) = range.into_inner();
        let found = bounded(&node.value.to_string());
        let message = format!("expected a whole number from {least} to {most}, found `{found}`");
        let theirs = match node.value.as_f64() {
            Some(number) if number < least as f64 => format!("Minimum value is {least}"),
            Some(number) if number > most as f64 => format!("Maximum value is {most}"),
            Some(_) | None => String::new(),
        };
        problems.extend([diagnostic::problem(
            &node.pointer,
            message,
            code::SCHEMA,
            theirs,
        )]);
    }
    number
}

/// A number of at least `least`, and at most `most` if there is a limit.
pub(super) fn number(
    node: &Node<'_>,
    least: f64,
    most: Option<f64>,
    problems: &mut Problems,
) -> Option<f64> {
    let number = node.value.as_f64();
    let (message, theirs) = match (number, most) {
        (Some(number), Some(most)) if number > most => (
            format!("expected a number of at most {most:?}"),
            format!("Maximum value is {most:?}"),
        ),
        (Some(number), _) if number < least => (
            format!("expected a number of at least {least:?}"),
            format!("Minimum value is {least:?}"),
        ),
        (Some(number), _) => return Some(number),
        (None, _) => (
            format!("expected a number of at least {least:?}"),
            String::new(),
        ),
    };
    problems.extend([diagnostic::problem(
        &node.pointer,
        message,
        code::SCHEMA,
        theirs,
    )]);
    None
}

/// An RFC 3339 timestamp.
pub(super) fn timestamp(node: &Node<'_>, problems: &mut Problems) -> Option<Timestamp> {
    let text = node.string(problems)?;
    let timestamp = Timestamp::parse(text);
    if timestamp.is_none() {
        let text = bounded(text);
        let message = format!(
            "expected an RFC 3339 timestamp such as `2016-03-14T01:59:00Z`, found `{text}`"
        );
        let theirs = "String does not match RFC3339 timestamp";
        problems.extend([diagnostic::problem(
            &node.pointer,
            message,
            code::SCHEMA,
            theirs,
        )]);
    }
    timestamp
}

/// The beginning of `text`, short enough for a message and on one line.
pub(super) fn bounded(text: &str) -> String {
    const CHARACTERS_MAX: usize = 100;
    let plain = text
        .chars()
        .map(|next| if next.is_control() { ' ' } else { next });
    let mut short: String = plain.clone().take(CHARACTERS_MAX).collect();
    if plain.count() > CHARACTERS_MAX {
        short.push('…');
    }
    short
}
