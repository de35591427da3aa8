//! What a component says it needs, and why.
//!
//! Owns the document that travels inside a component. It does not know where the text was found,
//! nor whether anybody grants what it asks for.

use document::{Node, Problem, Problems, parse_toml};
use serde_json::{Map, Value};

use crate::capability::{Capabilities, Shape, prose};
use crate::names::Name;

/// Most bytes of a manifest.
pub const MANIFEST_BYTES_MAX: usize = 64 * 1024;

/// What a component says it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    name: Option<Name>,
    description: Option<String>,
    idempotent: bool,
    needs: Capabilities,
}

impl Manifest {
    /// The manifest of a component that carries none: it needs nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Parses a manifest's TOML text.
    ///
    /// # Errors
    /// Every problem, with its JSON pointer.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        if text.len() > MANIFEST_BYTES_MAX {
            let message = format!(
                "{} bytes, a manifest has at most {MANIFEST_BYTES_MAX}",
                text.len()
            );
            return Err(vec![Problem::new("", message)]);
        }
        let value = parse_toml(text).map_err(|problem| vec![problem])?;
        Self::from_json(&value)
    }

    /// Reads a manifest in the shape that [`Manifest::to_json`] writes.
    ///
    /// # Errors
    /// Every problem, with its JSON pointer.
    pub fn from_json(value: &Value) -> Result<Self, Vec<Problem>> {
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
        let idempotent = fields
            .optional("idempotent")
            .and_then(|node| node.boolean(&mut problems));
        let needs = Capabilities::parse(&mut fields, Shape::Manifest, &mut problems);
        fields.finish(&mut problems);
        problems.or(Some(Self {
            name,
            description,
            idempotent: idempotent.unwrap_or(false),
            needs,
        }))
    }

    /// The manifest as JSON, in normal form.
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        if let Some(name) = &self.name {
            members.insert("name".to_owned(), name.as_str().into());
        }
        if let Some(description) = &self.description {
            members.insert("description".to_owned(), description.as_str().into());
        }
        if self.idempotent {
            members.insert("idempotent".to_owned(), true.into());
        }
        if let Value::Object(needs) = self.needs.to_json() {
            members.extend(needs);
        }
        Value::Object(members)
    }

    /// The name its author gave the component.
    pub fn name(&self) -> Option<&Name> {
        self.name.as_ref()
    }

    /// What the component is for.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Whether an interrupted attempt may run again with the same idempotency key.
    pub fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// What the component needs.
    pub fn needs(&self) -> &Capabilities {
        &self.needs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &str = r#"
name = "orders-writer"
description = "Post an order"
idempotent = true
[[http]]
origins = ["https://Orders.internal:8443"]
methods = ["POST"]
paths = ["/v1/orders"]
reason = "post the order"
[config]
region = "which API to ask"
[limits]
memory = "16MiB"
"#;

    #[test]
    fn a_manifest_reads_back_from_its_json() {
        let manifest = Manifest::parse(ORDERS).unwrap();
        assert_eq!(
            Manifest::from_json(&manifest.to_json()),
            Ok(manifest.clone())
        );
        assert!(manifest.is_idempotent());
        assert_eq!(
            manifest.to_json()["http"][0]["origins"][0],
            "https://orders.internal:8443"
        );
    }

    #[test]
    fn every_problem_is_reported_with_its_pointer() {
        let problems = Manifest::parse(
            r#"
name = "a b"
idempotent = "yes"
surprise = 1
[[http]]
origins = ["https://*"]
methods = ["post", "GET", "GET", "*"]
paths = []
inject = []
[[filesystem]]
volume = "v"
mount = "/a/../b"
access = "write"
reason = " "
[[keyvalue]]
bucket = "orders"
[config]
"a/b" = "x"
region = 1
[limits]
memory = "64MB"
time = 30
cpu = "0s"
[ambient]
clock = "on"
wind = true
"#,
        )
        .unwrap_err();
        let mut pointers: Vec<_> = problems
            .iter()
            .map(|problem| problem.pointer.as_str())
            .collect();
        pointers.sort_unstable();
        assert_eq!(
            pointers,
            [
                "/ambient/clock",
                "/ambient/wind",
                "/config/a~1b",
                "/config/region",
                "/filesystem/0/access",
                "/filesystem/0/mount",
                "/filesystem/0/reason",
                "/http/0",
                "/http/0/inject",
                "/http/0/methods/0",
                "/http/0/methods/2",
                "/http/0/methods/3",
                "/http/0/origins/0",
                "/http/0/paths",
                "/idempotent",
                "/keyvalue",
                "/limits/cpu",
                "/limits/memory",
                "/limits/time",
                "/name",
                "/surprise",
            ]
        );
        assert!(
            problems
                .iter()
                .all(|problem| !problem.message.contains('\n'))
        );
    }

    #[test]
    fn oversized_and_malformed_texts_are_refused() {
        assert!(Manifest::parse(&"#".repeat(MANIFEST_BYTES_MAX + 1)).is_err());
        assert!(Manifest::parse("= 1").is_err());
        assert!(Manifest::parse(&format!("a = {}", "[".repeat(60_000))).is_err());
        assert!(Manifest::from_json(&Value::Null).is_err());
        assert_eq!(Manifest::parse(""), Ok(Manifest::none()));
    }

    #[test]
    fn reasons_cannot_hide_or_reorder_what_a_reviewer_reads() {
        for reason in ["a\u{202e}b", "a\u{200b}b", "a\u{1b}[2Jb", "a\tb"] {
            let manifest = serde_json::json!({"config": {"region": reason}});
            assert!(Manifest::from_json(&manifest).is_err(), "{reason:?}");
        }
    }
}
