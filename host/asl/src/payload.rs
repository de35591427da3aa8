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
