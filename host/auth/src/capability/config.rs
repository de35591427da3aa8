//! Configuration values: wasi:config/store.

use std::collections::BTreeMap;

use document::{Fields, Node, Problems};
use serde_json::{Map, Value};

use super::{Shape, reading};
use crate::names::quoted;

/// Most keys in one document.
const KEYS_MAX: usize = 128;
/// Most bytes of one key.
const KEY_BYTES_MAX: usize = 128;
/// Most bytes of one value.
const VALUE_BYTES_MAX: usize = 4096;

/// Texts by key: a role's values, or what a manifest needs each for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config(BTreeMap<String, String>);

impl Config {
    /// The text under `key`.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Every key with its text, in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys of `self` that `role` has, with the role's values.
    pub(super) fn valued_by(&self, role: &Self) -> Self {
        let keys = self.0.keys();
        let pairs = keys.filter_map(|key| Some((key.clone(), role.0.get(key)?.clone())));
        Self(pairs.collect())
    }

    pub(super) fn to_json(&self) -> Option<Value> {
        let pairs = self
            .0
            .iter()
            .map(|(key, value)| (key.clone(), Value::from(value.as_str())));
        let members: Map<_, _> = pairs.collect();
        (!members.is_empty()).then_some(Value::Object(members))
    }
}

/// Reads `[config]`.
pub(super) fn parse(fields: &mut Fields<'_>, shape: Shape, problems: &mut Problems) -> Config {
    let mut config = Config::default();
    let Some(node) = fields.optional("config") else {
        return config;
    };
    let Some(members) = node.object(problems) else {
        return config;
    };
    let entries = members.entries();
    if entries.len() > KEYS_MAX {
        node.problem(
            format!("{} keys, at most {KEYS_MAX} are allowed", entries.len()),
            problems,
        );
        return config;
    }
    for (key, member) in entries {
        if !is_key(key) {
            let message = format!(
                "{} is not a configuration key, use 1 to {KEY_BYTES_MAX} of the characters A-Z a-z 0-9 _ - .",
                quoted(key)
            );
            member.problem(message, problems);
            continue;
        }
        let text = match shape {
            Shape::Manifest => purpose(&member, problems),
            Shape::Role => value(&member, problems),
        };
        if let Some(text) = text {
            config.0.insert(key.to_owned(), text);
        }
    }
    config
}

/// Every needed key must be granted; values are the role's own business.
pub(super) fn within(needs: &Config, grants: &Config, problems: &mut Problems) {
    for key in needs.0.keys().filter(|key| !grants.0.contains_key(*key)) {
        problems.push(
            format!("/config/{key}"),
            format!(
                "the role has no configuration value `{key}`, add `{key}` to `config` of the role"
            ),
        );
    }
}

fn is_key(key: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(is_plain)
}

/// A manifest says what a key is for, as a text or as `{reason = "…"}`.
fn purpose(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    if !node.value.is_object() {
        return reading::prose(node, problems);
    }
    let mut members = node.object(problems)?;
    let reason = reading::reason(&mut members, Shape::Manifest, problems);
    members.finish(problems);
    reason
}

fn value(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let text = node.string(problems)?;
    if text.len() > VALUE_BYTES_MAX || text.contains('\0') {
        let message = format!("write at most {VALUE_BYTES_MAX} bytes without a NUL");
        node.problem(message, problems);
        return None;
    }
    Some(text.to_owned())
}
