//! Which component and role an attempt means, and whether it may run: point 4 of the order of
//! authority.

use std::sync::Arc;

use asl::definition::{Task, Text};
use asl::{AttemptFacts, TaskRun};
use auth::authority::{
    AttemptPermit, AttemptRequest, Denied, EgressPermit, EgressRequest, admit_egress,
};
use auth::names::{Digest, Name};
use auth::principal::Caller;
use semver::Version;

use crate::authority::Authority;
use crate::tasks::HttpRequest;
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
    let role = role_of(machine, run)?;
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

/// Decides whether an attempt may make its own request, as of the authority given; `identity` is
/// the digest of the caller.
pub(crate) fn admit_request(
    authority: &Authority,
    (identity, caller): (&Digest, &Caller),
    machine: &Machine,
    run: &TaskRun,
    request: &HttpRequest,
) -> Result<EgressPermit, Denied> {
    let role = role_of(machine, run)?;
    let permits = authority.permits(identity, caller, &machine.name, &role)?;
    let Some(revision) = authority.role(&role) else {
        let reason = format!("there is no role `{role}`, create it first");
        return Err(refused("authority.role-missing", reason));
    };
    admit_egress(EgressRequest {
        role: &revision.facts,
        state_machine: &machine.name,
        start: &permits.start,
        pass_role: &permits.pass_role,
        authority: authority.version,
        method: &request.method,
        endpoint: &request.endpoint,
    })
}

/// The role that an attempt runs under.
fn role_of(machine: &Machine, run: &TaskRun) -> Result<Name, Denied> {
    match (&run.role_arn, &machine.role) {
        (Some(arn), _) => {
            let name = role_name(arn).map_err(|message| refused("authority.role-name", message))?;
            if is_foreign(arn, machine) {
                let shown: String = arn.chars().take(200).collect();
                let reason = format!(
                    "`{shown}`, which the state's data name, is a role of another account than this host's"
                );
                return Err(refused("authority.role-account", reason));
            }
            Ok(name)
        }
        (None, Some(role)) => Ok(role.clone()),
        (None, None) => {
            let reason = "the Task names no role".to_owned();
            Err(refused("authority.role-missing", reason))
        }
    }
}

/// Whether a role's ARN is of another account than the state machine; one that stands in the
/// definition itself was read by whoever published it, and means the role of that name.
fn is_foreign(role_arn: &str, machine: &Machine) -> bool {
    let parts = role_arn.strip_prefix("arn:aws:iam::");
    let Some((account, _)) = parts.and_then(|parts| parts.split_once(":role/")) else {
        return false;
    };
    let own = machine.arn.split(':').nth(4).unwrap_or_default();
    let is_named = |task: &Task| {
        let credentials = task.credentials.as_ref();
        credentials.is_some_and(
            |credentials| matches!(&credentials.role_arn, Text::Fixed(fixed) if fixed == role_arn),
        )
    };
    let mut tasks = machine.machine.tasks();
    !account.is_empty() && account != own && !tasks.any(|(_, task)| is_named(task))
}

fn refused(rule: &str, reason: String) -> Denied {
    Denied {
        rule: rule.to_owned(),
        reason,
    }
}
