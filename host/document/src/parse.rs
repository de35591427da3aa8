//! Text to [`Value`], refusing what a lenient parser would silently repair.

use std::fmt;

use serde_json::{Map, Number, Value};

use crate::Problem;

/// Parses one JSON text; duplicate member names and anything after the value are errors.
///
/// # Errors
/// One problem with line and column, or with the pointer of the duplicated member.
pub fn parse_json(text: &[u8]) -> Result<Value, Problem> {
    let text = std::str::from_utf8(text)
        .map_err(|error| Problem::new("", format!("not UTF-8 at byte {}", error.valid_up_to())))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde::de::DeserializeSeed::deserialize(Strict, &mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| Problem::new("", format!("malformed JSON: {error}")))?;
    Ok(value)
}

/// Parses one TOML text into the JSON shape of the same document.
///
/// # Errors
/// One problem with line and column.
pub fn parse_toml(text: &str) -> Result<Value, Problem> {
    toml::from_str::<Value>(text).map_err(|error| {
        let line = error.span().map_or(1, |span| {
            text.get(..span.start)
                .map_or(1, |before| before.matches('\n').count() + 1)
        });
        let message = error.message().replace('\n', " ");
        Problem::new("", format!("malformed TOML at line {line}: {message}"))
    })
}

/// Deserialises a [`Value`] that has no duplicate member names.
struct Strict;

impl<'de> serde::de::DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> serde::de::Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(serde::de::Error::custom(format_args!(
                    "member `{name}` appears twice in one object"
                )));
            }
            let value = members.next_value_seed(Strict)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_member_is_refused_with_its_line() {
        let problem = parse_json(b"{\"a\": 1,\n \"a\": 2}").unwrap_err();
        assert!(problem.message.contains("`a` appears twice"), "{problem}");
        assert!(problem.message.contains("line 2"), "{problem}");
    }

    #[test]
    fn trailing_text_is_refused() {
        assert!(parse_json(b"{} {}").is_err());
        assert!(parse_json(b"").is_err());
        assert!(parse_json(b"\xff").is_err());
    }

    #[test]
    fn deep_nesting_is_refused_rather_than_overflowing() {
        let text = "[".repeat(100_000);
        assert!(
            parse_json(text.as_bytes())
                .unwrap_err()
                .message
                .contains("recursion")
        );
    }

    #[test]
    fn numbers_survive_the_round_trip() {
        let value = parse_json(b"[45.285000000000004, 9007199254740993, 1.0]").unwrap();
        assert_eq!(
            value.to_string(),
            "[45.285000000000004,9007199254740993,1.0]"
        );
    }

    #[test]
    fn toml_errors_name_the_line() {
        let problem = parse_toml("a = 1\nb = = 2\n").unwrap_err();
        assert!(problem.message.contains("line 2"), "{problem}");
    }
}
