//! What lies at the source of a Map's `ItemReader` in a test.

use serde_json::{Value, json};

use crate::definition::Reader;

/// The items of a source.
#[derive(Debug, PartialEq)]
pub(crate) struct Source {
    pub(crate) items: Vec<Value>,
    /// Whether `ItemsPointer` found them.
    pub(crate) is_pointed: bool,
}

/// Reads the text at a reader's source; nothing where it is of a type that tests do not read.
///
/// # Errors
/// Why the text holds no items.
pub(crate) fn read(reader: &Reader, data: &str) -> Result<Option<Source>, String> {
    let config = reader.config.as_ref();
    let word = |name: &str| {
        let value = config.and_then(|config| config.literal_member(name));
        value.and_then(Value::as_str)
    };
    let pointer = word("ItemsPointer");
    let items = match word("InputType") {
        None | Some("JSON") => items_of(data, pointer)?,
        Some("JSONL") => lines(data)?,
        Some(_) => return Ok(None),
    };
    Ok(Some(Source {
        items,
        is_pointed: pointer.is_some(),
    }))
}

fn items_of(data: &str, pointer: Option<&str>) -> Result<Vec<Value>, String> {
    let mut value: Value = serde_json::from_str(data).map_err(|error| error.to_string())?;
    let found = value.pointer_mut(pointer.unwrap_or_default());
    match found.map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        Some(Value::Object(members)) => {
            let members = members.into_iter();
            Ok(members
                .map(|(key, value)| json!({ "Key": key, "Value": value }))
                .collect())
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => {
            Err("it is neither an array nor an object".to_owned())
        }
    }
}

fn lines(data: &str) -> Result<Vec<Value>, String> {
    let lines = data.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| serde_json::from_str(line).map_err(|error| error.to_string()))
        .collect()
}
