//! `SLUICE__SECTION__KEY`: environment variables over the file's settings.
//!
//! Owns how a variable's name becomes a place in the document and its text a value. Which
//! places exist, and what may stand there, is for the sections to say.

use std::collections::BTreeMap;

use document::{Problem, Problems};
use serde_json::{Map, Value};

const PREFIX: &str = "SLUICE__";

/// What a setting's text is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SettingReading {
    Text,
    /// A number, or true or false; anything else stays text for the section to refuse.
    Scalar,
    /// A TOML array, or texts separated by commas.
    List,
}

/// Writes the variables into the document; answers which variable set which JSON pointer.
pub(super) fn apply(
    document: &mut Value,
    variables: &[(String, String)],
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let mut overrides: Vec<_> = variables
        .iter()
        .filter_map(|(name, text)| Some((segments(name.strip_prefix(PREFIX)?), name, text)))
        .collect();
    overrides.sort_by_key(|(segments, ..)| order(segments));
    let mut overridden = BTreeMap::new();
    for (segments, name, text) in overrides {
        match place(document, &segments) {
            Ok((pointer, slot)) => {
                *slot = value(&pointer, text);
                overridden.insert(pointer, name.clone());
            }
            Err(message) => problems.push("", format!("variable `{name}`: {message}")),
        }
    }
    overridden
}

/// Adds the variable that set a value to a problem with that value.
pub(super) fn name_variable(
    mut problem: Problem,
    overridden: &BTreeMap<String, String>,
) -> Problem {
    if let Some(name) = overridden.get(&problem.pointer) {
        problem.message = format!("{} (set by `{name}`)", problem.message);
    }
    problem
}

fn segments(path: &str) -> Vec<String> {
    path.split("__").map(str::to_ascii_lowercase).collect()
}

/// Sorts array places by number, so that each entry follows the one before.
fn order(segments: &[String]) -> Vec<(u64, String)> {
    let key = |segment: &String| (segment.parse().unwrap_or(0), segment.clone());
    segments.iter().map(key).collect()
}

/// The value that a variable's segments name, made where it is missing, and its pointer.
fn place<'a>(
    document: &'a mut Value,
    segments: &[String],
) -> Result<(String, &'a mut Value), String> {
    let mut slot = document;
    let mut pointer = String::new();
    for segment in segments {
        if segment.is_empty() {
            return Err("a part of the name is empty, use `SLUICE__SECTION__KEY`".to_owned());
        }
        if slot.is_null() {
            let is_index = segment.bytes().all(|byte| byte.is_ascii_digit());
            *slot = match is_index {
                true => Value::Array(Vec::new()),
                false => Value::Object(Map::new()),
            };
        }
        slot = match slot {
            Value::Object(members) => {
                let known = members.keys().find(|key| key.eq_ignore_ascii_case(segment));
                let key = known.cloned().unwrap_or_else(|| segment.clone());
                pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                members.entry(key).or_insert(Value::Null)
            }
            Value::Array(items) => {
                pointer = format!("{pointer}/{segment}");
                element(items, segment)?
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Err(format!(
                    "`{pointer}` is a single value and has no `{segment}`"
                ));
            }
        };
    }
    Ok((pointer, slot))
}

fn element<'a>(items: &'a mut Vec<Value>, segment: &str) -> Result<&'a mut Value, String> {
    let length = items.len();
    let index = segment
        .parse::<usize>()
        .ok()
        .filter(|index| *index <= length);
    let Some(index) = index else {
        return Err(format!(
            "`{segment}` is not a place in the list, use 0 to {length}"
        ));
    };
    if index == length {
        items.push(Value::Null);
    }
    items
        .get_mut(index)
        .ok_or_else(|| format!("`{segment}` is not a place in the list"))
}

fn value(pointer: &str, text: &str) -> Value {
    match reading(pointer) {
        SettingReading::Text => Value::String(text.to_owned()),
        SettingReading::Scalar => scalar(text),
        SettingReading::List => list(text),
    }
}

