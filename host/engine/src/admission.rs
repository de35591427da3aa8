//! Which component and role an attempt means, and whether it may run: point 4 of the order of
//! authority.

use std::sync::Arc;

use asl::{AttemptFacts, TaskRun};
use auth::authority::{AttemptPermit, AttemptRequest, Denied};
use auth::names::{Digest, Name};
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
        Ok(Self {
            name: Name::parse(name)?,
            selector,
        })
    }

    pub(crate) fn find(&self, authority: &Authority) -> Result<Arc<Component>, String> {
        let Some(versions) = authority.components.get(&self.name) else {
            return Err(format!(
                "component `{}` does not exist, upload it first",
                self.name
            ));
        };
        let found = match &self.selector {
            Selector::Newest => versions.values().next_back(),
            Selector::Version(version) => versions.get(version),
            Selector::Digest(digest) => versions
                .values()
                .rev()
                .find(|component| component.facts.digest == *digest),
        };
        found.cloned().ok_or_else(|| {
            let known: Vec<_> = versions.keys().map(ToString::to_string).collect();
            format!(
                "component `{}` has no such version, it has `{}`",
                self.name,
                known.join("`, `")
            )
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
        // A role's path tells roles apart on the service; here its name does.
        Some(rest) => match rest.split_once(":role/") {
            Some((_, path)) => path.rsplit('/').next().unwrap_or(path),
            None => rest,
        },
        None => role_arn,
    };
    Name::parse(name)
}

/// An attempt that may run.
pub(crate) struct Admitted {
    pub(crate) permit: AttemptPermit,
    pub(crate) facts: AttemptFacts,
}

/// Decides whether an attempt may run the component, as of the authority given; `identity` is
/// the digest of the caller.
pub(crate) fn admit(
    authority: &Authority,
    (identity, caller): (&Digest, &Caller),
    machine: &Machine,
    run: &TaskRun,
    component: Option<&Component>,
) -> Result<Admitted, Denied> {
    let refused = |rule: &str, reason: String| Denied {
        rule: rule.to_owned(),
        reason,
    };
    let role = match (&run.role_arn, &machine.role) {
        (Some(arn), _) => {
            role_name(arn).map_err(|message| refused("authority.role-name", message))?
        }
        (None, Some(role)) => role.clone(),
        (None, None) => {
            return Err(refused(
                "authority.role-missing",
                "the Task names no role".to_owned(),
            ));
        }
    };
    let permits = authority.permits(identity, caller, &machine.name, &role)?;
    let Some(component) = component else {
        let reason = format!("`{}` is not pinned to a stored component", run.resource);
        return Err(refused("authority.component-missing", reason));
    };
    let pairing = authority.pairing(component, &role);
    let permit = auth::authority::admit(AttemptRequest {
        pairing: &pairing,
        state_machine: &machine.name,
        start: &permits.start,
        pass_role: &permits.pass_role,
        authority: authority.version,
    })?;
    let facts = AttemptFacts {
        component: permit.component().to_string(),
        version: permit.version().to_owned(),
        digest: permit.digest().to_string(),
        role: role.to_string(),
        role_revision: permit.role_revision(),
    };
    Ok(Admitted { permit, facts })
}
