//! `ReaderConfig`: which of the formats a file has.

use serde_json::Value;

use super::table::Table;
use super::{Collected, ItemLimits, Unreadable, json, text, unknown};

/// How a file's bytes become items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemFormat(Format);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Format {
    /// A JSON array or object, at an `ItemsPointer` if there is one.
    Json { pointer: Option<String> },
    /// One JSON value on each line.
    Lines,
    /// Delimited text.
    Table(Table),
}

impl ItemFormat {
    /// Reads an evaluated `ReaderConfig`; a file is JSON unless it says otherwise.
    ///
    /// # Errors
    /// It names a format that this host does not read, or describes one wrongly.
    pub fn parse(config: &Value) -> Result<Self, Unreadable> {
        let pointer = text(config, "ItemsPointer")?.map(ToOwned::to_owned);
        let format = match text(config, "InputType")?.unwrap_or("JSON") {
            "JSON" => return Ok(Self(Format::Json { pointer })),
            "JSONL" => Format::Lines,
            "CSV" => Format::Table(Table::parse(config)?),
            other => return unknown("InputType", other, &["JSON", "JSONL", "CSV"]),
        };
        match pointer {
            Some(_) => {
                let cause = "field ItemsPointer is only for files of InputType JSON";
                Err(Unreadable(cause.to_owned()))
            }
            None => Ok(Self(format)),
        }
    }

    /// The items in a file.
    ///
    /// # Errors
    /// The file does not have the format, or more items than the limits allow.
    pub fn items(&self, content: &[u8], limits: ItemLimits) -> Result<Vec<Value>, Unreadable> {
        let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
        let mut collected = Collected::new(limits);
        match &self.0 {
            Format::Json { pointer } => json::all(content, pointer.as_deref(), &mut collected)?,
            Format::Lines => lines(content, &mut collected)?,
            Format::Table(table) => table.rows(content, &mut collected)?,
        }
        Ok(collected.items)
    }
}

fn lines(content: &[u8], collected: &mut Collected) -> Result<(), Unreadable> {
    for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
        if collected.is_complete() {
            break;
        }
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let item = json::line(line, index.saturating_add(1), collected)?;
        collected.push(item)?;
    }
    Ok(())
}
