//! Items of distributed Maps in files, and results as files.
//!
//! Owns the formats of `ReaderConfig` and `WriterConfig`: text to items, results to text. It does
//! not know where files lie, who may touch them, or how many bytes they may have.

mod format;
mod listing;
mod results;
mod table;

use serde_json::{Map, Value};

pub use format::ItemFormat;
pub use listing::{ListedFile, list};
pub use results::{ChildResult, ResultFiles, ResultFormat, ResultText};

use crate::PAYLOAD_NESTING_MAX;
use crate::payload::payload_bytes_within;

/// How many items are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemLimits {
    /// More than so many are refused.
    pub items_max: usize,
    /// More than so many bytes of JSON are refused.
    pub bytes_max: usize,
    /// The definition wants no more than so many; 0 is all.
    pub wanted: u64,
}

/// Why a file holds no items, or a configuration names no format: a cause for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Items on their way, never more than the limits say.
struct Collected {
    limits: ItemLimits,
    bytes: usize,
    items: Vec<Value>,
}

impl Collected {
    fn new(limits: ItemLimits) -> Self {
        Self {
            limits,
            bytes: 0,
            items: Vec::new(),
        }
    }

    /// Whether all that the definition wants is there.
    fn is_complete(&self) -> bool {
        let wanted = self.limits.wanted;
        wanted > 0 && self.items.len() as u64 >= wanted
    }

    fn push(&mut self, item: Value) -> Result<(), Unreadable> {
        let ItemLimits {
            items_max,
            bytes_max,
            ..
        } = self.limits;
        if self.items.len() >= items_max {
            let cause =
                format!("the source has more than {items_max} items; limit it with MaxItems");
            return Err(Unreadable(cause));
        }
        let Some(bytes) = payload_bytes_within(&item, usize::MAX) else {
            let cause = format!("an item is nested more than {PAYLOAD_NESTING_MAX} levels deep");
            return Err(Unreadable(cause));
        };
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > bytes_max {
            let cause = format!(
                "the items have more than {bytes_max} bytes as JSON; limit them with MaxItems"
            );
            return Err(Unreadable(cause));
        }
        self.items.push(item);
        Ok(())
    }

    fn extend(&mut self, items: impl IntoIterator<Item = Value>) -> Result<(), Unreadable> {
        for item in items {
            if self.is_complete() {
                break;
            }
            self.push(item)?;
        }
        Ok(())
    }
}

/// What a Map runs over when it is given an object: each member, as `{"Key", "Value"}`.
fn pairs(members: Map<String, Value>) -> impl Iterator<Item = Value> {
    members.into_iter().map(|(key, value)| {
        let mut pair = Map::new();
        pair.insert("Key".to_owned(), Value::String(key));
        pair.insert("Value".to_owned(), value);
        Value::Object(pair)
    })
}

/// A text member of a configuration, if it is there.
fn text<'a>(config: &'a Value, name: &str) -> Result<Option<&'a str>, Unreadable> {
    match config.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Unreadable(format!("field {name} must be a string"))),
    }
}

fn unknown<T>(name: &str, word: &str, words: &[&str]) -> Result<T, Unreadable> {
    let shown: String = word.chars().take(80).collect();
    let words = words.join(", ");
    Err(Unreadable(format!(
        "field {name} is `{shown}`, this host reads {words}"
    )))
}

#[cfg(test)]
mod tests;
