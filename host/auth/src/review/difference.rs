//! What changed between two pairs of component and role, in plain words.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Pair;
use crate::capability::{Capabilities, Http, Limit};

/// What is said about each subject; one subject may have several things said about it.
type Facts = BTreeMap<String, BTreeSet<String>>;

/// Lines of what came, what went and what became different, each sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
}

impl Difference {
    /// Compares a pair with an earlier one; without an earlier one everything is added.
    pub(super) fn between(before: Option<&Pair<'_>>, after: &Pair<'_>) -> Self {
        let before = before.map(facts).unwrap_or_default();
        let after = facts(after);
        let mut difference = Self::default();
        for (subject, said) in &after {
            match before.get(subject) {
                None => difference.added.push(line(subject, said)),
                Some(earlier) if earlier != said => difference.changed.push(format!(
                    "{subject}: {} becomes {}",
                    joined(earlier),
                    joined(said)
                )),
                Some(_) => {}
            }
        }
        let removed = before
            .iter()
            .filter(|(subject, _)| !after.contains_key(*subject));
        difference.removed = removed.map(|(subject, said)| line(subject, said)).collect();
        difference
    }

    pub(super) fn to_json(&self) -> Value {
        json!({"added": self.added, "removed": self.removed, "changed": self.changed})
    }
}

fn line(subject: &str, said: &BTreeSet<String>) -> String {
    if said.is_empty() {
        return subject.to_owned();
    }
    format!("{subject}: {}", joined(said))
}

fn joined(said: &BTreeSet<String>) -> String {
    let said: Vec<_> = said.iter().map(String::as_str).collect();
    said.join(", ")
}

fn facts(pair: &Pair<'_>) -> Facts {
    let mut facts = Facts::new();
    for import in &pair.component.imports {
        facts.insert(format!("imports `{import}`"), BTreeSet::new());
    }
    if pair.component.manifest.is_idempotent() {
        facts.insert("reruns after an interruption".to_owned(), BTreeSet::new());
    }
    let needs = pair.component.manifest.needs();
    let grants = pair.role.role().grants();
    describe("needs", needs, &mut facts);
    describe("is granted", grants, &mut facts);
    // In a manifest the text of a key is its purpose; values are the role's.
    for (key, _) in needs.config.iter() {
        facts.insert(format!("needs configuration `{key}`"), BTreeSet::new());
    }
    for (key, value) in grants.config.iter() {
        say(
            &mut facts,
            format!("is granted configuration `{key}`"),
            format!("`{}`", value.escape_debug()),
        );
    }
    facts
}

fn describe(verb: &str, capabilities: &Capabilities, facts: &mut Facts) {
    for entry in &capabilities.http {
        describe_http(verb, entry, facts);
    }
    for entry in &capabilities.filesystem {
        let subject = format!("{verb} volume `{}` at `{}`", entry.volume(), entry.mount());
        say(facts, subject, entry.access().as_str().to_owned());
    }
    for limit in Limit::ALL {
        if let Some(value) = capabilities.limits.stated(limit) {
            say(
                facts,
                format!("{verb} limit `{}`", limit.name()),
                limit.text(value),
            );
        }
    }
    for (name, is_on) in capabilities.ambient.switches() {
        if is_on {
            facts.insert(format!("{verb} the {name}"), BTreeSet::new());
        }
    }
}

fn describe_http(verb: &str, entry: &Http, facts: &mut Facts) {
    let reach = if entry.private_addresses() {
        " at private addresses too"
    } else {
        ""
    };
    for origin in entry.origins() {
        for path in entry.paths() {
            for method in entry.methods() {
                say(
                    facts,
                    format!("{verb} HTTP `{origin}{path}`"),
                    format!("{method}{reach}"),
                );
            }
        }
    }
}

fn say(facts: &mut Facts, subject: String, what: String) {
    facts.entry(subject).or_default().insert(what);
}
