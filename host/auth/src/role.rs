//! What an operator grants: a role and its immutable revisions.
//!
//! Owns the document, its digest, and when a later revision grants no more than an earlier one.
//! It does not know who may write a role.

use std::sync::Arc;

use document::{Node, Problem, Problems};
use serde_json::{Map, Value};

use crate::capability::{Capabilities, Shape, needs_within, prose};
use crate::names::{Digest, Name};

/// What an operator grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    name: Option<Name>,
    description: Option<String>,
    grants: Capabilities,
}

impl Role {
    /// Reads a role. Limits that it leaves out are written into it at their defaults, so that a
    /// revision means the same under every later version of the host.
    ///
    /// # Errors
    /// Every problem, with its JSON pointer.
    pub fn parse(value: &Value) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let Some(mut fields) = Node::root(value).object(&mut problems) else {
            return problems.or(None);
        };
        let name = fields
            .optional("name")
            .and_then(|node| Name::read(&node, &mut problems));
        let description = fields
            .optional("description")
            .and_then(|node| prose(&node, &mut problems));
        let grants = Capabilities::parse(&mut fields, Shape::Role, &mut problems);
        fields.finish(&mut problems);
        problems.or(Some(Self {
            name,
            description,
            grants,
        }))
    }

    /// The role as JSON, in normal form.
    pub fn to_json(&self) -> Value {
        self.members(&self.grants)
    }

    /// The digest of what the role says, whatever order it was written in.
    pub fn digest(&self) -> Digest {
        let mut text = String::new();
        write_sorted(&self.members(&self.grants.canonical()), &mut text);
        Digest::of(text.as_bytes())
    }

    /// The name in the document itself, if it has one; whoever stores the role must compare it
    /// with the name it is stored under.
    pub fn name(&self) -> Option<&Name> {
        self.name.as_ref()
    }

    /// What the role is for.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What the role grants.
    pub fn grants(&self) -> &Capabilities {
        &self.grants
    }

    /// What this role grants beyond `wider`, or other configuration values it delivers; empty if
    /// whoever approved `wider` need not be asked again.
    pub fn beyond(&self, wider: &Self) -> Vec<Problem> {
        let mut problems = needs_within(&self.grants, &wider.grants);
        for (key, value) in self.grants.config.iter() {
            let before = wider.grants.config.value(key);
            if before.is_some_and(|before| before != value) {
                problems.push(Problem::new(
                    format!("/config/{key}"),
                    format!("the value of `{key}` is another one"),
                ));
            }
        }
        problems
    }

    fn members(&self, grants: &Capabilities) -> Value {
        let mut members = Map::new();
        if let Some(name) = &self.name {
            members.insert("name".to_owned(), name.as_str().into());
        }
        if let Some(description) = &self.description {
            members.insert("description".to_owned(), description.as_str().into());
        }
        if let Value::Object(grants) = grants.to_json() {
            members.extend(grants);
        }
        Value::Object(members)
    }
}

/// One revision of a role, as stored.
#[derive(Clone, Debug)]
pub struct RoleRevision {
    name: Name,
    revision: u64,
    digest: Digest,
    role: Arc<Role>,
    written_by: Vec<String>,
}

impl RoleRevision {
    /// Describes a stored revision; `written_by` holds the keys of its author and of whoever
    /// acted for them, see [`crate::review::hands`].
    pub fn new(name: Name, revision: u64, role: Arc<Role>, written_by: Vec<String>) -> Self {
        Self {
            name,
            revision,
            digest: role.digest(),
            role,
            written_by,
        }
    }

    /// The role's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The revision, counting from 1.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The digest of what it says.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What it says.
    pub fn role(&self) -> &Arc<Role> {
        &self.role
    }

    /// The keys of those who wrote it.
    pub fn written_by(&self) -> &[String] {
        &self.written_by
    }
}

/// Writes JSON with sorted members and no spaces: the text that digests are taken of.
fn write_sorted(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (index, (name, member)) in sorted.into_iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_sorted(member, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                write_sorted(item, text);
            }
            text.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&value.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(value: Value) -> Role {
        Role::parse(&value).unwrap()
    }

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_writing() {
        let one = role(json!({
            "description": "orders",
            "http": [
                {"origins": ["https://a", "https://b"], "methods": ["GET", "POST"], "paths": ["/x", "/y"]},
                {"origins": ["https://c"], "methods": ["GET"], "paths": ["/"]},
            ],
            "ambient": {"clock": true, "random": false},
            "limits": {"memory": "64MiB"},
        }));
        let other = role(json!({
            "limits": {"time": "30000ms", "memory": 67108864},
            "ambient": {"clock": true},
            "http": [
                {"paths": ["/"], "origins": ["HTTPS://C:443"], "methods": ["GET"], "private_addresses": false},
                {"paths": ["/y", "/x"], "origins": ["https://b", "https://a"], "methods": ["POST", "GET"]},
            ],
            "description": "orders",
        }));
        assert_eq!(one.digest(), other.digest());
        assert_ne!(
            one.digest(),
            role(json!({"description": "orders"})).digest()
        );
    }

    #[test]
    fn a_role_reads_back_from_its_json() {
        let role = role(json!({
            "name": "orders", "config": {"region": "eu"},
            "filesystem": [{"volume": "invoices", "mount": "/invoices", "access": "read"}],
        }));
        assert_eq!(Role::parse(&role.to_json()), Ok(role.clone()));
        assert_eq!(role.to_json()["limits"]["memory"], "64MiB");
    }

    #[test]
    fn roles_have_no_reasons_and_nothing_unsupported() {
        let problems = Role::parse(&json!({
            "http": [{"origins": ["https://a"], "methods": ["GET"], "paths": ["/"], "reason": "x", "inject": []}],
            "idempotent": true, "sql": [], "secret": [], "keyvalue": [],
        }))
        .unwrap_err();
        let pointers: Vec<_> = problems
            .iter()
            .map(|problem| problem.pointer.as_str())
            .collect();
        assert_eq!(
            pointers,
            [
                "/http/0/inject",
                "/http/0/reason",
                "/keyvalue",
                "/sql",
                "/secret",
                "/idempotent"
            ]
        );
    }

    #[test]
    fn a_default_limit_is_wider_than_a_smaller_one() {
        let small = role(json!({"limits": {"memory": "32MiB"}}));
        let silent = role(json!({}));
        assert!(small.beyond(&silent).is_empty());
        assert_eq!(silent.beyond(&small)[0].pointer, "/limits/memory");
    }

    #[test]
    fn another_configuration_value_is_not_the_same_grant() {
        let before = role(json!({"config": {"region": "eu", "tier": "1"}}));
        assert!(
            role(json!({"config": {"region": "eu"}}))
                .beyond(&before)
                .is_empty()
        );
        assert_eq!(
            role(json!({"config": {"region": "us"}})).beyond(&before)[0].pointer,
            "/config/region"
        );
    }
}
