//! Any text as a JSONPath: refused, or evaluated within its budget.
#![no_main]

#[allow(dead_code, reason = "each target uses a part of it")]
mod one_state;

use asl::path::{Path, ReferencePath};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|text: &str| {
    if let Ok(path) = Path::parse(text) {
        assert_eq!(path.to_string(), text);
    }
    if let Ok(path) = ReferencePath::parse(text) {
        // A place that cannot exist is an error like any other.
        let _ = path.write(json!({"a": [1, {"b": 2}]}), json!("new"));
    }
    one_state::fill(text);
});
