//! Mocked results against what the called operation would answer.
//!
//! Owns the answers of the operations whose shape this host knows, which are those that it
//! speaks and a few that definitions often call; results of any other pass unchecked.

use serde_json::{Map, Value};

use super::request::{FieldValidation, Refusal};
use crate::definition::{Call, Integration, Pattern};

/// What a value must be.
#[derive(Debug)]
enum Shape {
    Anything,
    Text,
    Number,
    Flag,
    List(&'static Self),
    Record(&'static [Field]),
}

/// A member of a record; members that are not listed may be anything.
#[derive(Debug)]
struct Field {
    name: &'static str,
    shape: Shape,
    is_required: bool,
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        is_required: false,
    }
}

const fn required(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        is_required: true,
    }
}

const START_EXECUTION: &[Field] = &[
    required("ExecutionArn", Shape::Text),
    required("StartDate", Shape::Text),
];

const DATA_DETAILS: Shape = Shape::Record(&[field("Included", Shape::Flag)]);

const DESCRIBE_EXECUTION: &[Field] = &[
    required("ExecutionArn", Shape::Text),
    required("StateMachineArn", Shape::Text),
    field("Name", Shape::Text),
    required("Status", Shape::Text),
    required("StartDate", Shape::Text),
    field("StopDate", Shape::Text),
    field("Input", Shape::Text),
    field("InputDetails", DATA_DETAILS),
    field("Output", Shape::Text),
    field("OutputDetails", DATA_DETAILS),
    field("TraceHeader", Shape::Text),
    field("MapRunArn", Shape::Text),
    field("Error", Shape::Text),
    field("Cause", Shape::Text),
    field("StateMachineVersionArn", Shape::Text),
    field("StateMachineAliasArn", Shape::Text),
    field("RedriveCount", Shape::Number),
    field("RedriveDate", Shape::Text),
    field("RedriveStatus", Shape::Text),
    field("RedriveStatusReason", Shape::Text),
];

const INVOKE: &[Field] = &[
    field("StatusCode", Shape::Number),
    field("FunctionError", Shape::Text),
    field("LogResult", Shape::Text),
    field("Payload", Shape::Anything),
    field("ExecutedVersion", Shape::Text),
];

const PUT_EVENTS: &[Field] = &[
    field("FailedEntryCount", Shape::Number),
    field(
        "Entries",
        Shape::List(&Shape::Record(&[
            field("EventId", Shape::Text),
            field("ErrorCode", Shape::Text),
            field("ErrorMessage", Shape::Text),
        ])),
    ),
];

const SEND_MESSAGE: &[Field] = &[
    field("MD5OfMessageBody", Shape::Text),
    field("MD5OfMessageAttributes", Shape::Text),
    field("MD5OfMessageSystemAttributes", Shape::Text),
    field("MessageId", Shape::Text),
    field("SequenceNumber", Shape::Text),
];

const PUBLISH: &[Field] = &[
    field("MessageId", Shape::Text),
    field("SequenceNumber", Shape::Text),
];

/// The answer of an integration, where it is known. A token's answer is whatever its holder
/// sends back.
fn answer(integration: &Integration) -> Option<&'static [Field]> {
    let Integration {
        service,
        action,
        pattern,
    } = integration;
    match (service.as_str(), action.as_str(), pattern) {
        (_, _, Pattern::WaitForTaskToken) => None,
        ("states", "startExecution", Pattern::Sync | Pattern::Sync2) => Some(DESCRIBE_EXECUTION),
        ("states" | "aws-sdk:sfn", "startExecution", _) => Some(START_EXECUTION),
        ("aws-sdk:sfn", "describeExecution", _) => Some(DESCRIBE_EXECUTION),
        ("lambda" | "aws-sdk:lambda", "invoke", _) => Some(INVOKE),
        ("events" | "aws-sdk:eventbridge", "putEvents", _) => Some(PUT_EVENTS),
        ("sqs" | "aws-sdk:sqs", "sendMessage", _) => Some(SEND_MESSAGE),
        ("sns" | "aws-sdk:sns", "publish", _) => Some(PUBLISH),
        _ => None,
    }
}

/// Holds a mocked result against what `call` would answer.
///
/// # Errors
/// The first member that does not fit.
pub(super) fn check(
    call: &Call,
    result: &Value,
    validation: FieldValidation,
) -> Result<(), Refusal> {
    let known = match call {
        Call::Integration(integration) => answer(integration),
        Call::Component | Call::Function(_) | Call::Activity => None,
    };
    let is_strict = match validation {
        FieldValidation::Strict => true,
        FieldValidation::Present => false,
        FieldValidation::None => return Ok(()),
    };
    let Some(fields) = known else {
        return Ok(());
    };
    let checked = match result.as_object() {
        Some(members) => record(fields, members, is_strict),
        None => Err("Mock result must be an object".to_owned()),
    };
    checked.map_err(|problem| {
        Refusal::validation(format!("Mock result schema validation error: {problem}"))
    })
}

fn record(fields: &[Field], members: &Map<String, Value>, is_strict: bool) -> Result<(), String> {
    for Field {
        name,
        shape,
        is_required,
    } in fields
    {
        match members.get(*name) {
            Some(value) => shape.check(name, value, is_strict)?,
            None if *is_required && is_strict => {
                return Err(format!("Required field '{name}' is missing"));
            }
            None => {}
        }
    }
    Ok(())
}

impl Shape {
    /// The recursion is as deep as the table above.
    fn check(&self, name: &str, value: &Value, is_strict: bool) -> Result<(), String> {
        let expected = match (self, value) {
            (Self::Anything, _)
            | (Self::Text, Value::String(_))
            | (Self::Number, Value::Number(_))
            | (Self::Flag, Value::Bool(_)) => return Ok(()),
            (Self::List(shape), Value::Array(items)) => {
                return items
                    .iter()
                    .try_for_each(|item| shape.check(name, item, is_strict));
            }
            (Self::Record(fields), Value::Object(members)) => {
                return record(fields, members, is_strict);
            }
            (Self::Text, _) => "a string",
            (Self::Number, _) => "a number",
            (Self::Flag, _) => "a boolean",
            (Self::List(_), _) => "an array",
            (Self::Record(_), _) => "an object",
        };
        Err(format!("Field '{name}' must be {expected}"))
    }
}