/// INVARIANT: agrees with the types in `commented.toml`; a test compares them.
fn reading(pointer: &str) -> SettingReading {
    let segments: Vec<_> = pointer.split('/').skip(1).collect();
    match segments.as_slice() {
        ["server", "listen"] | ["store", "path"] => SettingReading::Text,
        ["server" | "store" | "limits" | "retention", _]
        | [
            "retention",
            "state_machines",
            _,
            "executions_days" | "executions_max",
        ]
        | [
            "telemetry",
            "sample_ratio" | "timeout_ms" | "spans_waiting_max",
        ] => SettingReading::Scalar,
        ["policy", "files"] | ["trust", "root_certificates"] => SettingReading::List,
        ["identity", "oidc", _, name] => super::identity::reading(name),
        _ => SettingReading::Text,
    }
}

fn scalar(text: &str) -> Value {
    let is_plain = |value: &Value| value.is_u64() || value.is_f64() || value.is_boolean();
    let parsed = serde_json::from_str::<Value>(text.trim())
        .ok()
        .filter(is_plain);
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn list(text: &str) -> Value {
    let parsed = document::parse_toml(&format!("list = {text}")).ok();
    let array = parsed.and_then(|mut table| table.get_mut("list").map(Value::take));
    match array {
        Some(Value::Array(items)) => Value::Array(items),
        _ => {
            let parts = text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty());
            parts.map(|part| Value::String(part.to_owned())).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(before: Value, variables: &[(&str, &str)], after: Value) {
        let mut document = before;
        let mut problems = Problems::default();
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        let variables: Vec<_> = variables.iter().map(owned).collect();
        apply(&mut document, &variables, &mut problems);
        assert_eq!(problems.into_vec(), []);
        assert_eq!(document, after);
    }

    #[test]
    fn a_variable_wins_over_the_file() {
        check(
            json!({"server": {"listen": "a"}, "volumes": {"Invoices": "x"}}),
            &[
                ("SLUICE__SERVER__LISTEN", "b"),
                ("SLUICE__SERVER__DRAIN_MS", "5"),
                ("SLUICE__AWS__ACCOUNT", "123456789012"),
                ("SLUICE__VOLUMES__INVOICES", "y"),
                ("SLUICE_URL", "passed over"),
            ],
            json!({
                "server": {"listen": "b", "drain_ms": 5},
                "volumes": {"Invoices": "y"},
                "aws": {"account": "123456789012"},
            }),
        );
    }

    #[test]
    fn lists_are_arrays_or_separated_by_commas() {
        check(
            json!({}),
            &[("SLUICE__POLICY__FILES", "a.cedar, b.cedar")],
            json!({"policy": {"files": ["a.cedar", "b.cedar"]}}),
        );
        check(
            json!({}),
            &[("SLUICE__POLICY__FILES", "[\"a,b\"]")],
            json!({"policy": {"files": ["a,b"]}}),
        );
    }

    #[test]
    fn entries_of_a_list_are_numbered() {
        check(
            json!({"identity": {"oidc": [{"issuer": "one"}]}}),
            &[
                ("SLUICE__IDENTITY__OIDC__1__ISSUER", "two"),
                ("SLUICE__IDENTITY__OIDC__0__AUDIENCE", "us"),
            ],
            json!({"identity": {"oidc": [{"issuer": "one", "audience": "us"}, {"issuer": "two"}]}}),
        );
    }

    #[test]
    fn a_place_that_cannot_be_is_a_problem() {
        let variables = [
            ("SLUICE__SERVER__LISTEN__PORT".to_owned(), "1".to_owned()),
            (
                "SLUICE__IDENTITY__OIDC__7__ISSUER".to_owned(),
                "x".to_owned(),
            ),
            ("SLUICE____X".to_owned(), "x".to_owned()),
        ];
        let mut document = json!({"server": {"listen": "a"}});
        let mut problems = Problems::default();
        apply(&mut document, &variables, &mut problems);
        assert_eq!(problems.into_vec().len(), 3);
    }
}
