//! `states:startExecution` and its like: what a Task asks for, and how it is answered.
//!
//! Owns the service's shapes and texts. How an execution starts another is in `children`.

use asl::definition::{Call, Pattern};
use asl::{EffectId, EventKind, ExecutionId, Status, TaskRun, Timestamp};
use auth::names::{Name, ServiceName};
use ports::Description;
use serde_json::{Map, Value, json};

use super::metadata::{ServiceError, members, request_id};
use super::{Failed, Place};
use crate::machines::AliasName;
use crate::{Error, Qualifier, Started};

/// The longest cause that the service keeps, in characters.
const CAUSE_CHARS_MAX: usize = 32_768;

/// The start of another execution, as a Task asks for it.
#[derive(Clone, Debug)]
pub(crate) struct NestedStart {
    /// `StateMachineArn`, as written.
    pub(crate) machine_arn: String,
    /// The state machine it names.
    pub(crate) machine: Name,
    /// The version or alias it names.
    pub(crate) qualifier: Option<Qualifier>,
    /// `Name`.
    pub(crate) name: Option<ServiceName>,
    /// `Input`.
    pub(crate) input: Value,
    /// When the Task counts as done.
    pub(crate) pattern: Pattern,
    is_sdk: bool,
    request: String,
}

impl NestedStart {
    /// Reads the Task's arguments.
    pub(super) fn read(place: &Place<'_>, run: &TaskRun) -> Result<Self, Failed> {
        let (is_sdk, pattern) = match Call::parse(&run.resource) {
            Call::Integration(it) => (it.service.starts_with("aws-sdk:"), it.pattern),
            Call::Component | Call::Function(_) | Call::Activity => {
                (false, Pattern::RequestResponse)
            }
        };
        let request = request_id(place.execution, run.effect);
        let failed =
            |(code, message): (&'static str, String)| fail(is_sdk, &request, code, message);
        let arguments = run.input.value();
        let text = |name: &str| arguments.get(name).and_then(Value::as_str);
        let machine_arn = text("StateMachineArn").unwrap_or_default();
        let (machine, qualifier) = machine(place, machine_arn).map_err(failed)?;
        let name = match arguments.get("Name") {
            None | Some(Value::Null) => None,
            Some(value) => Some(name(value).map_err(failed)?),
        };
        let input = match arguments.get("Input") {
            None | Some(Value::Null) => Value::Object(Map::new()),
            Some(Value::String(text)) => input(text).map_err(failed)?,
            Some(value) => value.clone(),
        };
        Ok(Self {
            machine_arn: machine_arn.to_owned(),
            machine,
            qualifier,
            name,
            input,
            pattern,
            is_sdk,
            request,
        })
    }

    /// Whether the other execution ends with the Task.
    pub(crate) fn is_bound(&self) -> bool {
        match self.pattern {
            Pattern::Sync | Pattern::Sync2 => true,
            Pattern::RequestResponse | Pattern::WaitForTaskToken => false,
        }
    }

    /// The event that a durable start is.
    pub(crate) fn started(&self, run: &TaskRun, started: &Started) -> EventKind {
        let effect = run.effect;
        let output = self.answer(started);
        match self.pattern {
            Pattern::RequestResponse => EventKind::TaskSucceeded { effect, output },
            Pattern::Sync | Pattern::Sync2 | Pattern::WaitForTaskToken => {
                EventKind::TaskSubmitted { effect, output }
            }
        }
    }

    /// The error of a start that was refused.
    pub(crate) fn refused(&self, error: &Error, name: &str) -> Failed {
        let arn = &self.machine_arn;
        let (code, message) = match error {
            Error::NotFound(_) => (
                "StateMachineDoesNotExist",
                format!("State Machine Does Not Exist: '{arn}'"),
            ),
            Error::Deleting(_) => (
                "StateMachineDeleting",
                format!("State Machine is being deleted: '{arn}'"),
            ),
            Error::Conflict(_) => (
                "ExecutionAlreadyExists",
                format!("Execution Already Exists: '{name}'"),
            ),
            Error::Invalid(_) | Error::TooLarge(_) => (
                "InvalidExecutionInput",
                format!("Invalid State Machine Execution Input: '{error}'"),
            ),
            Error::TypeNotSupported(_) => (
                "StateMachineTypeNotSupported",
                "This operation is not supported by this type of state machine".to_owned(),
            ),
            Error::TooMany { .. } | Error::Busy { .. } | Error::Recovering { .. } => {
                ("ExecutionLimitExceeded", error.to_string())
            }
            Error::Denied(denied) => {
                return Failed {
                    error: "Sluice.AccessDenied".to_owned(),
                    cause: format!("{} (rule `{}`)", denied.reason, denied.rule),
                };
            }
            Error::Refused(_)
            | Error::StaleRevision { .. }
            | Error::InUse(_)
            | Error::Stranded { .. }
            | Error::Closing
            | Error::Store(_)
            | Error::Host(_) => ("Internal", "the host could not start it".to_owned()),
        };
        fail(self.is_sdk, &self.request, code, message)
    }

    /// The event that the end of the other execution is.
    pub(crate) fn ended(&self, run: &TaskRun, ended: &Description) -> EventKind {
        let effect = run.effect;
        let output = self.description(ended);
        match ended.summary.status {
            Status::Succeeded => EventKind::TaskSucceeded { effect, output },
            Status::Running | Status::Failed | Status::TimedOut | Status::Aborted => {
                EventKind::TaskFailed {
                    effect,
                    error: "States.TaskFailed".to_owned(),
                    // One that quotes another doubles its backslashes, level by level.
                    cause: output.to_string().chars().take(CAUSE_CHARS_MAX).collect(),
                }
            }
        }
    }

    fn answer(&self, started: &Started) -> Value {
        let arn = &started.execution_arn;
        if self.is_sdk {
            return json!({"ExecutionArn": arn, "StartDate": started.start_date.to_rfc3339()});
        }
        let at = started.start_date;
        let bytes = json!({"executionArn": arn, "startDate": at.0}).to_string();
        let body = ("application/x-amz-json-1.0", bytes.len());
        let mut answer = members(&self.request, at, body, &[]);
        answer.insert("ExecutionArn".to_owned(), json!(arn));
        answer.insert("StartDate".to_owned(), json!(at.0));
        Value::Object(answer)
    }

    /// The other execution as `DescribeExecution` tells it.
    fn description(&self, ended: &Description) -> Value {
        let (header, summary) = (&ended.start.header, &ended.summary);
        let data = |value: &Value| match self.pattern {
            Pattern::Sync2 => value.clone(),
            Pattern::RequestResponse | Pattern::Sync | Pattern::WaitForTaskToken => {
                json!(value.to_string())
            }
        };
        let time = |at: Timestamp| json!(at.0);
        let included = || json!({"Included": true});
        let output = ended.output.as_deref();
        let members = [
            ("Cause", summary.cause.as_ref().map(|cause| json!(cause))),
            ("Error", summary.error.as_ref().map(|error| json!(error))),
            ("ExecutionArn", Some(json!(header.arn))),
            ("Input", ended.input.as_deref().map(data)),
            ("InputDetails", Some(included())),
            ("Name", Some(json!(header.name))),
            ("Output", output.map(data)),
            ("OutputDetails", output.map(|_| included())),
            ("StartDate", Some(time(header.started_at))),
            ("StateMachineArn", Some(json!(header.machine_arn))),
            ("Status", Some(json!(summary.status.as_str()))),
            ("StopDate", summary.stopped_at.map(time)),
        ];
        let present = members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(present.collect())
    }
}

type Problem = (&'static str, String);

/// A state machine of this host, and which revision of it.
fn machine(place: &Place<'_>, arn: &str) -> Result<(Name, Option<Qualifier>), Problem> {
    let config = place.config;
    let invalid = || {
        (
            "InvalidArn",
            format!("Invalid Arn: 'Invalid ARN prefix: {arn}'"),
        )
    };
    let missing = || {
        let message = format!("State Machine Does Not Exist: '{arn}'");
        ("StateMachineDoesNotExist", message)
    };
    let parts: Vec<_> = arn.split(':').collect();
    let [
        "arn",
        _,
        "states",
        region,
        account,
        "stateMachine",
        name,
        rest @ ..,
    ] = parts.as_slice()
    else {
        return Err(invalid());
    };
    if *region != config.region || *account != config.account {
        return Err(missing());
    }
    let name = Name::parse(name).map_err(|_| missing())?;
    let qualifier = match rest {
        [] => None,
        [text] => match text.parse() {
            Ok(version) => Some(Qualifier::Version(version)),
            Err(_) => Some(Qualifier::Alias(
                AliasName::parse(text).ok_or_else(missing)?,
            )),
        },
        _ => return Err(invalid()),
    };
    Ok((name, qualifier))
}

fn name(value: &Value) -> Result<ServiceName, Problem> {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    ServiceName::parse(&text).map_err(|_| ("InvalidName", format!("Invalid Name: '{text}'")))
}

fn input(text: &str) -> Result<Value, Problem> {
    serde_json::from_str(text).map_err(|error| {
        let message = format!("Invalid State Machine Execution Input: '{error}'");
        ("InvalidExecutionInput", message)
    })
}

fn fail(is_sdk: bool, request: &str, code: &'static str, message: String) -> Failed {
    let error = ServiceError {
        prefix: if is_sdk { "Sfn" } else { "StepFunctions" },
        service: if is_sdk { "Sfn" } else { "AWSStepFunctions" },
        status: 400,
        code,
        message,
    };
    match is_sdk {
        true => error.into_sdk_failed(request),
        false => error.into_failed(request),
    }
}

/// The name of the execution that an effect starts where its Task gives none: the same whenever
/// the effect is performed.
pub(crate) fn default_name(execution: &ExecutionId, effect: EffectId) -> Option<ServiceName> {
    ServiceName::parse(&request_id(execution, effect)).ok()
}
