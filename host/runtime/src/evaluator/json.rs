//! Values as JSON text, bounded in depth and size, without recursion.

use serde_json::{Map, Value};

/// Levels of a value that is handed to an expression.
const DEPTH_MAX: usize = 512;

/// Writes the variables of a request.
///
/// # Errors
/// Which limit they are over.
pub(super) fn object(members: &Map<String, Value>, bytes_max: usize) -> Result<String, String> {
    let mut writer = Writer::new(bytes_max);
    writer.text.push(b'{');
    writer.open.push(Open::Object(members.iter(), true));
    writer.finish()
}

/// Writes a value.
///
/// # Errors
/// Which limit it is over.
pub(super) fn value(value: &Value, bytes_max: usize) -> Result<String, String> {
    let mut writer = Writer::new(bytes_max);
    writer.value(value)?;
    writer.finish()
}

/// What is being written, and whether its next member is the first.
enum Open<'a> {
    Array(std::slice::Iter<'a, Value>, bool),
    Object(serde_json::map::Iter<'a>, bool),
}

struct Writer<'a> {
    text: Vec<u8>,
    open: Vec<Open<'a>>,
    bytes_max: usize,
}

impl<'a> Writer<'a> {
    const fn new(bytes_max: usize) -> Self {
        Self {
            text: Vec::new(),
            open: Vec::new(),
            bytes_max,
        }
    }

    fn finish(mut self) -> Result<String, String> {
        while let Some(open) = self.open.last_mut() {
            match open {
                Open::Array(items, is_first) => match items.next() {
                    Some(item) => {
                        if !std::mem::take(is_first) {
                            self.text.push(b',');
                        }
                        self.value(item)?;
                    }
                    None => self.close(b']'),
                },
                Open::Object(members, is_first) => match members.next() {
                    Some((name, member)) => {
                        if !std::mem::take(is_first) {
                            self.text.push(b',');
                        }
                        self.plain(name)?;
                        self.text.push(b':');
                        self.value(member)?;
                    }
                    None => self.close(b'}'),
                },
            }
        }
        String::from_utf8(self.text).map_err(|error| error.to_string())
    }

    fn value(&mut self, value: &'a Value) -> Result<(), String> {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => self.plain(value)?,
            Value::String(text) => self.plain(text)?,
            Value::Array(items) => {
                self.text.push(b'[');
                self.open.push(Open::Array(items.iter(), true));
            }
            Value::Object(members) => {
                self.text.push(b'{');
                self.open.push(Open::Object(members.iter(), true));
            }
        }
        if self.open.len() > DEPTH_MAX {
            return Err(format!(
                "what the expression may read is nested deeper than {DEPTH_MAX} levels"
            ));
        }
        if self.text.len() > self.bytes_max {
            return Err(format!(
                "what the expression may read takes more than {} bytes",
                self.bytes_max
            ));
        }
        Ok(())
    }

    fn plain(&mut self, value: &impl serde::Serialize) -> Result<(), String> {
        serde_json::to_writer(&mut self.text, value).map_err(|error| error.to_string())
    }

    fn close(&mut self, bracket: u8) {
        self.open.pop();
        self.text.push(bracket);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_written_as_it_is() {
        let written = json!({"a": [1, 1.5, "x\"\n", null, true, [], {}], "b": {"c": [[2]]}});
        let text = value(&written, 1_000).unwrap();
        assert_eq!(text, serde_json::to_string(&written).unwrap());
        let members = written.as_object().unwrap();
        assert_eq!(object(members, 1_000).unwrap(), text);
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let deep = |levels: usize| (1..levels).fold(json!([]), |inner, _| json!([inner]));
        value(&deep(512), 10_000).unwrap();
        value(&deep(513), 10_000).unwrap_err();
        value(&json!("x".repeat(98)), 100).unwrap();
        value(&json!("x".repeat(99)), 100).unwrap_err();
    }
}
