//! Compares a run with its recording: placeholders in the recording stand for any text.

use serde_json::Value;

use crate::driver::{Ran, parsed};

/// Every difference, in one line each.
pub(crate) fn differences(case: &Value, ran: &Ran) -> Vec<String> {
    let expect = &case["expect"];
    let mut differences = Vec::new();
    let mut check = |what: &str, is_same: bool, expected: String, actual: String| {
        if !is_same {
            differences.push(format!("{what}: recorded {expected}, got {actual}"));
        }
    };
    let status = ran.status.as_str();
    check(
        "status",
        expect["status"] == status,
        expect["status"].to_string(),
        status.to_owned(),
    );
    let list = |name: &str| case["wildcards"][name].as_array().cloned();
    let keys = list("keys").unwrap_or_default();
    let mut tokens = list("tokens").unwrap_or_default();
    tokens.extend(keys.iter().map(|key| key["value"].clone()));
    let is_like = |expected: &Value, actual: &Value| is_like(expected, actual, &tokens);
    for (what, actual) in [("error", &ran.error), ("cause", &ran.cause)] {
        let actual = actual.clone().map_or(Value::Null, Value::String);
        check(
            what,
            is_like(&expect[what], &actual),
            expect[what].to_string(),
            actual.to_string(),
        );
    }
    if let Some(output) = expect.get("output") {
        let actual = ran.output.clone().unwrap_or_default();
        check(
            "output",
            is_like(output, &actual),
            output.to_string(),
            actual.to_string(),
        );
    }
    if let Some(events) = expect["events"].as_array() {
        let sorted = |events: &[Value]| {
            let mut events: Vec<String> = events.iter().map(summary).collect();
            if case["has_concurrency"] == true {
                events.sort();
            }
            events
        };
        let (expected, actual) = (sorted(events), sorted(&ran.events));
        check(
            "events",
            expected == actual,
            expected.join(" "),
            actual.join(" "),
        );
    }
    differences
}

/// An event's type with the name it carries.
fn summary(event: &Value) -> String {
    let details = event
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, details)| details["name"].as_str());
    format!(
        "{}({})",
        event["type"].as_str().unwrap_or_default(),
        details.collect::<String>()
    )
}

fn is_like(expected: &Value, actual: &Value, tokens: &[Value]) -> bool {
    match (expected, actual) {
        _ if tokens.contains(expected) => true,
        (Value::Object(expected), Value::Object(actual)) => {
            let ignored = |name: &str| name.starts_with("Sdk");
            expected.iter().all(|(name, value)| {
                ignored(name)
                    || actual
                        .get(name)
                        .is_some_and(|actual| is_like(value, actual, tokens))
            }) && actual.keys().all(|name| expected.contains_key(name))
        }
        (Value::Array(expected), Value::Array(actual)) => {
            let pairs = || expected.iter().zip(actual);
            expected.len() == actual.len()
                && pairs().all(|(expected, actual)| is_like(expected, actual, tokens))
        }
        (Value::Number(expected), Value::Number(actual)) => expected.as_f64() == actual.as_f64(),
        (Value::String(pattern), Value::String(text)) => {
            let (expected, actual) = (parsed(expected), parsed(actual));
            let are_objects = expected.is_object() && actual.is_object();
            is_text_like(pattern, text) || (are_objects && is_like(&expected, &actual, tokens))
        }
        (Value::Object(_) | Value::Array(_), Value::String(_)) => {
            let parsed = parsed(actual);
            !parsed.is_string() && is_like(expected, &parsed, tokens)
        }
        _ => expected == actual,
    }
}

/// `<name>` stands for any text, a recorder's word for a time for any time.
fn is_text_like(pattern: &str, text: &str) -> bool {
    const TIMES: [&str; 5] = [
        "date",
        "datetime",
        "timestamp",
        "start-time",
        "entered-time",
    ];
    if pattern == text || (TIMES.contains(&pattern) && asl::Timestamp::parse(text).is_some()) {
        return true;
    }
    let mut rest = text;
    let mut pieces = pieces(pattern).into_iter();
    match pieces.next() {
        Some(first) if rest.starts_with(&first) => rest = &rest[first.len()..],
        _ => return false,
    }
    let pieces: Vec<String> = pieces.collect();
    let Some((last, between)) = pieces.split_last() else {
        return rest.is_empty();
    };
    for piece in between {
        let Some(at) = rest.find(piece.as_str()) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last.as_str())
}

/// The text around the placeholders.
fn pieces(pattern: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('<') {
        let Some((_, after)) = after.split_once('>') else {
            break;
        };
        pieces.push(before.to_owned());
        rest = after;
    }
    pieces.push(rest.to_owned());
    pieces
}
