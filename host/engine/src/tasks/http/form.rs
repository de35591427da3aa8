//! Members of an object as a query or a form: `name=value&list[0]=value`.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// How deep values may be nested.
const DEPTH_MAX: usize = 32;
/// The longest outcome, in bytes.
const BYTES_MAX: usize = 4 << 20;

/// How lists are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArrayFormat {
    /// `list[0]=a&list[1]=b`.
    Indices,
    /// `list=a&list=b`.
    Repeat,
    /// `list=a,b`.
    Commas,
    /// `list[]=a&list[]=b`.
    Brackets,
    /// `list=` and the list as JSON.
    Json,
}

/// What a space becomes.
#[derive(Clone, Copy)]
enum Space {
    Plus,
    Percent,
}

impl ArrayFormat {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "INDICES" => Some(Self::Indices),
            "REPEAT" => Some(Self::Repeat),
            "COMMAS" => Some(Self::Commas),
            "BRACKETS" => Some(Self::Brackets),
            "NONE" => Some(Self::Json),
            _ => None,
        }
    }
}

/// A request's body as a form.
///
/// # Errors
/// It is nested too deep or becomes too long.
pub(super) fn body(members: &Map<String, Value>, format: ArrayFormat) -> Result<String, String> {
    let mut pairs = Pairs::new(format, Space::Plus);
    pairs.members("", members, 0)?;
    Ok(pairs.text)
}

/// Query parameters; lists repeat their name.
///
/// # Errors
/// It is nested too deep or becomes too long.
pub(super) fn query(members: &Map<String, Value>) -> Result<String, String> {
    let mut pairs = Pairs::new(ArrayFormat::Repeat, Space::Percent);
    pairs.members("", members, 0)?;
    Ok(pairs.text)
}

struct Pairs {
    text: String,
    format: ArrayFormat,
    space: Space,
}

impl Pairs {
    fn new(format: ArrayFormat, space: Space) -> Self {
        Self {
            text: String::new(),
            format,
            space,
        }
    }

    fn members(
        &mut self,
        name: &str,
        members: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), String> {
        for (member, value) in members {
            let member = self.encoded(member);
            let member = match name {
                "" => member,
                name => format!("{name}[{member}]"),
            };
            self.value(&member, value, depth)?;
        }
        Ok(())
    }

    fn value(&mut self, name: &str, value: &Value, depth: usize) -> Result<(), String> {
        if depth >= DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} levels cannot be encoded"));
        }
        match value {
            Value::Object(members) => self.members(name, members, depth + 1),
            Value::Array(items) => self.list(name, items, value, depth + 1),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let text = self.encoded(&scalar(value));
                self.push(name, &text)
            }
        }
    }

    fn list(
        &mut self,
        name: &str,
        items: &[Value],
        list: &Value,
        depth: usize,
    ) -> Result<(), String> {
        match self.format {
            ArrayFormat::Json => {
                let text = self.encoded(&list.to_string());
                self.push(name, &text)
            }
            ArrayFormat::Commas => {
                let items = items.iter().map(|item| self.encoded(&scalar(item)));
                let text = items.collect::<Vec<_>>().join(",");
                self.push(name, &text)
            }
            ArrayFormat::Indices => (0_usize..)
                .zip(items)
                .try_for_each(|(index, item)| self.value(&format!("{name}[{index}]"), item, depth)),
            ArrayFormat::Brackets => {
                let name = format!("{name}[]");
                items
                    .iter()
                    .try_for_each(|item| self.value(&name, item, depth))
            }
            ArrayFormat::Repeat => items
                .iter()
                .try_for_each(|item| self.value(name, item, depth)),
        }
    }

    fn push(&mut self, name: &str, value: &str) -> Result<(), String> {
        if self.text.len() + name.len() + value.len() > BYTES_MAX {
            return Err(format!("encoded, it is longer than {BYTES_MAX} bytes"));
        }
        if !self.text.is_empty() {
            self.text.push('&');
        }
        self.text.push_str(name);
        self.text.push('=');
        self.text.push_str(value);
        Ok(())
    }

    fn encoded(&self, text: &str) -> String {
        let mut encoded = String::with_capacity(text.len());
        for byte in text.bytes() {
            match (byte, self.space) {
                (b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~', _) => {
                    encoded.push(char::from(byte));
                }
                (b' ', Space::Plus) => encoded.push('+'),
                // Writing to a String cannot fail.
                _ => drop(write!(encoded, "%{byte:02X}")),
            }
        }
        encoded
    }
}

/// A value without quotes; what is no single value, as JSON.
fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
