//! Workflow variables: values that later states read by name.
//!
//! Owns what a name may be and who sees which value. It does not know when values are assigned.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

/// The longest name of a variable, in characters (the service's quota).
const NAME_CHARACTERS_MAX: usize = 80;

/// The variables that a state sees, by name without the `$`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Variables(BTreeMap<String, Arc<Value>>);

impl Variables {
    /// The value of the variable, if it was assigned one.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).map(Arc::as_ref)
    }

    /// Every variable, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let pairs = self.0.iter();
        pairs.map(|(name, value)| (name.as_str(), value.as_ref()))
    }

    /// Adds a variable of an outer scope, unless an inner scope has one of that name.
    pub(crate) fn add_outer(&mut self, name: &str, value: Arc<Value>) {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), value);
        }
    }
}

/// Whether `next` may stand in the name of a variable: a letter, digit or mark of Unicode as in
/// identifiers, or an underscore.
pub(crate) fn is_in_name(next: char) -> bool {
    next == '_' || next.is_alphanumeric()
}

/// Whether `name` can be the name of a variable.
pub(crate) fn is_name(name: &str) -> bool {
    let count = name.chars().count();
    (1..=NAME_CHARACTERS_MAX).contains(&count)
        && name.chars().all(is_in_name)
        && !name.starts_with(|first: char| first.is_numeric())
}
