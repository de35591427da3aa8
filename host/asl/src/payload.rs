//! JSON values that cross state borders, each stored once.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Where a payload is stored: the record that first wrote it and its place in that record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PayloadId {
    /// The number of the execution's record.
    pub record: u32,
    /// The place in the record's payload list.
    pub index: u32,
}

/// An immutable JSON value with the place it is stored at.
///
/// Serialises as its [`PayloadId`] alone, so that a frame or history event costs its own size.
/// A deserialised payload is hollow (`null`) until [`Payload::fill`] gives it its value back.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// Where the value is stored.
    pub id: PayloadId,
    value: Arc<Value>,
}

impl Payload {
    pub(crate) fn new(id: PayloadId, value: Arc<Value>) -> Self {
        Self { id, value }
    }

    /// The value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The value, shared.
    pub fn shared(&self) -> Arc<Value> {
        Arc::clone(&self.value)
    }

    /// Gives a deserialised payload its value back.
    pub fn fill(&mut self, value: Arc<Value>) {
        self.value = value;
    }
}

/// How many bytes of JSON text a state's input, result or output may have (the service's quota).
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;

/// How deeply a payload may nest: little enough that every record can be read back.
pub const PAYLOAD_NESTING_MAX: usize = 100;

/// The number of bytes of `value` as compact JSON text; `None` once it passes
/// [`PAYLOAD_BYTES_MAX`] or [`PAYLOAD_NESTING_MAX`]. Whoever starts executions checks their
/// input with it.
pub fn payload_bytes(value: &Value) -> Option<usize> {
    payload_bytes_within(value, PAYLOAD_BYTES_MAX)
}

/// The number of bytes of `value` as compact JSON text; `None` once it passes `bytes_max` or
/// [`PAYLOAD_NESTING_MAX`].
pub fn payload_bytes_within(value: &Value, bytes_max: usize) -> Option<usize> {
    let mut bytes = 0_usize;
    let mut open = vec![(value, 1_usize)];
    while let Some((value, depth)) = open.pop() {
        bytes += match value {
            Value::Null | Value::Bool(true) => 4,
            Value::Bool(false) => 5,
            Value::Number(number) => number.to_string().len(),
            Value::String(text) => text_bytes(text),
            Value::Array(items) => {
                open.extend(items.iter().map(|item| (item, depth + 1)));
                1 + items.len().max(1)
            }
            Value::Object(members) => {
                open.extend(members.values().map(|member| (member, depth + 1)));
                let keys: usize = members.keys().map(|key| text_bytes(key) + 1).sum();
                1 + members.len().max(1) + keys
            }
        };
        let is_nested = matches!(value, Value::Array(_) | Value::Object(_));
        if bytes > bytes_max || (is_nested && depth > PAYLOAD_NESTING_MAX) {
            return None;
        }
    }
    Some(bytes)
}

fn text_bytes(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0x00..=0x1f => 6,
        0x20..=0xff => 1,
    };
    2 + text.bytes().map(escaped).sum::<usize>()
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.id.record, self.id.index).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (record, index) = Deserialize::deserialize(deserializer)?;
        let id = PayloadId { record, index };
        Ok(Self::new(id, Arc::new(Value::Null)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_payload_is_measured_as_its_compact_text() {
        for value in [
            json!(null),
            json!([true, false, -1.5, 1e300, "a\"\\\n\u{1}é\u{7f}"]),
            json!({}),
            json!([]),
            json!({ "a": { "b\t": [1, 2, []] }, "c": "" }),
        ] {
            assert_eq!(
                payload_bytes(&value),
                Some(value.to_string().len()),
                "{value}"
            );
        }
    }

    #[test]
    fn a_payload_over_the_quota_is_refused() {
        let fits = Value::String("x".repeat(PAYLOAD_BYTES_MAX - 2));
        assert_eq!(payload_bytes(&fits), Some(PAYLOAD_BYTES_MAX));
        let too_long = Value::String("x".repeat(PAYLOAD_BYTES_MAX - 1));
        assert_eq!(payload_bytes(&too_long), None);
    }

    #[test]
    fn a_payload_nested_too_deeply_is_refused() {
        let nest = |depth| (1..depth).fold(json!([]), |inner, _| json!([inner]));
        assert!(payload_bytes(&nest(PAYLOAD_NESTING_MAX)).is_some());
        assert_eq!(payload_bytes(&nest(PAYLOAD_NESTING_MAX + 1)), None);
    }
}
