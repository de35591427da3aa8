//! Activities: making, describing, listing and deleting them.

use auth::names::ServiceName;
use auth::policy::{ReadActivity, Resource, WriteActivity};
use engine::{Created, Error, Settings};
use serde_json::Value;

use super::arn::{activity, activity_missing};
use super::call::{Answer, Call, seconds};
use super::configuration::Encryption;
use super::fault::Fault;
use super::members::ARN;
use super::{page, tags};

pub(super) async fn create(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let name = members.required("name", 1..=80);
    let tags = tags::read(&mut members, false);
    let encryption = Encryption::read(&mut members);
    members.finish()?;
    let name = ServiceName::parse(&name).map_err(|_| Fault::invalid_name(&name))?;
    let encryption = match encryption {
        Some(encryption) => encryption.checked()?,
        None => Settings::default().encryption,
    };
    let resource = Resource::activity(&name);
    let permit = call.permit::<WriteActivity>(&resource).await?;
    let shown = name.to_string();
    let engine = call.engine()?;
    let created = engine.create_activity(permit, name, tags, encryption).await;
    let created = created.map_err(|error| match error {
        Error::Conflict(_) => Fault::new(
            "ActivityAlreadyExists",
            format!("Activity Already Exists: '{shown}'"),
        ),
        other => other.into(),
    })?;
    let created = Created::into_inner(created);
    Ok(Answer::default()
        .with("activityArn", created.arn.as_str())
        .with("creationDate", seconds(created.created_at))
        .into_value())
}

pub(super) async fn describe(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("activityArn", ARN);
    members.finish()?;
    let name = activity(call.aws(), &arn)?;
    let resource = Resource::activity(&name);
    let permit = call.permit::<ReadActivity>(&resource).await?;
    let found = call.engine()?.activity(permit, &name);
    let found = found.map_err(|error| match error {
        Error::NotFound(_) => activity_missing(&arn),
        other => other.into(),
    })?;
    Ok(Answer::default()
        .with("activityArn", found.arn.as_str())
        .with("name", found.name.as_str())
        .with("creationDate", seconds(found.created_at))
        .with("encryptionConfiguration", found.encryption.clone())
        .into_value())
}

pub(super) async fn list(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let limit = members.page_limit();
    let token = members.page_token();
    members.finish()?;
    let after = page::cursor("activities", token.as_deref(), |text| {
        ServiceName::parse(text).ok()
    })?;
    let permit = call.permit::<ReadActivity>(&Resource::host()).await?;
    let found = call
        .engine()?
        .activities(permit, after.as_ref(), limit.saturating_add(1));
    let (found, next) = page::cut("activities", found, limit, |activity| {
        activity.name.to_string()
    });
    let activities = found.iter().map(|activity| {
        Answer::default()
            .with("activityArn", activity.arn.as_str())
            .with("name", activity.name.as_str())
            .with("creationDate", seconds(activity.created_at))
            .into_value()
    });
    Ok(Answer::default()
        .with("activities", activities.collect::<Vec<_>>())
        .with_some("nextToken", next)
        .into_value())
}

pub(super) async fn delete(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("activityArn", ARN);
    members.finish()?;
    let name = activity(call.aws(), &arn)?;
    let resource = Resource::activity(&name);
    let permit = call.permit::<WriteActivity>(&resource).await?;
    call.engine()?.delete_activity(permit, name).await?;
    Ok(Answer::default().into_value())
}
