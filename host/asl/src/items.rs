//! Items of distributed Maps in files, and results as files.
//!
//! Owns the formats of `ReaderConfig` and `WriterConfig`: text to items, results to text. It does
//! not know where files lie, who may touch them, or how many bytes they may have.

mod format;
mod json;
mod listing;
mod results;
mod table;

use serde_json::Value;

pub use format::ItemFormat;
pub use listing::{ListedFile, list};
pub use results::{ChildResult, ResultFiles, ResultFormat, ResultText};

use crate::PAYLOAD_NESTING_MAX;
use crate::payload::payload_bytes_within;

/// The most values that the items of one file have, at whatever depth. A value takes many times
/// the memory of its text.
const VALUES_MAX: usize = 2_000_000;

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
    /// How many values inside the items may still be read.
    values_left: usize,
    items: Vec<Value>,
    /// Why reading was stopped from inside a parser.
    cut: Option<Unreadable>,
}

impl Collected {
    fn new(limits: ItemLimits) -> Self {
        Self {
            limits,
            bytes: 0,
            values_left: VALUES_MAX,
            items: Vec::new(),
            cut: None,
        }
    }

    /// Whether all that the definition wants is there.
    fn is_complete(&self) -> bool {
        let wanted = self.limits.wanted;
        wanted > 0 && self.items.len() as u64 >= wanted
    }

    /// Spends so many values, before they are made.
    fn spend(&mut self, values: usize) -> Result<(), Unreadable> {
        match self.values_left.checked_sub(values) {
            Some(left) => {
                self.values_left = left;
                Ok(())
            }
            None => Err(Unreadable(format!(
                "the items have more than {VALUES_MAX} values; limit them with MaxItems"
            ))),
        }
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
