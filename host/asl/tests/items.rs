//! Recorded item readers of the real service: the objects they read, and what their Maps made.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads its files, and fails by panicking"
)]

use std::path::Path;

use asl::items::{ItemFormat, ItemLimits};
use serde_json::Value;

#[test]
fn recorded_objects_have_the_items_that_the_service_found() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/cases");
    let Ok(text) = std::fs::read_to_string(cases.join("distributed-map.scenarios.jsonl")) else {
        println!("skipped: no recordings at {}", cases.display());
        return;
    };
    let mut checked = 0;
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let states = case["definition"]["States"].as_object().unwrap();
        let Some(reader) = states.values().find_map(|state| state.get("ItemReader")) else {
            continue;
        };
        if case["expect"]["status"] != "SUCCEEDED" {
            continue;
        }
        let config = &reader["ReaderConfig"];
        let format = ItemFormat::parse(config).unwrap();
        let limits = ItemLimits {
            items_max: 100_000,
            bytes_max: 1 << 20,
            wanted: wanted(config, &case["input"]),
        };
        let put = case["s3"].as_array().unwrap().last().unwrap();
        let body = put["params"]["Body"].as_str().unwrap();
        let items = format.items(body.as_bytes(), limits).unwrap();
        let output = &case["expect"]["output"];
        let expected = match output[0].get("Items") {
            Some(batch) => batch,
            None => output,
        };
        assert_eq!(&Value::Array(items), expected, "{}", case["id"]);
        checked += 1;
    }
    println!("{checked} recorded readers");
    assert!(checked >= 10, "{checked}");
}

/// `MaxItems` as a number, in an expression, or from the input.
fn wanted(config: &Value, input: &Value) -> u64 {
    if let Some(path) = config.get("MaxItemsPath") {
        let name = path.as_str().unwrap().trim_start_matches("$.");
        return input[name].as_u64().unwrap();
    }
    match config.get("MaxItems") {
        Some(Value::String(expression)) => {
            let digits: String = expression.chars().filter(char::is_ascii_digit).collect();
            digits.parse().unwrap()
        }
        Some(number) => number.as_u64().unwrap(),
        None => 0,
    }
}
