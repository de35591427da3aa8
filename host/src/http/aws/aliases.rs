//! Aliases of state machines.

use auth::names::Name;
use auth::policy::{ReadStateMachine, Resource, WriteAlias};
use engine::{
    Alias, AliasChange, AliasName, Created, Error, Qualifier, Route, Routing, RoutingProblem,
};
use serde_json::{Value, json};

use super::arn::{alias, machine, version};
use super::call::{Answer, Call, seconds};
use super::fault::Fault;
use super::members::{ARN, Members};
use super::page;

const ROUTES_MAX: usize = 2;
const WEIGHT_MAX: u64 = 100;
const DESCRIPTION: std::ops::RangeInclusive<usize> = 0..=256;

pub(super) async fn create(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let name = members.required("name", 1..=80);
    let description = members.text("description", DESCRIPTION);
    if !members.has("routingConfiguration") {
        members.violate("routingConfiguration", None, "Member must not be null");
    }
    let routes = Routes::read(&mut members).unwrap_or_default();
    members.finish()?;
    let Some(name) = AliasName::parse(&name) else {
        return Err(Fault::invalid_name(&name));
    };
    let (machine, routing) = routes.checked(&call)?;
    let arn = call.aws().state_machine_arn(&machine);
    let permit = call
        .permit::<WriteAlias>(&Resource::state_machine(&machine))
        .await?;
    let engine = call.engine()?;
    let created = engine.create_alias(permit, machine, name, description, routing);
    let created = created.await.map(Created::into_inner);
    let created = created.map_err(|error| match error {
        Error::Conflict(_) => Fault::new(
            "ConflictException",
            "Failed to create alias because an alias with the same name and a different routing configuration already exists.",
        ),
        Error::NotFound(_) => routes.missing(),
        Error::TooLarge(message) => Fault::new("ServiceQuotaExceededException", message),
        other => Fault::of_machine(&arn, other),
    })?;
    Ok(Answer::default()
        .with("creationDate", seconds(created.created_at))
        .with("stateMachineAliasArn", format!("{arn}:{}", created.name))
        .into_value())
}

pub(super) async fn update(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("stateMachineAliasArn", ARN);
    let description = members.text("description", DESCRIPTION);
    let routes = Routes::read(&mut members);
    members.finish()?;
    let (machine, name) = alias(call.aws(), &arn)?;
    if description.is_none() && routes.is_none() {
        return Err(Fault::validation(
            "Either the description or the routing configuration must be specified",
        ));
    }
    let routing = match &routes {
        Some(routes) => {
            let (routed, routing) = routes.checked(&call)?;
            if routed != machine {
                return Err(Routes::of_several());
            }
            Some(routing)
        }
        None => None,
    };
    let permit = call
        .permit::<WriteAlias>(&Resource::state_machine(&machine))
        .await?;
    let change = AliasChange {
        description,
        routing,
    };
    let updated = call.engine()?.update_alias(permit, machine, name, change);
    let updated = updated.await.map_err(|error| missing(&arn, error))?;
    Ok(Answer::default()
        .with("updateDate", seconds(updated.updated_at))
        .into_value())
}

pub(super) async fn describe(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("stateMachineAliasArn", ARN);
    members.finish()?;
    let (machine, name) = alias(call.aws(), &arn)?;
    let permit = call
        .permit::<ReadStateMachine>(&Resource::state_machine(&machine))
        .await?;
    let found = call.engine()?.registered(permit, &machine);
    let (machine, registration) = found.map_err(|error| missing(&arn, error))?;
    let Some(alias) = registration.alias(&name) else {
        return Err(Fault::resource_missing(&arn));
    };
    let routes = alias.routing.routes().iter().map(|route| {
        json!({
            "stateMachineVersionArn": format!("{}:{}", machine.arn, route.version),
            "weight": route.weight,
        })
    });
    Ok(Answer::default()
        .with("stateMachineAliasArn", arn.as_str())
        .with("name", alias.name.as_str())
        .with_some("description", alias.description.clone())
        .with("routingConfiguration", routes.collect::<Vec<_>>())
        .with("creationDate", seconds(alias.created_at))
        .with("updateDate", seconds(alias.updated_at))
        .into_value())
}

