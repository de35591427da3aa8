//! Publishing, listing and deleting versions.

use auth::policy::{DeleteStateMachine, PublishStateMachine, ReadStateMachine, Resource};
use engine::{Error, Version, VersionRequest};
use serde_json::Value;

use super::arn::{unqualified, version};
use super::call::{Answer, Call, seconds};
use super::fault::Fault;
use super::members::ARN;
use super::page;

const LONG_ARN: std::ops::RangeInclusive<usize> = 1..=2000;

pub(super) async fn publish(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("stateMachineArn", ARN);
    let request = VersionRequest {
        revision_id: members.text("revisionId", 0..=256),
        description: members.text("description", 0..=256),
    };
    members.finish()?;
    let name = unqualified(call.aws(), &arn)?;
    let permit = call
        .permit::<PublishStateMachine>(&Resource::state_machine(&name))
        .await?;
    let published = call.engine()?.publish_version(permit, name, request).await;
    let published = published.map_err(|error| match error {
        Error::StaleRevision { asked, current } => Fault::new(
            "ConflictException",
            format!(
                "Failed to publish the State Machine version for revision {asked}. The current State Machine revision is {current}."
            ),
        ),
        Error::TooLarge(message) => Fault::new("ServiceQuotaExceededException", message),
        other => Fault::of_machine(&arn, other),
    })?;
    Ok(told(&arn, &published))
}

pub(super) async fn list(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("stateMachineArn", ARN);
    let limit = members.page_limit();
    let token = members.page_token();
    members.finish()?;
    let name = unqualified(call.aws(), &arn)?;
    let permit = call
        .permit::<ReadStateMachine>(&Resource::state_machine(&name))
        .await?;
    let found = call.engine()?.registered(permit, &name);
    let (_, registration) = found.map_err(|error| Fault::of_machine(&arn, error))?;
    let before: Option<u64> = page::cursor("versions", token.as_deref(), |text| text.parse().ok())?;
    let versions = registration.versions();
    let later = versions.filter(|version| before.is_none_or(|before| version.number < before));
    let found = later.take(limit.saturating_add(1)).collect();
    let (found, next) = page::cut("versions", found, limit, |version: &&Version| {
        version.number.to_string()
    });
    let versions: Vec<_> = found.iter().map(|version| told(&arn, version)).collect();
    Ok(Answer::default()
        .with("stateMachineVersions", versions)
        .with_some("nextToken", next)
        .into_value())
}

pub(super) async fn delete(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("stateMachineVersionArn", LONG_ARN);
    members.finish()?;
    let (name, number) = version(call.aws(), &arn)?;
    let permit = call
        .permit::<DeleteStateMachine>(&Resource::state_machine(&name))
        .await?;
    let deleted = call.engine()?.delete_version(permit, name, number).await;
    match deleted {
        // What is not there is as gone as what was deleted.
        Ok(()) | Err(Error::NotFound(_)) => Ok(Answer::default().into_value()),
        Err(Error::InUse(aliases)) => Err(Fault::new(
            "ConflictException",
            format!(
                "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [{}]",
                aliases.join(", ")
            ),
        )),
        Err(other) => Err(Fault::of_machine(&arn, other)),
    }
}

fn told(machine_arn: &str, version: &Version) -> Value {
    Answer::default()
        .with("creationDate", seconds(version.created_at))
        .with(
            "stateMachineVersionArn",
            format!("{machine_arn}:{}", version.number),
        )
        .into_value()
}
