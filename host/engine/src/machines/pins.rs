//! What each Task of a state machine runs, and what stands in the way of it.

mod http;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use asl::StateMachine;
use asl::definition::{Call, Flow, Integration, Pattern, State, Task, Text};
use auth::names::Name;
use document::{Problem, Problems};

use self::volumes::has_volumes;
use super::Pin;
use crate::admission::{ComponentReference, role_name};
use crate::authority::Authority;

/// What pins the component of a function, whichever way the Task calls it.
pub(crate) fn function_key(function: &str) -> String {
    format!("function:{function}")
}

/// Pins every Task's component, or lists everything that stands in the way. Tasks in `mocked`
/// states are answered by mocks and need nothing.
pub(super) fn pins(
    authority: &Authority,
    machine: &StateMachine,
    default_role: Option<&Name>,
    mocked: &BTreeSet<&str>,
) -> Result<BTreeMap<String, Pin>, Vec<Problem>> {
    let mut pins = Pins {
        authority,
        default_role,
        found: BTreeMap::new(),
        problems: Problems::default(),
    };
    if let Some(role) = default_role.filter(|role| authority.role(role).is_none()) {
        pins.problems.push(
            "",
            format!("the default role `{role}` does not exist, put it first"),
        );
    }
    for (state, task) in machine.tasks() {
        if !mocked.contains(state.name.as_str()) {
            pins.task(state, task);
        }
    }
    for (_, state) in machine.states() {
        if !mocked.contains(state.name.as_str()) {
            pins.volumes(state);
        }
    }
    pins.problems.or(Some(pins.found))
}

/// The pins of one machine in the making.
struct Pins<'a> {
    authority: &'a Authority,
    default_role: Option<&'a Name>,
    found: BTreeMap<String, Pin>,
    problems: Problems,
}

impl Pins<'_> {
    fn task(&mut self, state: &State, task: &Task) {
        let pointer = &state.pointer;
        let place = format!("{pointer}/Resource");
        match &task.call {
            Call::Component => self.pin(
                (pointer, &place),
                task,
                task.resource.clone(),
                &task.resource,
            ),
            Call::Function(name) => self.pin(
                (pointer, &place),
                task,
                function_key(name),
                &format!("component:{name}"),
            ),
            Call::Activity => self.no_credentials(state, task),
            Call::Integration(integration) => self.integration(state, task, integration, &place),
        }
    }

    fn integration(&mut self, state: &State, task: &Task, integration: &Integration, place: &str) {
        let Integration {
            service,
            action,
            pattern,
        } = integration;
        match (service.as_str(), action.as_str(), pattern) {
            ("lambda", "invoke", Pattern::RequestResponse | Pattern::WaitForTaskToken) => {
                // A name that only the state's data tell is resolved when the Task is attempted.
                if let Some(name) = literal_function(state) {
                    let reference = format!("component:{name}");
                    let places = (state.pointer.as_str(), place);
                    self.pin(places, task, function_key(&name), &reference);
                }
            }
            ("http", "invoke", Pattern::RequestResponse) => self.http_task(state, task),
            ("states", "startExecution", _)
            | ("aws-sdk:sfn", "startExecution", Pattern::RequestResponse) => {
                self.no_credentials(state, task);
            }
            _ => self.problems.push(
                place,
                format!(
                    "`{}` is no integration of this host: run a component, or mock the state",
                    task.resource
                ),
            ),
        }
    }

    /// A role that would not be used is not taken in silence.
    fn no_credentials(&mut self, state: &State, task: &Task) {
        if task.credentials.is_some() {
            let message = "`Credentials` name the role that a component or request runs under, and this Task makes none: remove them";
            let place = format!("{}/Credentials", state.pointer);
            self.problems.push(place, message);
        }
    }

    fn pin(&mut self, (pointer, place): (&str, &str), task: &Task, key: String, reference: &str) {
        let component = match ComponentReference::parse(reference) {
            Ok(reference) => reference.find(self.authority),
            Err(message) => Err(message),
        };
        let component = component
            .map_err(|message| self.problems.push(place, message))
            .ok();
        let role = match task_role(task, self.default_role) {
            Ok(role) => role,
            Err(message) => {
                let place = format!("{pointer}/Credentials/RoleArn");
                self.problems.push(place, message);
                None
            }
        };
        let Some(component) = component else { return };
        if let Some(role) = role {
            let pairing = self.authority.pairing(&component, &role);
            self.problems.extend(pairing.problems(place));
        }
        let pin = Pin {
            name: component.facts.name.clone(),
            version: component.version.clone(),
            digest: component.facts.digest.clone(),
        };
        self.found.insert(key, pin);
    }
}

/// The function that a `lambda:invoke` names in its definition.
fn literal_function(state: &State) -> Option<String> {
    let arguments = match &state.flow {
        Flow::JsonPath(flow) => flow.parameters.as_ref(),
        Flow::Jsonata(flow) => flow.arguments.as_ref(),
    };
    let function = arguments?.literal_member("FunctionName")?.as_str()?;
    function_name(function).map(str::to_owned)
}

/// The name in a function's name, partial ARN or ARN, each with or without a qualifier.
pub(crate) fn function_name(function: &str) -> Option<&str> {
    let name = match function.split_once(":function:") {
        Some((_, name)) => name,
        None => function,
    };
    name.split(':').next().filter(|name| !name.is_empty())
}

/// Every role that a Task runs under, or a Map reaches volumes under.
pub(super) fn roles_of(machine: &StateMachine, default_role: Option<&Name>) -> BTreeSet<Name> {
    let roles = machine
        .tasks()
        .filter_map(|(_, task)| task_role(task, default_role).ok().flatten());
    let reaching = default_role.filter(|_| has_volumes(machine));
    roles.chain(reaching.cloned()).collect()
}

/// The role that a Task runs under; nothing if only the state's data tell.
fn task_role(task: &Task, default_role: Option<&Name>) -> Result<Option<Name>, String> {
    match (&task.credentials, default_role) {
        (Some(credentials), _) => match &credentials.role_arn {
            Text::Fixed(role_arn) => role_name(role_arn).map(Some),
            Text::At(_) | Text::Expression(_) => Ok(None),
        },
        (None, Some(role)) => Ok(Some(role.clone())),
        (None, None) => Err(
            "no role: name one here, or give the state machine a default with `?role=NAME`"
                .to_owned(),
        ),
    }
}