pub(super) async fn list(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("stateMachineArn", ARN);
    let limit = members.page_limit();
    let token = members.page_token();
    members.finish()?;
    let target = machine(call.aws(), &arn)?;
    let only = match target.qualifier {
        None => None,
        Some(Qualifier::Version(version)) => Some(version),
        Some(Qualifier::Alias(_)) => return Err(Fault::machine_missing(&arn)),
    };
    let permit = call
        .permit::<ReadStateMachine>(&Resource::state_machine(&target.name))
        .await?;
    let found = call.engine()?.registered(permit, &target.name);
    let (machine, registration) = found.map_err(|error| Fault::of_machine(&arn, error))?;
    let after = page::cursor("aliases", token.as_deref(), AliasName::parse)?;
    let routes_there = |alias: &&Alias| {
        let mut routes = alias.routing.routes().iter();
        only.is_none_or(|version| routes.any(|route| route.version == version))
    };
    let aliases = registration.aliases();
    let later = aliases.filter(|alias| after.as_ref().is_none_or(|after| alias.name > *after));
    let found = later
        .filter(routes_there)
        .take(limit.saturating_add(1))
        .collect();
    let (found, next) = page::cut("aliases", found, limit, |alias: &&Alias| {
        alias.name.to_string()
    });
    let aliases = found.iter().map(|alias| {
        Answer::default()
            .with("creationDate", seconds(alias.created_at))
            .with(
                "stateMachineAliasArn",
                format!("{}:{}", machine.arn, alias.name),
            )
            .into_value()
    });
    Ok(Answer::default()
        .with("stateMachineAliases", aliases.collect::<Vec<_>>())
        .with_some("nextToken", next)
        .into_value())
}

pub(super) async fn delete(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("stateMachineAliasArn", ARN);
    members.finish()?;
    let (machine, name) = alias(call.aws(), &arn)?;
    let permit = call
        .permit::<WriteAlias>(&Resource::state_machine(&machine))
        .await?;
    let deleted = call.engine()?.delete_alias(permit, machine, name).await;
    deleted.map_err(|error| missing(&arn, error))?;
    Ok(Answer::default().into_value())
}

fn missing(arn: &str, error: Error) -> Fault {
    match error {
        Error::NotFound(_) => Fault::resource_missing(arn),
        other => Fault::of_machine(arn, other),
    }
}

/// A `routingConfiguration` as it is written.
#[derive(Default)]
struct Routes(Vec<(String, u64)>);

impl Routes {
    fn read(members: &mut Members) -> Option<Self> {
        let items = members.objects("routingConfiguration")?;
        let mut routes = Vec::with_capacity(items.len());
        for mut item in items {
            let arn = item.required("stateMachineVersionArn", ARN);
            let weight = item.integer("weight", 0..=WEIGHT_MAX).unwrap_or(0);
            members.absorb(item);
            routes.push((arn, weight));
        }
        let routes = Self(routes);
        let constraint = match routes.0.len() {
            0 => "Member must have length greater than or equal to 1",
            1..=ROUTES_MAX => return Some(routes),
            _ => "Member must have length less than or equal to 2",
        };
        members.violate("routingConfiguration", Some(&routes.shown()), constraint);
        Some(routes)
    }

    /// The state machine routed within, and how.
    fn checked(&self, call: &Call) -> Result<(Name, Routing), Fault> {
        let arns = || self.0.iter().map(|(arn, _)| arn.as_str());
        let received = arns().collect::<Vec<_>>().join(", ");
        let is_repeated = arns()
            .enumerate()
            .any(|(at, arn)| arns().take(at).any(|known| known == arn));
        let repeated = || {
            Fault::validation(format!(
                "Routing configuration must contain distinct state machine version ARNs. Received: [{received}]"
            ))
        };
        if is_repeated {
            return Err(repeated());
        }
        let mut machine: Option<Name> = None;
        let mut routes = Vec::with_capacity(self.0.len());
        for (arn, weight) in &self.0 {
            let Ok((name, version)) = version(call.aws(), arn) else {
                return Err(Fault::validation(format!(
                    "Routing configuration must contain state machine version ARNs. Received: [{received}]"
                )));
            };
            if machine.as_ref().is_some_and(|known| *known != name) {
                return Err(Self::of_several());
            }
            machine = Some(name);
            routes.push(Route {
                version,
                weight: *weight,
            });
        }
        let routing = Routing::new(routes).map_err(|problem| match problem {
            RoutingProblem::Sum | RoutingProblem::Count => {
                let weights = self.0.iter().map(|(_, weight)| weight.to_string());
                let weights = weights.collect::<Vec<_>>().join(", ");
                Fault::validation(format!(
                    "Sum of routing configuration weights must equal 100. Received: [{weights}]"
                ))
            }
            RoutingProblem::Repeated => repeated(),
        })?;
        match machine {
            Some(machine) => Ok((machine, routing)),
            None => Err(Fault::validation("Routing configuration must not be empty")),
        }
    }

    fn of_several() -> Fault {
        Fault::validation(
            "Routing configuration must contain versions of one state machine, the alias's own",
        )
    }

    fn missing(&self) -> Fault {
        let arns = self.0.iter().map(|(arn, _)| arn.as_str());
        Fault::resource_missing(&arns.collect::<Vec<_>>().join(", "))
    }

    /// As the service prints such a list.
    fn shown(&self) -> String {
        let items = self.0.iter().map(|(arn, weight)| {
            format!("RoutingConfigurationListItem(stateMachineVersionArn={arn}, weight={weight})")
        });
        format!("[{}]", items.collect::<Vec<_>>().join(", "))
    }
}
