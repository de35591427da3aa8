//! What a host needs before anything can be started: who asks, a role, a component approved under
//! it, and state machines.

use anyhow::{Context as _, Result};
use auth::names::Name;
use auth::policy::{Action, Permit, Resource};
use auth::principal::{Caller, Kind, Principal};
use engine::{Draft, MachineType, RoleReference, Settings, Tags};
use serde_json::{Value, json};

use super::Host;

/// How many attempts at once a role may allow.
pub(crate) const CONCURRENCY_MAX: usize = 10_000;
/// The one component of every measurement, and its version.
const COMPONENT: &str = "bench";

impl Host {
    /// A role with as much concurrency as a role may have, and the component approved under it.
    pub(crate) async fn allow(&self, role: &str, component: &[u8]) -> Result<()> {
        let (role, component_name) = (name(role)?, name(COMPONENT)?);
        let grants = json!({"limits": {"concurrency": CONCURRENCY_MAX}});
        let permit = self.permit("operators", &Resource::role(&role))?;
        self.engine.put_role(permit, role.clone(), &grants).await?;
        let permit = self.permit("authors", &Resource::component(&component_name))?;
        let (version, bytes) = (
            semver::Version::new(1, 0, 0),
            bytes::Bytes::copy_from_slice(component),
        );
        self.engine
            .upload_component(permit, component_name.clone(), version, bytes)
            .await?;
        let review = json!({"component": COMPONENT, "version": "1.0.0", "role": role, "decision": "approve", "comment": ""});
        let permit = self.permit("reviewers", &Resource::component(&component_name))?;
        self.engine.write_review(permit, &review).await?;
        Ok(())
    }

    /// Publishes a state machine under a role.
    pub(crate) async fn publish(
        &self,
        machine: &str,
        role: &str,
        kind: MachineType,
        definition: Value,
    ) -> Result<Name> {
        let machine = name(machine)?;
        let draft = Draft {
            definition: definition.into(),
            role: Some(RoleReference {
                name: name(role)?,
                arn: None,
            }),
            settings: Settings {
                kind,
                ..Settings::default()
            },
        };
        let permit = self.permit("operators", &Resource::state_machine(&machine))?;
        self.engine
            .create_machine(permit, machine.clone(), draft, Tags::default(), None)
            .await?;
        Ok(machine)
    }

    pub(crate) fn permit<A: Action>(&self, group: &str, resource: &Resource) -> Result<Permit<A>> {
        let policies = self.engine.policies();
        Ok(policies.permits::<A>(&caller(group), resource)?)
    }
}

pub(crate) fn name(text: &str) -> Result<Name> {
    Name::parse(text)
        .map_err(anyhow::Error::msg)
        .context("a fixed name")
}

pub(crate) fn caller(group: &str) -> Caller {
    Caller {
        principal: Principal {
            issuer: "https://issuer.example".to_owned(),
            subject: format!("one-of-{group}"),
            kind: Kind::User,
            groups: vec![group.to_owned()],
            display_name: None,
        },
        actors: Vec::new(),
        method: "oidc".to_owned(),
        authenticated_at: None,
        expires_at: i64::MAX,
        token_hash: String::new(),
    }
}
