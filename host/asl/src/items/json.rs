//! JSON files, read item by item.
//!
//! Owns that neither what stands before the items nor an item beyond the limits is ever held in
//! memory. It does not know which files are JSON.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{Collected, Unreadable};

const NOT_ITERABLE: &str = "Attempting to map over non-iterable node.";

/// Reads the one item that a line is; `number` counts lines from 1.
pub(super) fn line(
    text: &[u8],
    number: usize,
    collected: &mut Collected,
) -> Result<Value, Unreadable> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let item = Counted(collected).deserialize(&mut reader);
    let ended = item.and_then(|item| reader.end().map(|()| item));
    ended.map_err(|error| match collected.cut.take() {
        Some(cut) => cut,
        None => Unreadable(format!("line {number} of the file is not JSON: {error}")),
    })
}

/// Collects the items of a file: those of the array, or the members of the object, at `pointer`.
pub(super) fn all(
    text: &[u8],
    pointer: Option<&str>,
    collected: &mut Collected,
) -> Result<(), Unreadable> {
    let Some(path) = path(pointer.unwrap_or_default()) else {
        return Err(missing(pointer.unwrap_or_default()));
    };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let found = Place {
        path: &path,
        collected,
    };
    let found = found.deserialize(&mut reader);
    let ended = found.and_then(|is_found| reader.end().map(|()| is_found));
    match (ended, collected.cut.take()) {
        (_, Some(cut)) => Err(cut),
        // What stands behind the last item that is wanted is not read.
        (_, None) if collected.is_complete() => Ok(()),
        (Ok(true), None) => Ok(()),
        (Ok(false), None) => Err(missing(pointer.unwrap_or_default())),
        (Err(error), None) => Err(Unreadable(format!("the file is not JSON: {error}"))),
    }
}

fn missing(pointer: &str) -> Unreadable {
    let shown: String = pointer.chars().take(200).collect();
    Unreadable(format!(
        "the file has nothing at the ItemsPointer `{shown}`"
    ))
}

/// The keys of a JSON pointer.
fn path(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let keys = pointer.strip_prefix('/')?.split('/');
    Some(
        keys.map(|key| key.replace("~1", "/").replace("~0", "~"))
            .collect(),
    )
}

/// Stops the reading, for a reason that only this host has.
fn cut<E: Error>(collected: &mut Collected, reason: Unreadable) -> E {
    let error = E::custom(&reason);
    collected.cut = Some(reason);
    error
}

/// What is at a place in a document; the answer is whether anything is.
struct Place<'a> {
    path: &'a [String],
    collected: &'a mut Collected,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_any(self)
    }
}

impl Place<'_> {
    fn scalar<E: Error>(self) -> Result<bool, E> {
        match self.path {
            [] => Err(cut(self.collected, Unreadable(NOT_ITERABLE.to_owned()))),
            [_, ..] => Ok(false),
        }
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<bool, E> {
        self.scalar()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<bool, E> {
        self.scalar()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<bool, E> {
        self.scalar()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<bool, E> {
        self.scalar()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<bool, E> {
        self.scalar()
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        self.scalar()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        let Self { path, collected } = self;
        let Some((key, path)) = path.split_first() else {
            while !collected.is_complete() {
                let Some(item) = items.next_element_seed(Counted(collected))? else {
                    break;
                };
                collected
                    .push(item)
                    .map_err(|error| cut(collected, error))?;
            }
            return Ok(true);
        };
        let wanted = key.parse::<usize>().ok();
        let wanted = wanted.filter(|index| index.to_string() == *key);
        let mut is_found = false;
        for index in 0_usize.. {
            if Some(index) == wanted {
                let Some(found) = items.next_element_seed(Place {
                    path,
                    collected: &mut *collected,
                })?
                else {
                    break;
                };
                is_found = found;
            } else if items.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(is_found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let Self { path, collected } = self;
        let Some((wanted, path)) = path.split_first() else {
            let mut known = BTreeSet::new();
            while !collected.is_complete() {
                let Some(key) = members.next_key::<String>()? else {
                    break;
                };
                let value = members.next_value_seed(Counted(collected))?;
                if !known.insert(key.clone()) {
                    return Err(A::Error::custom("a key appears twice"));
                }
                collected
                    .push(pair(key, value))
                    .map_err(|error| cut(collected, error))?;
            }
            return Ok(true);
        };
        let mut is_found = false;
        while let Some(key) = members.next_key::<String>()? {
            if !is_found && key == *wanted {
                is_found = members.next_value_seed(Place {
                    path,
                    collected: &mut *collected,
                })?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(is_found)
    }
}

/// What a Map runs over when it is given an object: each member, as `{"Key", "Value"}`.
fn pair(key: String, value: Value) -> Value {
    let mut pair = Map::new();
    pair.insert("Key".to_owned(), Value::String(key));
    pair.insert("Value".to_owned(), value);
    Value::Object(pair)
}

/// A value, each value inside of which counts.
struct Counted<'a>(&'a mut Collected);

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        self.0.spend(1).map_err(|error| cut(self.0, error))?;
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Counted(self.0))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let value = members.next_value_seed(Counted(self.0))?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}
