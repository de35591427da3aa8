//! YAML definitions as the JSON values they stand for.
//!
//! Only what JSON can say is accepted: no tags, no duplicate or non-text keys, no infinities,
//! and no text whose aliases unfold to more than was sent.

use std::cell::Cell;
use std::fmt;

use document::Problem;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Parses one YAML document.
///
/// # Errors
/// One problem with line and column.
pub(super) fn parse_yaml(text: &[u8]) -> Result<Value, Problem> {
    let malformed = |error: &dyn fmt::Display| {
        let message = error.to_string().replace('\n', " ");
        Problem::new("", format!("malformed YAML: {message}"))
    };
    let text = std::str::from_utf8(text)
        .map_err(|error| malformed(&format_args!("not UTF-8 at byte {}", error.valid_up_to())))?;
    // A text of n bytes spells at most n values and, escapes counted, 2n bytes of strings;
    // more can only come from aliases.
    let budget = Budget(Cell::new(text.len().saturating_mul(3).saturating_add(16)));
    let deserializer = serde_yaml_ng::Deserializer::from_str(text);
    (&budget)
        .deserialize(deserializer)
        .map_err(|error| malformed(&error))
}

/// Deserialises a [`Value`] while counting what it grows to.
struct Budget(Cell<usize>);

impl Budget {
    fn spend<E: Error>(&self, cost: usize) -> Result<(), E> {
        match self.0.get().checked_sub(cost) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => Err(E::custom(
                "the aliases unfold to more than the text itself, write it out",
            )),
        }
    }
}

impl<'de> DeserializeSeed<'de> for &Budget {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.spend(1)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &Budget {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value that JSON can say")
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

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).map(Value::Number);
        number.ok_or_else(|| E::custom("`.inf` and `.nan` are no JSON numbers"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.spend(value.len())?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            self.spend(name.len())?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!(
                    "member `{name}` appears twice"
                )));
            }
            let value = members.next_value_seed(self)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(text: &str, expected: &str) {
        let problem = parse_yaml(text.as_bytes()).unwrap_err();
        assert!(problem.message.contains(expected), "{problem}");
    }

    #[test]
    fn a_definition_reads_as_its_json() {
        let text = "StartAt: A\nStates:\n  A:\n    Type: Wait\n    Seconds: 1\n    End: true\n";
        let expected = json!({
            "StartAt": "A",
            "States": {"A": {"Type": "Wait", "Seconds": 1, "End": true}},
        });
        assert_eq!(parse_yaml(text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn small_aliases_are_allowed_and_bombs_are_not() {
        let small = "a: &x {retry: 1, long-enough: [1, 2, 3]}\nb: *x\n";
        assert_eq!(parse_yaml(small.as_bytes()).unwrap()["b"]["retry"], 1);
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let list = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        assert!(parse_yaml(bomb.as_bytes()).is_err());
        let text = "y".repeat(10_000);
        let copies = vec!["*a"; 10_000].join(", ");
        refused(&format!("a: &a \"{text}\"\nb: [{copies}]\n"), "aliases");
    }

    #[test]
    fn what_json_cannot_say_is_refused() {
        refused("a: 1\na: 2\n", "`a` appears twice");
        refused("a: .nan\n", "no JSON numbers");
        assert!(parse_yaml(b"a: !tag x\n").is_err());
        assert!(parse_yaml(b"? [a]\n: b\n").is_err());
        assert!(parse_yaml(b"--- 1\n--- 2\n").is_err());
        assert!(parse_yaml(b"\xff").is_err());
        assert!(parse_yaml(b"a: *nobody\n").is_err());
    }

    #[test]
    fn deep_nesting_is_refused_rather_than_overflowing() {
        assert!(parse_yaml("[".repeat(100_000).as_bytes()).is_err());
        let open = "- ".repeat(20_000);
        assert!(parse_yaml(format!("{open}x").as_bytes()).is_err());
    }
}
