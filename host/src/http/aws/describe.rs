//! Describing state machines, as they are and as an execution runs them.

use auth::policy::{ReadExecution, ReadStateMachine, Resource};
use engine::{Machine, Qualifier};
use serde_json::Value;

use super::call::{Answer, Call, seconds};
use super::executions::find;
use super::fault::Fault;
use super::members::ARN;
use super::{arn, map_runs};

const INCLUDED: [&str; 2] = ["ALL_DATA", "METADATA_ONLY"];

pub(super) async fn machine(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let text = members.required("stateMachineArn", ARN);
    let included = members.word("includedData", &INCLUDED);
    members.finish()?;
    let target = arn::machine(call.aws(), &text)?;
    let resource = Resource::state_machine(&target.name);
    let permit = call.permit::<ReadStateMachine>(&resource).await?;
    let engine = call.engine()?;
    let found = engine.registered(permit, &target.name);
    let (current, registration) = found.map_err(|error| Fault::of_machine(&text, error))?;
    let missing = || Fault::machine_missing(&text);
    let version = match target.qualifier {
        None => None,
        Some(Qualifier::Version(number)) => Some(registration.version(number).ok_or_else(missing)?),
        Some(Qualifier::Alias(_)) => return Err(missing()),
    };
    let machine = match version {
        None => current,
        Some(version) => {
            let mut key = current.key();
            key.revision = version.revision;
            let permit = call.permit::<ReadStateMachine>(&resource).await?;
            engine.revision(permit, &key)?
        }
    };
    let status = match registration.is_deleting() {
        true => "DELETING",
        false => "ACTIVE",
    };
    let created_at = version.map_or(registration.created_at(), |version| version.created_at);
    Ok(described(&call, &machine, included.as_deref())?
        .with("stateMachineArn", text.as_str())
        .with("status", status)
        .with("type", machine.settings.kind.as_str())
        .with("creationDate", seconds(created_at))
        .with_some(
            "description",
            version.and_then(|version| version.description.clone()),
        )
        .into_value())
}

pub(super) async fn for_execution(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let text = members.required("executionArn", ARN);
    let included = members.word("includedData", &INCLUDED);
    members.finish()?;
    let (description, _permit) = find::<ReadExecution>(&call, &text).await?;
    let key = &description.start.machine;
    let resource = crate::http::executions::machine_of(&description)?;
    let permit = call.permit::<ReadStateMachine>(&resource).await?;
    let machine = call.engine()?.revision(permit, key)?;
    let answer = described(&call, &machine, included.as_deref())?
        .with("stateMachineArn", machine.arn.as_str())
        .with("updateDate", seconds(machine.published_at));
    Ok(map_runs::of_child(answer, &description).into_value())
}

/// What both descriptions say of a revision.
fn described(call: &Call, machine: &Machine, included: Option<&str>) -> Result<Answer, Fault> {
    let settings = &machine.settings;
    let references = machine.variable_references();
    let has_references = references.as_object().is_some_and(|all| !all.is_empty());
    let definition = (included != Some("METADATA_ONLY")).then(|| machine.definition_text());
    Ok(Answer::default()
        .with("name", machine.name.as_str())
        .with_some("definition", definition)
        .with_some("roleArn", call.engine()?.role_arn(machine))
        .with("loggingConfiguration", settings.logging.clone())
        .with("tracingConfiguration", settings.tracing.clone())
        .with("encryptionConfiguration", settings.encryption.clone())
        .with_some("revisionId", machine.revision_id.clone())
        .with_some("variableReferences", has_references.then_some(references)))
}
