//! Compares an answer with its recording: data is JSON text, placeholders stand for any text.

use serde_json::Value;

/// Every difference, in one line each.
pub(crate) fn differences(case: &Value, answer: &Value) -> Vec<String> {
    let keys = case["wildcards"]["keys"].as_array().cloned();
    let tokens: Vec<Value> = keys
        .unwrap_or_default()
        .iter()
        .map(|key| key["value"].clone())
        .collect();
    let mut differences = Vec::new();
    for (what, expected) in case["expect"].as_object().unwrap() {
        let actual = &answer[what];
        let mut names: Vec<&String> = expected.as_object().unwrap().keys().collect();
        names.extend(
            actual
                .as_object()
                .into_iter()
                .flat_map(|actual| actual.keys()),
        );
        names.sort();
        names.dedup();
        for name in names {
            if ["httpStatus", "operation"].contains(&name.as_str()) {
                continue;
            }
            let (expected, actual) = (&expected[name], &actual[name]);
            if !is_like(expected, actual, &tokens) {
                differences.push(format!("{what}.{name}: recorded {expected}, got {actual}"));
            }
        }
    }
    differences
}

fn is_like(expected: &Value, actual: &Value, tokens: &[Value]) -> bool {
    match (expected, actual) {
        _ if tokens.contains(expected) => true,
        (Value::Object(expected), Value::Object(actual)) => {
            expected.iter().all(|(name, value)| {
                let actual = actual.get(name);
                actual.is_some_and(|actual| is_like(value, actual, tokens))
            }) && actual.keys().all(|name| expected.contains_key(name))
        }
        (Value::Array(expected), Value::Array(actual)) => {
            let mut pairs = expected.iter().zip(actual);
            expected.len() == actual.len()
                && pairs.all(|(expected, actual)| is_like(expected, actual, tokens))
        }
        (Value::String(pattern), Value::String(text)) => {
            is_text_like(pattern, text) || {
                let parsed = [pattern, text].map(|text| serde_json::from_str::<Value>(text).ok());
                let [Some(expected), Some(actual)] = parsed else {
                    return false;
                };
                expected == actual
            }
        }
        (Value::Object(_) | Value::Array(_), Value::String(text)) => {
            let parsed = serde_json::from_str(text);
            parsed.is_ok_and(|actual| is_like(expected, &actual, tokens))
        }
        _ => expected == actual,
    }
}

/// `<name>` stands for any text, the recorder's word for a time for any time.
fn is_text_like(pattern: &str, text: &str) -> bool {
    if pattern == text || (pattern == "date" && asl::Timestamp::parse(text).is_some()) {
        return true;
    }
    let Some((before, rest)) = pattern.split_once('<') else {
        return false;
    };
    let Some((_, after)) = rest.split_once('>') else {
        return false;
    };
    let Some(text) = text.strip_prefix(before) else {
        return false;
    };
    (1..=text.len())
        .filter_map(|at| text.get(at..))
        .any(|text| is_text_like(after, text))
}
