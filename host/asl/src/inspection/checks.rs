//! What can be asked of which state: every combination that a test refuses, with the service's
//! words where it has been heard.

use serde_json::{Map, Value};

use super::context;
use super::request::{Configuration, ErrorOutput, Mock, Outcome, Refusal, Request, Setting, Trial};
use super::schema;
use super::tested::Tested;
use crate::definition::{Call, Mode, Pattern, State, StateKind};

/// Reads a request for a test of `tested`.
///
/// # Errors
/// The first thing that cannot be asked so.
pub(super) fn read(
    request: &Request,
    tested: &Tested,
    setting: &Setting,
) -> Result<Trial, Refusal> {
    let state = &tested.state;
    let mock = request.mock.as_ref();
    check_without_mock(request)?;
    let outcome = mock.map(|mock| outcome(mock, request)).transpose()?;
    check_kind(state, outcome.is_some())?;
    if let (Some(Outcome::Result(result)), Some(mock)) = (&outcome, mock) {
        check_result(state, result, mock)?;
    }
    if let Some(name) = &request.configuration.error_caused_by_state
        && !tested.has_inside(name)
    {
        return Err(Refusal::validation(format!(
            "State '{name}', specified for ErrorCausedByState, not found in the state under test"
        )));
    }
    let given = request.context.as_deref().map(context::read).transpose()?;
    let retried = request.configuration.retrier_retry_count.unwrap_or(0);
    let retried = u32::try_from(retried).unwrap_or(u32::MAX);
    let about = (state, &request.input);
    Ok(Trial {
        at: setting.at,
        seed: setting.seed,
        input: request.input.clone(),
        context: context::whole(given.unwrap_or_default(), about, setting, retried),
        variables: variables(request.variables.as_deref())?,
        outcome,
        retried,
        failures: request.configuration.map_iteration_failure_count,
        reader_data: request.configuration.map_item_reader_data.clone(),
    })
}

/// What only a mock makes sense of.
fn check_without_mock(request: &Request) -> Result<(), Refusal> {
    if request.mock.is_some() {
        return Ok(());
    }
    let Configuration {
        retrier_retry_count,
        error_caused_by_state,
        map_iteration_failure_count,
        map_item_reader_data,
    } = &request.configuration;
    let given = [
        ("Context", request.context.is_some()),
        ("RetrierRetryCount", retrier_retry_count.is_some()),
        ("ErrorCausedByState", error_caused_by_state.is_some()),
        (
            "MapIterationFailureCount",
            map_iteration_failure_count.is_some(),
        ),
        ("MapItemReaderData", map_item_reader_data.is_some()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => Err(Refusal::validation(format!(
            "TestState does not support {name} when a mock is not specified."
        ))),
        None => Ok(()),
    }
}

fn outcome(mock: &Mock, request: &Request) -> Result<Outcome, Refusal> {
    if request.reveals_secrets {
        return Err(Refusal::validation(
            "TestState does not support RevealSecrets when a mock is specified.",
        ));
    }
    match (&mock.result, &mock.error_output) {
        (Some(_), Some(_)) => Err(Refusal::validation(
            "A mock must have either a result or an errorOutput, not both",
        )),
        (None, None) => Err(Refusal::validation(
            "A mock must have a result or an errorOutput",
        )),
        (Some(result), None) => {
            let result = serde_json::from_str(result);
            let invalid = |_| Refusal::validation("Mocked result must be valid JSON");
            result.map(Outcome::Result).map_err(invalid)
        }
        (None, Some(ErrorOutput { error, cause })) => {
            let missing = || Refusal::validation("A mocked errorOutput must have an error");
            Ok(Outcome::Error {
                error: error.clone().ok_or_else(missing)?,
                cause: cause.clone(),
            })
        }
    }
}

fn check_kind(state: &State, is_mocked: bool) -> Result<(), Refusal> {
    let mockless = match &state.kind {
        StateKind::Pass(_) => "Pass",
        StateKind::Choice(_) => "Choice",
        StateKind::Wait(_) => "Wait",
        StateKind::Succeed => "Succeed",
        StateKind::Fail(_) => "Fail",
        StateKind::Task(_) if is_mocked => return Ok(()),
        StateKind::Task(task) => return Err(unmocked(&task.call)),
        StateKind::Parallel(_) | StateKind::Map(_) if is_mocked => return Ok(()),
        StateKind::Parallel(_) | StateKind::Map(_) => {
            return Err(Refusal::InvalidDefinition(
                "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"
                    .to_owned(),
            ));
        }
    };
    match is_mocked {
        true => Err(Refusal::validation(format!(
            "State type '{mockless}' is not supported when a mock is specified"
        ))),
        false => Ok(()),
    }
}

/// Why a Task without a mock cannot be tested.
fn unmocked(call: &Call) -> Refusal {
    let what = match call {
        Call::Activity => "Activity tasks",
        Call::Integration(integration) => match integration.pattern {
            Pattern::Sync | Pattern::Sync2 => ".sync service integrations",
            Pattern::WaitForTaskToken => ".waitForTaskToken service integrations",
            Pattern::RequestResponse => "Task states on this host",
        },
        Call::Component | Call::Function(_) => "Task states on this host",
    };
    Refusal::validation(format!(
        "TestState does not support {what} when a mock is not specified."
    ))
}

fn check_result(state: &State, result: &Value, mock: &Mock) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(Refusal::validation(message));
    match &state.kind {
        StateKind::Task(task) => schema::check(&task.call, result, mock.validation),
        StateKind::Parallel(parallel) => match result.as_array() {
            Some(items) if items.len() == parallel.branches.len() => Ok(()),
            Some(_) => refuse(
                "Mocked result must contain the same number of items as number of Parallel branches.",
            ),
            None => refuse("Mocked result must be an array."),
        },
        StateKind::Map(map) => {
            let is_written = match &map.mode {
                Mode::Inline => false,
                Mode::Distributed(processor) => {
                    let writer = processor.writer.as_ref();
                    writer.is_some_and(|writer| writer.resource.is_some())
                }
            };
            match is_written {
                true if result.is_object() => Ok(()),
                true => refuse("Mocked result must be a JSON object."),
                false if result.is_array() => Ok(()),
                false => refuse("Mocked result must be an array."),
            }
        }
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_) => Ok(()),
    }
}

fn variables(text: Option<&str>) -> Result<Map<String, Value>, Refusal> {
    let Some(text) = text else {
        return Ok(Map::new());
    };
    let refuse = |what: &str| Refusal::validation(format!("Invalid variables provided: {what}"));
    let Ok(Value::Object(variables)) = serde_json::from_str(text) else {
        return Err(refuse("must be a valid JSON object"));
    };
    match variables
        .keys()
        .find(|name| !crate::variables::is_name(name))
    {
        Some(name) => Err(refuse(&format!("'{name}' is not a variable name"))),
        None => Ok(variables),
    }
}
