//! The decision on one request that a Task makes itself, with no component in between.
//!
//! Owns the proof that it was allowed: to the caller by policy, and at this address by the role.
//! It does not know what is sent, nor where the address leads; that is decided on connecting.

use super::{AuthorityVersion, Denied, check_permits, rules_of};
use crate::capability::{Endpoint, HttpAllowed, Limits};
use crate::names::Name;
use crate::policy::{PassRole, Permit, StartExecution};
use crate::role::RoleRevision;

/// One request that a Task wants to make, with everything decided for it.
#[derive(Clone, Copy, Debug)]
pub struct EgressRequest<'a> {
    /// The role's current revision.
    pub role: &'a RoleRevision,
    /// The state machine whose execution the Task belongs to.
    pub state_machine: &'a Name,
    /// That the execution's caller may start it, decided afresh.
    pub start: &'a Permit<StartExecution>,
    /// That the execution's caller may pass the role, decided afresh.
    pub pass_role: &'a Permit<PassRole>,
    /// The authority version that role and permits stand under.
    pub authority: AuthorityVersion,
    /// The method.
    pub method: &'a str,
    /// The address.
    pub endpoint: &'a Endpoint,
}

/// Proof that a Task may make one request: with this method, to this address, once.
#[derive(Debug)]
pub struct EgressPermit {
    role: Name,
    role_revision: u64,
    method: String,
    endpoint: Endpoint,
    allowed: HttpAllowed,
    limits: Limits,
    decided_under: AuthorityVersion,
    rules: Vec<String>,
}

impl EgressPermit {
    /// The role it is made under.
    pub fn role(&self) -> &Name {
        &self.role
    }

    /// The role's revision.
    pub fn role_revision(&self) -> u64 {
        self.role_revision
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The address.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The entry of the role that allowed it, and whether it may connect to private addresses.
    pub fn allowed(&self) -> &HttpAllowed {
        &self.allowed
    }

    /// The role's limits: the time of the whole exchange, and the bytes of the response.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The authority that must still stand when the request is written down.
    pub fn decided_under(&self) -> AuthorityVersion {
        self.decided_under
    }

    /// The rules that allowed it: of the role and of policies.
    pub fn rules(&self) -> &[String] {
        &self.rules
    }
}

/// Admits a Task's own request: both permits must be for this state machine and this role, and
/// for the same caller; the role must grant method, origin and path.
///
/// # Errors
/// Which rule refused, and what is missing.
pub fn admit_egress(request: EgressRequest<'_>) -> Result<EgressPermit, Denied> {
    let EgressRequest {
        role,
        state_machine,
        start,
        pass_role,
        authority,
        method,
        endpoint,
    } = request;
    check_permits((start, state_machine), (pass_role, role.name()))?;
    let grants = role.role().grants();
    let allowed = grants
        .http_granted(method, endpoint.origin(), &endpoint.target())
        .map_err(|refused| Denied {
            rule: refused.rule.to_owned(),
            reason: format!("under role `{}`: {}", role.name(), refused.reason),
        })?;
    let granted = format!(
        "role/{}@{} {}",
        role.name(),
        role.revision(),
        allowed.rule()
    );
    Ok(EgressPermit {
        role: role.name().clone(),
        role_revision: role.revision(),
        method: method.to_owned(),
        endpoint: endpoint.clone(),
        limits: grants.limits.clone(),
        decided_under: authority,
        rules: rules_of(&[granted], start, pass_role),
        allowed,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{name, policies, revision};
    use super::*;
    use crate::policy::Resource;

    fn granting() -> Value {
        json!({"http": [{
            "origins": ["https://a.example"], "methods": ["GET"], "paths": ["/v1/*"],
        }], "limits": {"time": "5s"}})
    }

    /// Asks for a request in machine `daily`, with permits for `machine` and `role`.
    fn ask(
        (machine, role): (&str, &str),
        grants: Value,
        (method, address): (&str, &str),
    ) -> Result<EgressPermit, Denied> {
        let policies = policies();
        let caller = super::super::tests::caller("olga");
        let start = policies.permits(&caller, &Resource::state_machine(&name(machine)));
        let pass_role = policies.permits(&caller, &Resource::role(&name(role)));
        admit_egress(EgressRequest {
            role: &revision(3, grants),
            state_machine: &name("daily"),
            start: &start.unwrap(),
            pass_role: &pass_role.unwrap(),
            authority: AuthorityVersion(7),
            method,
            endpoint: &Endpoint::parse(address).unwrap(),
        })
    }

    #[test]
    fn a_granted_request_is_admitted_with_the_roles_limits() {
        let get = ("GET", "https://a.example/v1/x?q=1");
        let permit = ask(("daily", "orders"), granting(), get).unwrap();
        assert_eq!(permit.rules(), ["role/orders@3 http/0", "all"]);
        assert_eq!(permit.endpoint().target(), "/v1/x?q=1");
        assert_eq!(permit.method(), "GET");
        assert_eq!(permit.limits().time().as_secs(), 5);
        assert_eq!(permit.decided_under(), AuthorityVersion(7));
        assert!(!permit.allowed().private_addresses());
    }

    #[test]
    fn what_the_role_does_not_grant_is_refused_by_name() {
        for (method, address, rule) in [
            ("POST", "https://a.example/v1/x", "http.method"),
            ("get", "https://a.example/v1/x", "http.method"),
            ("GET", "https://b.example/v1/x", "http.origin"),
            ("GET", "http://a.example/v1/x", "http.origin"),
            ("GET", "https://a.example:8443/v1/x", "http.origin"),
            ("GET", "https://a.example/v2/x", "http.path"),
            ("GET", "https://a.example/v1/../v2", "http.path-ambiguous"),
        ] {
            let denied = ask(("daily", "orders"), granting(), (method, address)).unwrap_err();
            assert_eq!(denied.rule, rule, "{method} {address}");
            assert!(!denied.reason.contains("manifest"), "{denied}");
        }
        let denied = ask(
            ("daily", "orders"),
            json!({}),
            ("GET", "https://a.example/"),
        );
        assert_eq!(denied.unwrap_err().rule, "http.not-granted");
    }

    #[test]
    fn permits_for_something_else_admit_nothing() {
        for permits in [("other", "orders"), ("daily", "other")] {
            let denied = ask(permits, granting(), ("GET", "https://a.example/v1/x"));
            assert_eq!(denied.unwrap_err().rule, "authority.permit-mismatch");
        }
    }
}
