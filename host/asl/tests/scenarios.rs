//! Scenario files: a definition with the events that happen to it, and the transcript of what
//! the interpreter made of them. See `scenarios/` for the form.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test reads its files, and fails by panicking"
)]

#[path = "fixture/header.rs"]
mod header;
#[path = "scenarios/transcript.rs"]
mod transcript;

use std::path::Path;

use serde_json::Value;

#[test]
fn every_scenario_goes_as_its_transcript_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let scenario: Value = serde_json::from_slice(&std::fs::read(&file).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        insta::assert_snapshot!(name, transcript::of(&scenario));
    }
}
