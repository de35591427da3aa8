//! Recorded judgements of the real service on definitions, against ours.
//!
//! Runs where the recordings lie beside the repository; elsewhere it says that it did not.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test reads its files, and fails by panicking"
)]

use std::path::{Path, PathBuf};

use asl::{Diagnostic, StateMachine};
use serde_json::{Value, json};

#[test]
fn what_the_service_refused_is_refused_in_its_words() {
    let mut count = 0;
    for case in cases(|name| name.starts_with("validation.")) {
        let request = &case["request"];
        let found = judge(&request["params"]);
        let expected = &case["expect"];
        let id = &case["id"];
        match request["operation"].as_str().unwrap() {
            "ValidateStateMachineDefinition" => {
                let expected = expected["response"]["diagnostics"].as_array().unwrap();
                let found: Vec<_> = found.iter().map(to_json).collect();
                assert_eq!(&found, expected, "{id}");
            }
            _ => {
                let lines: Vec<_> = found.iter().map(Diagnostic::to_string).collect();
                let message = format!("Invalid State Machine Definition: '{}'", lines.join(", "));
                assert_eq!(json!(message), expected["error"]["message"], "{id}");
            }
        }
        count += 1;
    }
    println!("recorded judgements: {count}");
}

#[test]
fn what_the_service_took_is_taken() {
    let mut count = 0;
    for case in cases(|name| !name.starts_with("validation.")) {
        for definition in taken(&case) {
            let params = json!({"definition": definition, "type": case["type"]});
            let found = judge(&params);
            let lines: Vec<_> = found.iter().map(Diagnostic::to_string).collect();
            assert_eq!(lines, [""; 0], "{}", case["id"]);
            count += 1;
        }
    }
    println!("recorded definitions: {count}");
}

/// The definitions that a case shows the service to have taken.
fn taken(case: &Value) -> Vec<String> {
    let mut definitions = Vec::new();
    if case["definition"].is_object() {
        definitions.push(case["definition"].to_string());
    }
    let steps = case["steps"].as_array();
    for step in steps.into_iter().flatten() {
        let operation = step["operation"].as_str().unwrap_or_default();
        let is_taken = step["expect"]["error"].is_null();
        let definition = step["params"]["definition"].as_str();
        if matches!(operation, "CreateStateMachine" | "UpdateStateMachine") && is_taken {
            definitions.extend(definition.map(str::to_owned));
        }
    }
    definitions
}

fn judge(params: &Value) -> Vec<Diagnostic> {
    let definition: Value = serde_json::from_str(params["definition"].as_str().unwrap()).unwrap();
    match StateMachine::parse(&definition) {
        Err(problems) => Diagnostic::errors(&problems),
        Ok(parsed) if params["type"] == "EXPRESS" => {
            Diagnostic::errors(&parsed.machine.express_problems())
        }
        Ok(_) => Vec::new(),
    }
}

fn to_json(diagnostic: &Diagnostic) -> Value {
    json!({
        "code": diagnostic.code,
        "location": diagnostic.location,
        "message": diagnostic.message,
        "severity": diagnostic.severity.as_str(),
    })
}

fn cases(is_wanted: impl Fn(&str) -> bool) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/cases");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no recordings at {}", folder.display());
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.retain(|file| is_wanted(file.file_name().unwrap().to_str().unwrap()));
    files.sort();
    let read = |file: &PathBuf| std::fs::read_to_string(file).unwrap();
    let lines = files.iter().flat_map(|file| {
        let text = read(file);
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect::<Vec<_>>()
    });
    lines.collect()
}
