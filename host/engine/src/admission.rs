//! Which component and role an attempt means, and whether it may run: point 4 of the order of
//! authority.

use std::sync::Arc;

use asl::{AttemptFacts, TaskRun};
use auth::authority::AttemptPermit;
use auth::names::{Digest, Name};
use auth::policy::{Denied, PassRole, Permit, Resource, StartExecution};
use auth::principal::Caller;
use semver::Version;

use crate::authority::Authority;
use crate::{Component, Machine};

/// `component:NAME`, `component:NAME@VERSION` or `component:NAME@sha256:…`.
pub(crate) struct ComponentReference {
    name: Name,
    selector: Selector,
}

enum Selector {
    Newest,
    Version(Version),
    Digest(Digest),
}

impl ComponentReference {
    pub(crate) fn parse(resource: &str) -> Result<Self, String> {
        let Some(reference) = resource.strip_prefix("component:") else {
            return Err(format!(
                "`{resource}` is not supported by this version, use `component:NAME`, `component:NAME@VERSION` or `component:NAME@sha256:…`"
            ));
        };
        let (name, selector) = match reference.split_once('@') {
            None => (reference, Selector::Newest),
            Some((name, text)) => (name, Selector::parse(text)?),
        };
        Ok(Self { name: Name::parse(name)?, selector })
    }

    pub(crate) fn find(&self, authority: &Authority) -> Result<Arc<Component>, String> {
        let Some(versions) = authority.components.get(&self.name) else {
            return Err(format!("component `{}` does not exist, upload it first", self.name));
        };
        let found = match &self.selector {
            Selector::Newest => versions.values().next_back(),
            Selector::Version(version) => versions.get(version),
            Selector::Digest(digest) => versions.values().rev().find(|component| component.digest == *digest),
        };
        found.cloned().ok_or_else(|| {
            let known: Vec<_> = versions.keys().map(ToString::to_string).collect();
            format!("component `{}` has no such version, it has `{}`", self.name, known.join("`, `"))
        })
    }
}

impl Selector {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(digest) = Digest::parse(text) {
            return Ok(Self::Digest(digest));
        }
        Version::parse(text)
            .map(Self::Version)
            .map_err(|error| format!("`{text}` is neither a version nor a sha256 digest: {error}"))
    }
}

/// The role that a `RoleArn` names: `arn:aws:iam::ACCOUNT:role/NAME` or a plain name.
pub(crate) fn role_name(role_arn: &str) -> Result<Name, String> {
    let name = match role_arn.strip_prefix("arn:aws:iam::") {
        Some(rest) => rest.split_once(":role/").map_or(rest, |(_, name)| name),
        None => role_arn,
    };
    Name::parse(name)
}

/// An attempt that may run.
pub(crate) struct Admitted {
    pub(crate) permit: AttemptPermit,
    pub(crate) facts: AttemptFacts,
}

/// Decides whether an attempt may run, as of the authority given.
pub(crate) fn admit(
    authority: &Authority,
    caller: &Caller,
    machine: &Machine,
    run: &TaskRun,
) -> Result<Admitted, Denied> {
    let start: Permit<StartExecution> =
        authority.policies.permits(caller, &Resource::state_machine(&machine.name))?;
    let refused = |rule: &str, reason: String| Denied {
        action: "StartAttempt",
        resource: run.resource.clone(),
        rule: rule.to_owned(),
        reason,
    };
    let role = match (&run.role_arn, &machine.role) {
        (Some(arn), _) => role_name(arn).map_err(|message| refused("role-name", message))?,
        (None, Some(role)) => role.clone(),
        (None, None) => return Err(refused("no-role", "the Task names no role".to_owned())),
    };
    let pass: Permit<PassRole> = authority.policies.permits(caller, &Resource::role(&role))?;
    let pin = machine.pins.get(&run.resource);
    let component = pin.and_then(|pin| authority.component(&pin.name, &pin.version));
    let Some(component) = component else {
        return Err(refused("no-component", format!("`{}` is not pinned to a stored component", run.resource)));
    };
    let Some(revision) = authority.role(&role) else {
        return Err(refused("no-role", format!("role `{role}` does not exist")));
    };
    let pairing = authority.pairing(component, revision);
    let permit = auth::authority::admit(&pairing, &start, &pass, authority.version)?;
    let facts = AttemptFacts {
        component: component.name.to_string(),
        version: component.version.to_string(),
        digest: component.digest.to_string(),
        role: role.to_string(),
        role_revision: revision.revision,
    };
    Ok(Admitted { permit, facts })
}
