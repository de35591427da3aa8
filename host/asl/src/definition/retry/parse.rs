//! Reads `Retry` and `Catch`.

use document::{Fields, Node, Problem, Problems};

use super::{Catcher, Jitter, Retrier};
use crate::definition::fields::{self, SECONDS_MAX};
use crate::definition::language::Language;
use crate::definition::parse::Reader;
use crate::definition::{ResultPath, flow};
use crate::diagnostic::{self, code};
use crate::path::ReferencePath;

/// The error name that stands for every error.
const ALL: &str = "States.ALL";
/// The most retries a definition may ask for.
const ATTEMPTS_MAX: u64 = 99_999_999;
/// The longest `MaxDelaySeconds`: one leap year.
const DELAY_SECONDS_MAX: u64 = 31_622_400;

/// Reads `Retry`; faulty entries are reported and left out.
pub(in crate::definition) fn retriers(
    fields: &mut Fields<'_>,
    reader: &mut Reader,
) -> Vec<Retrier> {
    let Some(node) = fields.optional("Retry") else {
        return Vec::new();
    };
    let nodes = node.array(&mut reader.problems).unwrap_or_default();
    let retriers = nodes
        .iter()
        .filter_map(|node| retrier(node, &mut reader.problems));
    let retriers: Vec<_> = retriers.collect();
    check_order(&nodes, &mut reader.problems);
    retriers
}

/// Reads `Catch`; faulty entries are reported and left out.
pub(in crate::definition) fn catchers(
    fields: &mut Fields<'_>,
    reader: &mut Reader,
) -> Vec<Catcher> {
    let Some(node) = fields.optional("Catch") else {
        return Vec::new();
    };
    let nodes = node.array(&mut reader.problems).unwrap_or_default();
    let catchers = nodes.iter().enumerate();
    let catchers = catchers.filter_map(|(place, node)| catcher(node, place, reader));
    let catchers: Vec<_> = catchers.collect();
    check_order(&nodes, &mut reader.problems);
    catchers
}

fn retrier(node: &Node<'_>, problems: &mut Problems) -> Option<Retrier> {
    let mut fields = node.object(problems)?;
    let error_equals = error_equals(&mut fields, problems);
    comment(&mut fields, problems);
    let mut whole = |fields: &mut Fields<'_>, name, range, default| {
        let node = fields.optional(name);
        node.map_or(Some(default), |node| {
            fields::whole(&node, range, problems).map(Some)
        })
    };
    let interval_seconds = whole(&mut fields, "IntervalSeconds", 1..=SECONDS_MAX, Some(1));
    let max_attempts = whole(&mut fields, "MaxAttempts", 0..=ATTEMPTS_MAX, Some(3));
    let max_delay_seconds = whole(&mut fields, "MaxDelaySeconds", 1..=DELAY_SECONDS_MAX, None);
    if let (Some(Some(interval)), Some(Some(most))) = (interval_seconds, max_delay_seconds)
        && most <= interval
    {
        let pointer = format!("{}/MaxDelaySeconds", fields.pointer());
        problems.push(
            pointer,
            "`MaxDelaySeconds` must be greater than `IntervalSeconds`",
        );
    }
    let backoff_rate = match fields.optional("BackoffRate") {
        None => Some(2.0),
        Some(node) => fields::number(&node, 1.0, None, problems),
    };
    let jitter = match fields.optional("JitterStrategy") {
        None => Some(Jitter::None),
        Some(node) => jitter(&node, problems),
    };
    fields.finish(problems);
    Some(Retrier {
        error_equals: error_equals?,
        interval_seconds: interval_seconds??,
        max_attempts: max_attempts??,
        backoff_rate: backoff_rate?,
        max_delay_seconds: max_delay_seconds?,
        jitter: jitter?,
    })
}

fn catcher(node: &Node<'_>, place: usize, reader: &mut Reader) -> Option<Catcher> {
    let mut fields = node.object(&mut reader.problems)?;
    let error_equals = error_equals(&mut fields, &mut reader.problems);
    comment(&mut fields, &mut reader.problems);
    let (result_path, output) = match reader.language {
        Language::JsonPath => (fields.optional("ResultPath"), None),
        Language::Jsonata => (None, fields.optional("Output")),
    };
    let result_path = match result_path {
        None => Some(ResultPath::At(ReferencePath::root())),
        Some(node) => flow::result_path(&node, &mut reader.problems),
    };
    let around = format!("Catch[{place}]");
    let output = output.and_then(|node| flow::jsonata(&node, &format!("{around}/Output"), reader));
    let assign = flow::assign(&mut fields, &format!("{around}/Assign"), reader);
    let next = fields.required("Next", &mut reader.problems);
    let next = next.and_then(|node| reader.target(&node));
    fields.finish(&mut reader.problems);
    Some(Catcher {
        error_equals: error_equals?,
        result_path: result_path?,
        output,
        assign,
        next: next?,
    })
}

fn error_equals(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let node = fields.required("ErrorEquals", problems)?;
    let names = node.strings(problems)?;
    if names.is_empty() {
        node.problem("expected at least one error name", problems);
    }
    if names.len() > 1
        && let Some(index) = names.iter().position(|name| name == ALL)
    {
        let message = format!("`{ALL}` must be the only name of its list");
        problems.extend([misplaced(&node.pointer, index, message)]);
    }
    Some(names)
}

/// An entry after one that matches every error could never be used.
fn check_order(nodes: &[Node<'_>], problems: &mut Problems) {
    let before_last = nodes.len().saturating_sub(1);
    for node in nodes.iter().take(before_last) {
        let names = node.value.get("ErrorEquals");
        let names = names.and_then(|names| names.as_array());
        let index = names.and_then(|names| names.iter().position(|name| name == ALL));
        if let Some(index) = index {
            let pointer = format!("{}/ErrorEquals", node.pointer);
            let message = format!("`{ALL}` must be in the last entry");
            problems.extend([misplaced(&pointer, index, message)]);
        }
    }
}

/// The problem of a name for every error that does not stand alone and last in the list at `pointer`.
fn misplaced(pointer: &str, index: usize, message: String) -> Problem {
    let place = format!("{pointer}/{index}");
    let theirs = "States.ALL must appear alone and at end of list";
    diagnostic::placed(pointer, message, Some(&place), code::SCHEMA, theirs)
}

fn jitter(node: &Node<'_>, problems: &mut Problems) -> Option<Jitter> {
    match node.string(problems)? {
        "FULL" => Some(Jitter::Full),
        "NONE" => Some(Jitter::None),
        other => {
            let other = fields::bounded(other);
            node.problem(
                format!("unknown jitter `{other}`, expected `FULL` or `NONE`"),
                problems,
            );
            None
        }
    }
}

fn comment(fields: &mut Fields<'_>, problems: &mut Problems) {
    if let Some(node) = fields.optional("Comment") {
        node.string(problems);
    }
}
