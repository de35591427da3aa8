//! Functions of the service's compute integration: components of the same name.

use std::sync::Arc;

use asl::definition::{Call, Pattern};
use asl::{EventKind, ExecutionId, TaskRun, Timestamp};
use auth::names::Name;
use serde_json::{Value, json};

use super::metadata::{ServiceError, members, request_id};
use super::{Failed, Place};
use crate::authority::Authority;
use crate::machines::{function_key, function_name};
use crate::{Component, Machine};

/// How what a component returns becomes the answer to its Task.
pub(crate) enum Reply {
    /// As it is.
    Plain,
    /// As `lambda:invoke` answers it.
    Wrapped(Pattern),
}

impl Reply {
    /// How the attempt's component answers.
    pub(crate) fn of(run: &TaskRun) -> Self {
        match Call::parse(&run.resource) {
            Call::Component | Call::Function(_) | Call::Activity => Self::Plain,
            Call::Integration(integration) => Self::Wrapped(integration.pattern),
        }
    }

    /// The event that what the component returned is.
    pub(crate) fn event(
        self,
        (execution, at): (&ExecutionId, Timestamp),
        run: &TaskRun,
        output: Value,
    ) -> EventKind {
        let effect = run.effect;
        match self {
            Self::Plain => EventKind::TaskSucceeded { effect, output },
            Self::Wrapped(Pattern::WaitForTaskToken) => EventKind::TaskSubmitted {
                effect,
                output: wrapped(&request_id(execution, run.effect), at, output),
            },
            Self::Wrapped(Pattern::RequestResponse | Pattern::Sync | Pattern::Sync2) => {
                EventKind::TaskSucceeded {
                    effect,
                    output: wrapped(&request_id(execution, run.effect), at, output),
                }
            }
        }
    }
}

/// The component that an attempt's resource and input name: as pinned at publish; the newest
/// version where only the execution's data tell the name.
pub(super) fn pinned(
    authority: &Authority,
    machine: &Machine,
    run: &TaskRun,
) -> Option<Arc<Component>> {
    let of_key = |key: &str| {
        let pin = machine.pins.get(key)?;
        authority.component(&pin.name, &pin.version).cloned()
    };
    match Call::parse(&run.resource) {
        Call::Component => of_key(&run.resource),
        Call::Function(name) => of_key(&function_key(&name)),
        Call::Activity => None,
        Call::Integration(integration) if integration.service == "lambda" => {
            let written = run.input.value().get("FunctionName")?.as_str()?;
            let name = function_name(written)?;
            of_key(&function_key(name)).or_else(|| {
                let versions = authority.components.get(&Name::parse(name).ok()?)?;
                versions.values().next_back().cloned()
            })
        }
        Call::Integration(_) => None,
    }
}

/// The component that a `lambda:invoke` calls.
pub(super) fn invoked(place: &Place<'_>, run: &TaskRun) -> Result<Arc<Component>, Failed> {
    let request = || request_id(place.execution, run.effect);
    let Some(component) = pinned(place.authority, place.machine, run) else {
        let config = place.config;
        let written = run.input.value().get("FunctionName");
        let written = written.and_then(Value::as_str).unwrap_or_default();
        let name = function_name(written).unwrap_or_default();
        let qualifier = match written.rsplit_once(name) {
            Some((_, qualifier)) if qualifier.starts_with(':') => qualifier,
            Some(_) | None => ":$LATEST",
        };
        let (region, account) = (&config.region, &config.account);
        let message = format!(
            "Function not found: arn:aws:lambda:{region}:{account}:function:{name}{qualifier}"
        );
        return Err(error(404, "ResourceNotFoundException", message).into_failed(&request()));
    };
    match payload(run) {
        Ok(_) => Ok(component),
        Err(problem) => {
            let message = format!("Could not parse request body into json: {problem}");
            let error = error(400, "InvalidRequestContentException", message);
            Err(error.into_failed(&request()))
        }
    }
}

/// What an attempt's component is given, as JSON text.
pub(crate) fn component_input(run: &TaskRun) -> String {
    match Call::parse(&run.resource) {
        Call::Component | Call::Function(_) | Call::Activity => run.input.value().to_string(),
        Call::Integration(_) => payload(run).map_or_else(|_| "{}".to_owned(), |it| it.to_string()),
    }
}

/// `Payload`: any JSON value, or one as text; an empty object where there is none.
fn payload(run: &TaskRun) -> Result<Value, serde_json::Error> {
    match run.input.value().get("Payload") {
        None | Some(Value::Null) => Ok(json!({})),
        Some(Value::String(text)) => serde_json::from_str(text),
        Some(value) => Ok(value.clone()),
    }
}

fn wrapped(request: &str, at: Timestamp, output: Value) -> Value {
    let bytes = output.to_string().len();
    let more = [
        ("X-Amz-Executed-Version", "$LATEST"),
        ("x-amzn-Remapped-Content-Length", "0"),
    ];
    let mut answer = members(request, at, ("application/json", bytes), &more);
    answer.insert("ExecutedVersion".to_owned(), json!("$LATEST"));
    answer.insert("Payload".to_owned(), output);
    answer.insert("StatusCode".to_owned(), json!(200));
    Value::Object(answer)
}

fn error(status: u16, code: &'static str, message: String) -> ServiceError {
    ServiceError {
        prefix: "Lambda",
        service: "AWSLambda",
        status,
        code,
        message,
    }
}
