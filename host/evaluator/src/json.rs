//! Values from JSON text and back, bounded in depth, size and number.

use jsonata_core::value::JValue;
use serde::Deserialize as _;

use crate::error::Failure;

/// Levels of a value read; the host keeps its own to this.
pub(crate) const READ_DEPTH_MAX: usize = 512;
/// Levels, values and bytes of a result.
const WRITTEN_DEPTH_MAX: usize = 100;
const WRITTEN_VALUES_MAX: usize = 300_000;
const WRITTEN_BYTES_MAX: usize = 2 << 20;
/// Below this, whole numbers are exact.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
/// From here on, numbers are written with an exponent.
const PLAIN_MAX: f64 = 1e21;

/// Reads one JSON value.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn read(text: &str) -> Result<JValue, String> {
    if depth(text) > READ_DEPTH_MAX {
        return Err(format!("it is nested deeper than {READ_DEPTH_MAX} levels"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.disable_recursion_limit();
    let value = JValue::deserialize(&mut deserializer).map_err(|error| error.to_string())?;
    deserializer.end().map_err(|error| error.to_string())?;
    Ok(value)
}

/// The most brackets open at once outside of strings.
fn depth(text: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                open += 1;
                deepest = deepest.max(open);
            }
            b']' | b'}' if !in_string => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Writes a result, `None` for undefined.
///
/// # Errors
/// It holds a function or a number without a value, or is too deep, too long or too large.
pub(crate) fn write(value: &JValue) -> Result<Option<String>, Failure> {
    if value.is_undefined() {
        return Ok(None);
    }
    let mut writer = Writer::default();
    writer.value(value)?;
    while let Some(open) = writer.open.pop() {
        writer.resume(open)?;
    }
    String::from_utf8(writer.text)
        .map(Some)
        .map_err(|_| Failure::Unsupported)
}

/// An array or object that is being written.
struct Open<'a> {
    value: &'a JValue,
    next: usize,
    has_members: bool,
}

#[derive(Default)]
struct Writer<'a> {
    text: Vec<u8>,
    open: Vec<Open<'a>>,
    values: usize,
}

impl<'a> Writer<'a> {
    /// Writes a scalar, or opens an array or object.
    fn value(&mut self, value: &'a JValue) -> Result<(), Failure> {
        self.values += 1;
        if self.values > WRITTEN_VALUES_MAX {
            return Err(limit("values", WRITTEN_VALUES_MAX));
        }
        match value {
            JValue::Null | JValue::Undefined => self.text.extend_from_slice(b"null"),
            JValue::Bool(true) => self.text.extend_from_slice(b"true"),
            JValue::Bool(false) => self.text.extend_from_slice(b"false"),
            JValue::Number(number) => number_text(*number, &mut self.text)?,
            JValue::String(text) => self.string(text)?,
            JValue::Array(_) | JValue::Object(_) => {
                if self.open.len() >= WRITTEN_DEPTH_MAX {
                    return Err(limit("levels", WRITTEN_DEPTH_MAX));
                }
                let bracket = if value.is_array() { b'[' } else { b'{' };
                self.text.push(bracket);
                self.open.push(Open {
                    value,
                    next: 0,
                    has_members: false,
                });
            }
            JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. } => {
                return Err(Failure::Unsupported);
            }
        }
        if self.text.len() > WRITTEN_BYTES_MAX {
            return Err(limit("bytes", WRITTEN_BYTES_MAX));
        }
        Ok(())
    }

    /// Goes on with the next member, or closes.
    fn resume(&mut self, mut open: Open<'a>) -> Result<(), Failure> {
        let Some(members) = open.value.as_object() else {
            let Some(item) = open.value.get_index(open.next) else {
                self.text.push(b']');
                return Ok(());
            };
            self.separate(&mut open);
            self.open.push(open);
            return self.value(item);
        };
        let Some((name, member)) = members.get_index(open.next) else {
            self.text.push(b'}');
            return Ok(());
        };
        if member.is_undefined() {
            open.next += 1;
            self.open.push(open);
            return Ok(());
        }
        self.separate(&mut open);
        self.open.push(open);
        self.string(name)?;
        self.text.push(b':');
        self.value(member)
    }

    fn separate(&mut self, open: &mut Open<'a>) {
        if open.has_members {
            self.text.push(b',');
        }
        open.has_members = true;
        open.next += 1;
    }

    fn string(&mut self, text: &str) -> Result<(), Failure> {
        if text.len() > WRITTEN_BYTES_MAX {
            return Err(limit("bytes", WRITTEN_BYTES_MAX));
        }
        serde_json::to_writer(&mut self.text, text).map_err(|_| Failure::Unsupported)
    }
}

fn limit(of: &str, max: usize) -> Failure {
    Failure::Limit(format!("the result has more than {max} {of}"))
}

/// Writes a number as `JSON.stringify` does.
fn number_text(number: f64, text: &mut Vec<u8>) -> Result<(), Failure> {
    if !number.is_finite() {
        return Err(Failure::Unsupported);
    }
    if number.fract() == 0.0 && number.abs() < WHOLE_MAX {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole and within 2 to the 53rd"
        )]
        let whole = number as i64;
        text.extend_from_slice(whole.to_string().as_bytes());
        return Ok(());
    }
    let shortest = format!("{number:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    if number.abs() >= PLAIN_MAX {
        text.extend_from_slice(format!("{digits}e+{exponent}").as_bytes());
    } else if number.abs() >= WHOLE_MAX {
        let exponent: usize = exponent.parse().unwrap_or(0);
        let plain: String = digits.chars().filter(|digit| *digit != '.').collect();
        let sign = usize::from(number < 0.0);
        text.extend_from_slice(format!("{plain:0<width$}", width = exponent + 1 + sign).as_bytes());
    } else if number.abs() < 1e-6 {
        text.extend_from_slice(shortest.as_bytes());
    } else {
        text.extend_from_slice(number.to_string().as_bytes());
    }
    Ok(())
}
