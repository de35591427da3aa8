//! Testing a single state of a definition.
//!
//! Owns the members of the request and the codes of its refusals. What a test means, and every
//! other text, is the language's.

use std::ops::RangeInclusive;

use asl::inspection::{Configuration, ErrorOutput, FieldValidation, Level, Mock, Refusal, Request};
use auth::policy::{Resource, TestState};
use serde_json::{Map, Value};

use super::call::Call;
use super::fault::Fault;
use super::members::{ARN, Members};
use super::validation::{self, DEFINITION};
use super::{input, start};

/// The service's bounds.
const DATA: RangeInclusive<usize> = 0..=262_144;
const CONTEXT: RangeInclusive<usize> = 0..=40_000;
const NAME: RangeInclusive<usize> = 1..=80;
const ERROR: RangeInclusive<usize> = 0..=256;
const CAUSE: RangeInclusive<usize> = 0..=32_768;
const COUNT: RangeInclusive<u64> = 0..=i32::MAX as u64;

pub(super) async fn test_state(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let asked = Asked::read(&mut members);
    members.finish()?;
    let permit = call.permit::<TestState>(&Resource::host()).await?;
    let Asked {
        input,
        level,
        role_arn,
        request,
    } = asked;
    validation::parse(&request.definition)?;
    let input = match input {
        Some(text) => input::parse(&text).map_err(|message| start::invalid_input(&message))?,
        None => Value::Object(Map::new()),
    };
    let request = Request { input, ..request };
    let tested = call.engine()?.test_state(permit, request, role_arn).await?;
    tested
        .map(|inspection| inspection.to_json(level))
        .map_err(|refusal| match refusal {
            Refusal::InvalidDefinition(message) => Fault::new("InvalidDefinition", message),
            Refusal::Validation(message) => Fault::validation(message),
        })
}

/// What a request says.
struct Asked {
    input: Option<String>,
    level: Level,
    role_arn: Option<String>,
    /// All but the input.
    request: Request,
}

impl Asked {
    fn read(members: &mut Members) -> Self {
        let definition = members.required("definition", DEFINITION);
        let role_arn = members.text("roleArn", ARN);
        let input = members.text("input", DATA);
        let level = members.word("inspectionLevel", &["INFO", "DEBUG", "TRACE"]);
        let reveals_secrets = members.boolean("revealSecrets").unwrap_or(false);
        let variables = members.text("variables", DATA);
        let state_name = members.text("stateName", NAME);
        let mock = mock(members);
        let context = members.text("context", CONTEXT);
        let configuration = configuration(members);
        Self {
            input,
            level: match level.as_deref() {
                Some("DEBUG") => Level::Debug,
                Some("TRACE") => Level::Trace,
                Some(_) | None => Level::Info,
            },
            role_arn,
            request: Request {
                definition,
                state_name,
                input: Value::Null,
                context,
                variables,
                mock,
                reveals_secrets,
                configuration,
            },
        }
    }
}

fn mock(members: &mut Members) -> Option<Mock> {
    let mut inner = members.object("mock")?;
    let result = inner.text("result", DATA);
    let error_output = inner.object("errorOutput").map(|mut output| {
        let read = ErrorOutput {
            error: output.text("error", ERROR),
            cause: output.text("cause", CAUSE),
        };
        inner.absorb(output);
        read
    });
    let mode = inner.word("fieldValidationMode", &["STRICT", "PRESENT", "NONE"]);
    members.absorb(inner);
    Some(Mock {
        result,
        error_output,
        validation: match mode.as_deref() {
            Some("PRESENT") => FieldValidation::Present,
            Some("NONE") => FieldValidation::None,
            Some(_) | None => FieldValidation::Strict,
        },
    })
}

fn configuration(members: &mut Members) -> Configuration {
    let Some(mut inner) = members.object("stateConfiguration") else {
        return Configuration::default();
    };
    let read = Configuration {
        retrier_retry_count: inner.integer("retrierRetryCount", COUNT),
        error_caused_by_state: inner.text("errorCausedByState", NAME),
        map_iteration_failure_count: inner.integer("mapIterationFailureCount", COUNT),
        map_item_reader_data: inner.text("mapItemReaderData", DATA),
    };
    members.absorb(inner);
    read
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<Asked, (u16, &'static str, String)> {
        let mut members = Members::of_body(body).unwrap();
        let asked = Asked::read(&mut members);
        members.finish().map(|()| asked).map_err(|fault| {
            let (status, code, message) = fault.told();
            (status, code, message.to_owned())
        })
    }

    #[test]
    fn every_member_of_a_request_is_read() {
        let asked = read(json!({
            "definition": "{}", "roleArn": "arn:aws:iam::1:role/r", "input": "1",
            "inspectionLevel": "TRACE", "revealSecrets": true, "variables": "{}",
            "stateName": "S", "context": "{}",
            "mock": {"errorOutput": {"error": "E", "cause": "C"}, "fieldValidationMode": "NONE"},
            "stateConfiguration": {
                "retrierRetryCount": 1, "errorCausedByState": "I",
                "mapIterationFailureCount": 2, "mapItemReaderData": "[]",
            },
        }));
        let Asked {
            input,
            level,
            role_arn,
            request,
        } = asked.unwrap();
        assert_eq!(input.as_deref(), Some("1"));
        assert_eq!(level, Level::Trace);
        assert_eq!(role_arn.as_deref(), Some("arn:aws:iam::1:role/r"));
        assert!(request.reveals_secrets);
        assert_eq!(request.state_name.as_deref(), Some("S"));
        let mock = request.mock.unwrap();
        assert_eq!(mock.validation, FieldValidation::None);
        assert_eq!(mock.error_output.unwrap().error.as_deref(), Some("E"));
        assert_eq!(request.configuration.retrier_retry_count, Some(1));
        assert_eq!(request.configuration.map_iteration_failure_count, Some(2));
    }

    #[test]
    fn members_of_members_are_held_to_their_bounds() {
        let body = json!({
            "definition": "{}", "stateName": "",
            "mock": {"fieldValidationMode": "LAX"},
            "stateConfiguration": {"retrierRetryCount": -1},
        });
        let (_, code, message) = read(body).map(|_| ()).unwrap_err();
        assert_eq!(code, "ValidationException");
        for place in [
            "stateName",
            "mock.fieldValidationMode",
            "stateConfiguration.retrierRetryCount",
        ] {
            assert!(message.contains(&format!("at '{place}'")), "{message}");
        }
    }
}
