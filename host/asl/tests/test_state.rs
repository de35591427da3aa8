//! Recorded tests of single states, asked of the pure function.
//!
//! Runs where the recordings lie beside the repository; elsewhere it says that it did not.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test reads its files, and fails by panicking"
)]

#[path = "test_state/evaluator.rs"]
mod evaluator;
#[path = "test_state/matching.rs"]
mod matching;

use std::path::Path;

use asl::Timestamp;
use asl::inspection::{
    Configuration, ErrorOutput, FieldValidation, Level, Mock, Refusal, Request, Setting, inspect,
};
use evaluator::Absent;
use serde_json::{Value, json};

/// Recordings that this function cannot answer.
const ELSEWHERE: [(&str, &str); 2] = [
    (
        "test_base_lambda_service_task_state",
        "a Task without a mock calls the real function",
    ),
    (
        "test_base_state_name_validation_failures[empty]",
        "the client's own check of the request's members",
    ),
];

#[test]
fn a_tested_state_is_told_of_as_the_service_was_recorded_telling() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/conformance/cases/test-state.test_state.jsonl");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("skipped: no recordings at {}", file.display());
        return;
    };
    let (mut passed, mut skipped, mut failed) = (0, 0, Vec::new());
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let id = case["id"].as_str().unwrap();
        let is_elsewhere = ELSEWHERE.iter().any(|(part, _)| id.contains(part));
        if is_elsewhere || case.get("flags").is_some() || needs_schemas(&case) {
            skipped += 1;
            continue;
        }
        let evaluator = Absent::default();
        let answer = answer(&case["request"]["params"], &evaluator);
        if evaluator.was_asked() {
            skipped += 1;
            continue;
        }
        match matching::differences(&case, &answer).as_slice() {
            [] => passed += 1,
            differences => failed.push(format!("{id}\n    {}", differences.join("\n    "))),
        }
    }
    let count = failed.len();
    println!("recorded tests of states: {passed} passed, {count} failed, {skipped} elsewhere");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Whether the case is about answers of services that this host does not speak.
fn needs_schemas(case: &Value) -> bool {
    let request = case["request"].to_string();
    let services = [
        "aws-sdk:",
        ":::events:",
        ":::dynamodb:",
        ":::sqs:",
        ":::kms:",
    ];
    let is_named = services.iter().any(|service| request.contains(service));
    is_named
        && case["id"]
            .as_str()
            .unwrap()
            .contains("test_field_validation_mode")
}

/// The answer as the wire has it: a response, or an error with code and message.
fn answer(params: &Value, evaluator: &Absent) -> Value {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mock = params.get("mock").map(|mock| Mock {
        result: text(&mock["result"]),
        error_output: mock.get("errorOutput").map(|output| ErrorOutput {
            error: text(&output["error"]),
            cause: text(&output["cause"]),
        }),
        validation: match mock["fieldValidationMode"].as_str() {
            Some("NONE") => FieldValidation::None,
            Some("PRESENT") => FieldValidation::Present,
            _ => FieldValidation::Strict,
        },
    });
    let configuration = &params["stateConfiguration"];
    let input = params["input"].as_str().unwrap_or("{}");
    let request = Request {
        definition: text(&params["definition"]).unwrap(),
        state_name: text(&params["stateName"]),
        input: serde_json::from_str(input).unwrap(),
        context: text(&params["context"]),
        variables: text(&params["variables"]),
        mock,
        reveals_secrets: params["revealSecrets"] == true,
        configuration: Configuration {
            retrier_retry_count: configuration["retrierRetryCount"].as_u64(),
            error_caused_by_state: text(&configuration["errorCausedByState"]),
            map_iteration_failure_count: configuration["mapIterationFailureCount"].as_u64(),
            map_item_reader_data: text(&configuration["mapItemReaderData"]),
        },
    };
    let setting = Setting {
        at: Timestamp::parse("2025-01-01T00:00:00Z").unwrap(),
        seed: 7,
        region: "us-east-1".to_owned(),
        account: "111111111111".to_owned(),
        role_arn: text(&params["roleArn"]),
    };
    let level = match params["inspectionLevel"].as_str() {
        Some("TRACE") => Level::Trace,
        Some("DEBUG") => Level::Debug,
        _ => Level::Info,
    };
    let refused = |code, message| json!({"error": {"code": code, "message": message}});
    match inspect(&request, &setting, evaluator) {
        Ok(inspection) => json!({"response": inspection.to_json(level)}),
        Err(Refusal::InvalidDefinition(message)) => refused("InvalidDefinition", message),
        Err(Refusal::Validation(message)) => refused("ValidationException", message),
    }
}
