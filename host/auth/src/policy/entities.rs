//! Callers and resources as Cedar sees them; the schema describes the same shapes.

use std::error::Error;
use std::str::FromStr as _;

use cedar_policy::{Context, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};

use crate::policy::Resource;
use crate::principal::{Kind, Principal};

/// A principal; its groups are both its parents and an attribute.
pub(super) fn principal(who: &Principal) -> Result<Entity, Box<dyn Error>> {
    let kind = match who.kind {
        Kind::User => "User",
        Kind::Service => "Service",
        Kind::Agent => "Agent",
    };
    let attributes = vec![
        ("issuer", text(&who.issuer)),
        ("subject", text(&who.subject)),
        (
            "groups",
            RestrictedExpression::new_set(who.groups.iter().map(|group| text(group))),
        ),
    ];
    let parents = who.groups.iter().map(|group| uid("Group", group));
    entity(
        uid(kind, &who.key())?,
        attributes,
        parents.collect::<Result<_, _>>()?,
    )
}

/// A resource; an execution's parent is its state machine.
pub(super) fn resource(resource: &Resource) -> Result<Entity, Box<dyn Error>> {
    let named =
        |kind: &str, name: &str| entity(uid(kind, name)?, vec![("name", text(name))], Vec::new());
    match resource {
        Resource::Component(name) => named("Component", name.as_str()),
        Resource::Role(name) => named("Role", name.as_str()),
        Resource::StateMachine(name) => named("StateMachine", name.as_str()),
        Resource::Execution { state_machine, id } => {
            let state_machine = state_machine.as_str();
            entity(
                uid("Execution", &format!("{state_machine}/{id}"))?,
                vec![("stateMachine", text(state_machine)), ("id", text(id))],
                vec![uid("StateMachine", state_machine)?],
            )
        }
        Resource::Activity(name) => named("Activity", name.as_str()),
        Resource::Host => entity(uid("Host", "host")?, Vec::new(), Vec::new()),
    }
}

/// What else is known about a call.
pub(super) fn context(
    method: &str,
    actor: Option<&Principal>,
    acting_for: Option<&Principal>,
) -> Result<Context, Box<dyn Error>> {
    let mut members = vec![("method".to_owned(), text(method))];
    for (name, who) in [("actor", actor), ("actingFor", acting_for)] {
        if let Some(who) = who {
            members.push((name.to_owned(), party(who)?));
        }
    }
    Ok(Context::from_pairs(members)?)
}

/// The entity of this type and id.
pub(super) fn uid(kind: &str, id: &str) -> Result<EntityUid, Box<dyn Error>> {
    let kind = EntityTypeName::from_str(kind)?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

fn party(who: &Principal) -> Result<RestrictedExpression, Box<dyn Error>> {
    let kind = match who.kind {
        Kind::User => "user",
        Kind::Service => "service",
        Kind::Agent => "agent",
    };
    Ok(RestrictedExpression::new_record([
        ("kind".to_owned(), text(kind)),
        ("issuer".to_owned(), text(&who.issuer)),
        ("subject".to_owned(), text(&who.subject)),
    ])?)
}

fn entity(
    uid: EntityUid,
    attributes: Vec<(&str, RestrictedExpression)>,
    parents: Vec<EntityUid>,
) -> Result<Entity, Box<dyn Error>> {
    let attributes = attributes
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Ok(Entity::new(
        uid,
        attributes.collect(),
        parents.into_iter().collect(),
    )?)
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}
