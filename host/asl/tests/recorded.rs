//! Recorded cases of the real service, run through the interpreter on a virtual clock.
//!
//! Runs where the recordings lie beside the repository; elsewhere it says that it did not.
//! Definitions that the parser refuses are counted, not failed: they wait for their feature.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test reads its files, and fails by panicking"
)]

#[path = "recorded/driver.rs"]
mod driver;
#[path = "fixture/header.rs"]
mod header;
#[path = "recorded/matching.rs"]
mod matching;

use std::path::{Path, PathBuf};

use asl::StateMachine;
use serde_json::Value;

/// Cases whose recording shows what this interpreter deliberately does otherwise.
const DEVIATIONS: [(&str, &str); 1] = [(
    "test_service_lambda_map_timeout",
    "siblings whose time is up at the very moment another's is are aborted, not timed out",
)];

#[test]
fn the_interpreter_does_what_the_service_was_recorded_doing() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/cases");
    let Some(files) = recordings(&cases) else {
        println!("skipped: no recordings at {}", cases.display());
        return;
    };
    let (mut passed, mut refused, mut unplayable, mut failed) = (0, 0, 0, Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for line in text.lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let id = case["id"].as_str().unwrap_or_default().to_owned();
            if DEVIATIONS.iter().any(|(part, _)| id.contains(part)) {
                continue;
            }
            let Ok(parsed) = StateMachine::parse(&case["definition"]) else {
                refused += 1;
                continue;
            };
            let Some(ran) = driver::run(&parsed.machine, &case) else {
                unplayable += 1;
                continue;
            };
            // JSONata beyond plain paths needs the evaluator, which runs these cases elsewhere.
            if ran
                .cause
                .as_deref()
                .is_some_and(|cause| cause.ends_with("none here"))
            {
                unplayable += 1;
                continue;
            }
            match matching::differences(&case, &ran).as_slice() {
                [] => passed += 1,
                differences => failed.push(format!("{id}\n    {}", differences.join("\n    "))),
            }
        }
    }
    let count = failed.len();
    println!(
        "recorded cases: {passed} passed, {count} failed, {refused} refused by the parser, {unplayable} unplayable"
    );
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The files of the categories that need nothing but an interpreter.
fn recordings(cases: &Path) -> Option<Vec<PathBuf>> {
    let entries = std::fs::read_dir(cases).ok()?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.retain(|file| {
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        ["pure.", "task.", "distributed-map."]
            .iter()
            .any(|category| name.starts_with(category))
    });
    files.sort();
    Some(files)
}
