//! The reference suite of jsonata-js at 2.0.6.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use asl::jsonata::{Evaluation, EvaluationErrorKind};
use serde_json::{Map, Value};

use crate::harness::{AT, EVALUATOR, is_same};

const SUITE: &str = "../../../shared/conformance/jsonata";

/// The cases that do not come out as in the suite, and why. One that passes must leave the list.
const KNOWN_MISSES: &[(&str, &str)] = &[
    ("function-eval/case000.json#0", EVAL),
    ("function-eval/case001.json#0", EVAL),
    ("function-eval/case002.json#0", EVAL),
    ("function-eval/case003.json#0", EVAL),
    ("function-eval/case004.json#0", EVAL),
    ("function-eval/case005.json#0", EVAL),
    ("function-eval/case006.json#0", EVAL),
    ("function-eval/case007.json#0", EVAL),
    ("function-eval/case008.json#0", EVAL),
    ("function-eval/case008.json#1", EVAL),
    ("function-eval/case008.json#2", EVAL),
    ("function-eval/case008.json#3", EVAL),
    ("function-encodeUrl/case002.json#0", SURROGATE),
    ("function-encodeUrlComponent/case002.json#0", SURROGATE),
    ("range-operator/case021.json#0", SEQUENCE),
    ("range-operator/case024.json#0", SEQUENCE),
    ("tail-recursion/case002.json#0", DEPTH),
];

const EVAL: &str = "the service has no `$eval`";
const SURROGATE: &str = "half a surrogate pair is no text, so a request cannot hold it";
const SEQUENCE: &str = "ten million items at once do not fit into the memory of an evaluation";
const DEPTH: &str = "gives the value: the suite's runner allows 302 levels, we allow more";

#[test]
fn the_reference_suite_passes_but_for_the_known_misses() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(SUITE);
    let Ok(cases) = fs::read_to_string(folder.join("cases.jsonl")) else {
        println!(
            "skipped: there is no reference suite in `{}`",
            folder.display()
        );
        return;
    };
    let datasets = fs::read_to_string(folder.join("datasets.json")).unwrap();
    let datasets: Map<String, Value> = serde_json::from_str(&datasets).unwrap();
    let misses: BTreeMap<&str, &str> = KNOWN_MISSES.iter().copied().collect();
    let (mut passed, mut missed, mut problems) = (0, 0, Vec::new());
    for line in cases.lines() {
        let (id, difference) = run(line, &datasets);
        match (difference, misses.contains_key(id.as_str())) {
            (None, false) => passed += 1,
            (Some(_), true) => missed += 1,
            (None, true) => problems.push(format!("{id}: passes; it is no longer a known miss")),
            (Some(difference), false) => problems.push(format!("{id}: {difference}")),
        }
    }
    println!("reference suite: {passed} pass, {missed} known misses");
    assert_eq!(
        missed + problems.len(),
        misses.len(),
        "{}",
        problems.join("\n")
    );
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Runs a case; its name, and how the answer differs from the expected one.
fn run(line: &str, datasets: &Map<String, Value>) -> (String, Option<String>) {
    let Ok(case) = serde_json::from_str::<Value>(line) else {
        // A lone surrogate is no text that Rust, or JSON as we take it, could hold.
        let id = line.rsplit("\"id\": \"").next().unwrap_or(line);
        let id = id.trim_end_matches(['"', '}']).to_owned();
        return (id, Some("the case is not JSON".to_owned()));
    };
    let id = case["id"].as_str().unwrap().to_owned();
    let no_bindings = Map::new();
    let dataset = case["dataset"].as_str().map(|name| &datasets[name]);
    let request = Evaluation {
        expressions: &[case["expr"].as_str().unwrap()],
        bindings: case["bindings"].as_object().unwrap_or(&no_bindings),
        at: AT,
        seed: 7,
    };
    let answer = EVALUATOR.evaluate_over(case.get("data").or(dataset), &request);
    let answer = answer.map(|evaluated| evaluated.values);
    let answer = answer
        .map(|mut values| values.pop().unwrap())
        .map_err(|error| error.kind);
    let code = case.get("code").or_else(|| case.pointer("/error/code"));
    let is_expected = match (&answer, code) {
        (Err(kind), Some(code)) => is_error(kind, code.as_str().unwrap()),
        (Ok(None), None) => case.get("undefinedResult").is_some(),
        (Ok(Some(value)), None) => case.get("result").is_some_and(|result| {
            is_same(value, result)
                || (case.get("unordered").is_some() && is_reordered(value, result))
        }),
        (Ok(_), Some(_)) | (Err(_), None) => false,
    };
    let difference = (!is_expected).then(|| {
        let expected = code.or_else(|| case.get("result"));
        let mut text = format!("{} expected {expected:?}, got {answer:?}", case["expr"]);
        text.truncate(text.floor_char_boundary(600));
        text
    });
    (id, difference)
}

/// The suite's runner raises `U1001` at its own limits of depth and time.
fn is_error(kind: &EvaluationErrorKind, expected: &str) -> bool {
    match kind {
        EvaluationErrorKind::Raised { code, .. } => code == expected,
        EvaluationErrorKind::Limit(_) => expected == "U1001",
        EvaluationErrorKind::Unsupported | EvaluationErrorKind::Unavailable(_) => false,
    }
}

fn is_reordered(one: &Value, other: &Value) -> bool {
    let sorted = |value: &Value| {
        let mut items: Vec<String> = value
            .as_array()
            .into_iter()
            .flatten()
            .map(Value::to_string)
            .collect();
        items.sort();
        items
    };
    sorted(one) == sorted(other)
}
