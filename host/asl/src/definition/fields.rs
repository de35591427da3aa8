//! Values that fields of several states hold.

use std::ops::RangeInclusive;

use document::{Node, Problems};

use crate::Timestamp;
use crate::path::{Path, ReferencePath};
use crate::template::Source;

/// The longest time the language can express, in seconds (about three years).
pub(super) const SECONDS_MAX: u64 = 99_999_999;

/// A JSONPath.
pub(super) fn path(node: &Node<'_>, problems: &mut Problems) -> Option<Path> {
    let text = node.string(problems)?;
    reported(Path::parse(text), node, problems)
}

/// A JSONPath, or a call of an intrinsic function.
pub(super) fn source(node: &Node<'_>, problems: &mut Problems) -> Option<Source> {
    let text = node.string(problems)?;
    reported(Source::parse(text), node, problems)
}

/// A JSONPath that names one place.
pub(super) fn reference(node: &Node<'_>, problems: &mut Problems) -> Option<Path> {
    reference_path(node, problems).map(|path| path.as_path().clone())
}

/// A JSONPath that names one place and keeps saying so in its type.
pub(super) fn reference_path(node: &Node<'_>, problems: &mut Problems) -> Option<ReferencePath> {
    let text = node.string(problems)?;
    reported(ReferencePath::parse(text), node, problems)
}

/// A JSONPath that can be written to, in the state's input.
pub(super) fn writable(node: &Node<'_>, problems: &mut Problems) -> Option<ReferencePath> {
    let path = reference_path(node, problems)?;
    if path.as_path().is_context() || path.as_path().variable().is_some() {
        node.problem("only the state's input can be written to", problems);
        return None;
    }
    Some(path)
}

fn reported<T>(parsed: Result<T, String>, node: &Node<'_>, problems: &mut Problems) -> Option<T> {
    match parsed {
        Ok(value) => Some(value),
        Err(problem) => {
            node.problem(format!("malformed JSONPath: {problem}"), problems);
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
        node.problem(
            format!("expected a whole number from {least} to {most}, found `{found}`"),
            problems,
        );
    }
    number
}

/// An RFC 3339 timestamp.
pub(super) fn timestamp(node: &Node<'_>, problems: &mut Problems) -> Option<Timestamp> {
    let text = node.string(problems)?;
    let timestamp = Timestamp::parse(text);
    if timestamp.is_none() {
        let text = bounded(text);
        node.problem(
            format!(
                "expected an RFC 3339 timestamp such as `2016-03-14T01:59:00Z`, found `{text}`"
            ),
            problems,
        );
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
