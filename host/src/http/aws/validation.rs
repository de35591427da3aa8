//! Judging definitions in the service's words.
//!
//! Owns how problems of a definition are told on this face. The judging is the engine's.

use asl::Diagnostic;
use asl::Severity;
use asl::diagnostic::code;
use auth::policy::{ReadStateMachine, Resource};
use document::Problem;
use engine::{Definition, Error, MachineType};
use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::fault::Fault;
use super::input;

/// The service's bound of a definition's length.
pub(super) const DEFINITION: std::ops::RangeInclusive<usize> = 1..=1_048_576;
/// The most diagnostics of one answer, which is also the default.
const RESULTS_MAX: u64 = 100;

/// The most diagnostics in the message of an error.
const MESSAGE_DIAGNOSTICS_MAX: usize = 100;

/// `ValidateStateMachineDefinition`.
pub(super) async fn validate(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let text = members.required("definition", DEFINITION);
    let kind = members.word("type", &["STANDARD", "EXPRESS"]);
    let severity = members.word("severity", &["ERROR", "WARNING"]);
    let limit = members.integer("maxResults", 0..=RESULTS_MAX);
    members.finish()?;
    let kind = match kind.as_deref() {
        Some("EXPRESS") => MachineType::Express,
        _ => MachineType::Standard,
    };
    let permit = call.permit::<ReadStateMachine>(&Resource::host()).await?;
    let mut diagnostics = match read(&text) {
        Err(diagnostic) => vec![diagnostic],
        Ok(definition) => match call.engine()?.judge(permit, &definition, kind).await {
            Ok(warnings) => Diagnostic::warnings(&warnings),
            Err(Error::Invalid(problems)) => Diagnostic::errors(&problems),
            Err(other) => return Err(other.into()),
        },
    };
    if severity.as_deref() != Some("WARNING") {
        diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
    }
    let limit = limit.filter(|limit| *limit > 0).unwrap_or(RESULTS_MAX);
    Ok(answer(
        &diagnostics,
        usize::try_from(limit).unwrap_or(usize::MAX),
    ))
}

/// Reads a definition that is to be published.
///
/// # Errors
/// InvalidDefinition if it is not JSON.
pub(super) fn parse(text: &str) -> Result<Definition, Fault> {
    read(text).map_err(|diagnostic| invalid(&[diagnostic]))
}

/// Why a definition is not published.
pub(super) fn invalid_definition(problems: &[Problem]) -> Fault {
    invalid(&Diagnostic::errors(problems))
}

/// Why what the Tasks of a definition call cannot be called.
pub(super) fn refused_definition(problems: &[Problem]) -> Fault {
    let mut diagnostics = Diagnostic::errors(problems);
    for diagnostic in &mut diagnostics {
        diagnostic.code = code::INVALID_RESOURCE;
    }
    invalid(&diagnostics)
}

fn invalid(diagnostics: &[Diagnostic]) -> Fault {
    let told = diagnostics.iter().take(MESSAGE_DIAGNOSTICS_MAX);
    let lines: Vec<_> = told.map(Diagnostic::to_string).collect();
    let lines = lines.join(", ");
    Fault::new(
        "InvalidDefinition",
        format!("Invalid State Machine Definition: '{lines}'"),
    )
}

fn read(text: &str) -> Result<Definition, Diagnostic> {
    let refusal = |code, message| Diagnostic {
        severity: Severity::Error,
        code,
        message,
        location: None,
    };
    if text.trim_ascii().is_empty() {
        let message = "the definition is empty".to_owned();
        return Err(refusal(code::MISSING_DESCRIPTION, message));
    }
    Definition::parse(text.to_owned()).map_err(|problem| {
        if problem.message.contains("recursion limit") {
            return refusal(code::TOO_DEEPLY_NESTED, problem.message);
        }
        let told = input::parse(text).err();
        refusal(code::INVALID_JSON, told.unwrap_or(problem.message))
    })
}

fn answer(diagnostics: &[Diagnostic], limit: usize) -> Value {
    let has_error = diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error);
    let told: Vec<_> = diagnostics.iter().take(limit).map(to_json).collect();
    Answer::default()
        .with("result", if has_error { "FAIL" } else { "OK" })
        .with("diagnostics", told)
        .with("truncated", diagnostics.len() > limit)
        .into_value()
}

fn to_json(diagnostic: &Diagnostic) -> Value {
    let told = json!({
        "severity": diagnostic.severity.as_str(),
        "code": diagnostic.code,
        "message": diagnostic.message,
    });
    match (told, &diagnostic.location) {
        (Value::Object(mut members), Some(location)) => {
            members.insert("location".to_owned(), json!(location));
            Value::Object(members)
        }
        (told, _) => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        match read(text) {
            Ok(_) => String::new(),
            Err(diagnostic) => diagnostic.to_string(),
        }
    }

    #[test]
    fn text_that_is_no_definition_is_told_as_the_service_tells_it() {
        assert_eq!(told("{\"StartAt\": \"A\"}"), "");
        assert!(told(" ").starts_with("MISSING_DESCRIPTION: "));
        assert_eq!(
            told("{'StartAt'"),
            "INVALID_JSON_DESCRIPTION: Unexpected character (''' (code 39)): was expecting double-quote to start field name at null"
        );
        assert!(told("{\"a\": 1, \"a\": 2}").contains("`a` appears twice"));
        assert!(told(&"[".repeat(100_000)).starts_with("TOO_DEEPLY_NESTED: "));
    }

    #[test]
    fn no_more_is_told_than_was_asked_for() {
        let problems = [Problem::new("/A", "a"), Problem::new("/B", "b")];
        let diagnostics = Diagnostic::errors(&problems);
        let cut = answer(&diagnostics, 1);
        assert_eq!(cut["truncated"], true);
        assert_eq!(cut["diagnostics"].as_array().map(Vec::len), Some(1));
        let whole = answer(&diagnostics, 2);
        assert_eq!(whole["truncated"], false);
        assert_eq!(whole["result"], "FAIL");
        assert_eq!(whole["diagnostics"][1]["location"], "/B");
        assert_eq!(answer(&[], 1)["result"], "OK");
    }

    #[test]
    fn every_problem_is_in_the_one_message() {
        let problems = [Problem::new("/A", "a"), Problem::new("", "b")];
        assert_eq!(
            invalid_definition(&problems).told().2,
            "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: a at /A, SCHEMA_VALIDATION_FAILED: b at /'"
        );
        let refused = refused_definition(&problems);
        assert!(refused.told().2.contains("'INVALID_RESOURCE: a at /A, "));
    }
}
