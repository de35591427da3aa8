//! Tags of state machines and activities.

use auth::policy::{ReadActivity, ReadStateMachine, Resource, WriteTags};
use engine::{Error, Tags};
use serde_json::{Value, json};

use super::arn::{Tagged, tagged};
use super::call::{Answer, Call};
use super::fault::Fault;
use super::members::{ARN, Members};

const KEY: std::ops::RangeInclusive<usize> = 1..=128;
const VALUE: std::ops::RangeInclusive<usize> = 0..=256;

pub(super) async fn list(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("resourceArn", ARN);
    members.finish()?;
    let engine = call.engine()?;
    let tags = match tagged(call.aws(), &arn)? {
        Tagged::Machine(name) => {
            let permit = call
                .permit::<ReadStateMachine>(&Resource::state_machine(&name))
                .await?;
            let found = engine.registered(permit, &name);
            found.map(|(_, registration)| registration.tags().clone())
        }
        Tagged::Activity(name) => {
            let permit = call
                .permit::<ReadActivity>(&Resource::activity(&name))
                .await?;
            let found = engine.activity(permit, &name);
            found.map(|activity| activity.tags.clone())
        }
    };
    let tags = tags.map_err(|error| fault(&arn, error))?;
    let tags = tags
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value}));
    Ok(Answer::default()
        .with("tags", tags.collect::<Vec<_>>())
        .into_value())
}

pub(super) async fn tag(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("resourceArn", ARN);
    let added = read(&mut members, true);
    members.finish()?;
    change(&call, &arn, added, Vec::new()).await
}

pub(super) async fn untag(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("resourceArn", ARN);
    let removed = match members.list("tagKeys") {
        Some(keys) => keys,
        None => {
            members.violate("tagKeys", None, "Member must not be null");
            Vec::new()
        }
    };
    members.finish()?;
    let removed = removed.into_iter().map(|key| match key {
        Value::String(key) => Ok(key),
        _ => Err(Fault::serialization("a tag key is not a string")),
    });
    let removed = removed.collect::<Result<_, _>>()?;
    change(&call, &arn, Tags::default(), removed).await
}

/// The member `tags`.
pub(super) fn read(members: &mut Members, is_required: bool) -> Tags {
    if is_required && !members.has("tags") {
        members.violate("tags", None, "Member must not be null");
    }
    let items = members.objects("tags").unwrap_or_default();
    let tags = items.into_iter().map(|mut item| {
        let key = item.required("key", KEY);
        item.not_null("value");
        let value = item.text("value", VALUE);
        members.absorb(item);
        (key, value.unwrap_or_default())
    });
    tags.collect()
}

async fn change(call: &Call, arn: &str, added: Tags, removed: Vec<String>) -> Result<Value, Fault> {
    let engine = call.engine()?;
    let changed = match tagged(call.aws(), arn)? {
        Tagged::Machine(name) => {
            let resource = Resource::state_machine(&name);
            let permit = call.permit::<WriteTags>(&resource).await?;
            engine.tag_machine(permit, name, added, removed).await
        }
        Tagged::Activity(name) => {
            let resource = Resource::activity(&name);
            let permit = call.permit::<WriteTags>(&resource).await?;
            engine.tag_activity(permit, name, added, removed).await
        }
    };
    changed.map_err(|error| fault(arn, error))?;
    Ok(Answer::default().into_value())
}

fn fault(arn: &str, error: Error) -> Fault {
    match error {
        Error::NotFound(_) => Fault::resource_missing(arn),
        Error::TooLarge(message) => Fault::new("TooManyTags", message),
        other => Fault::of_machine(arn, other),
    }
}
