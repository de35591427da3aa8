//! Values as the service's runtime writes and tells them apart.
//!
//! Owns the text of values (that of Java's `toString`) and their hashes (that of Java's
//! `hashCode`), which the service shows in results. It does not know which functions do.

use serde_json::{Number, Value};

/// Adds `value` to `text`: texts without quotes, `[1, 2]`, `{a=1, b=[]}`.
pub(super) fn render(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => render_number(number, text),
        Value::String(inner) => text.push_str(inner),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(index, text);
                render(item, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                separate(index, text);
                text.push_str(name);
                text.push('=');
                render(member, text);
            }
            text.push('}');
        }
    }
}

/// The text of `value`.
pub(super) fn rendered(value: &Value) -> String {
    let mut text = String::new();
    render(value, &mut text);
    text
}

fn separate(index: usize, text: &mut String) {
    if index > 0 {
        text.push_str(", ");
    }
}

fn render_number(number: &Number, text: &mut String) {
    const PLAIN: std::ops::Range<f64> = 1e-3..1e7;
    match fraction(number) {
        Some(float) if float != 0.0 && !PLAIN.contains(&float.abs()) => {
            let scientific = format!("{float:e}");
            let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
            let point = if digits.contains('.') { "" } else { ".0" };
            text.push_str(&format!("{digits}{point}E{exponent}"));
        }
        Some(float) => text.push_str(&format!("{float:?}")),
        None => text.push_str(&number.to_string()),
    }
}

fn fraction(number: &Number) -> Option<f64> {
    number.as_f64().filter(|_| number.is_f64())
}

/// The hash of `value`.
pub(super) fn hash(value: &Value) -> i32 {
    match value {
        Value::Null => 0,
        Value::Bool(true) => 1231,
        Value::Bool(false) => 1237,
        Value::Number(number) => hash_number(number),
        Value::String(text) => hash_text(text),
        Value::Array(items) => items.iter().fold(1, |sum: i32, item| {
            sum.wrapping_mul(31).wrapping_add(hash(item))
        }),
        Value::Object(members) => members.iter().fold(0, |sum: i32, (name, member)| {
            sum.wrapping_add(hash_text(name) ^ hash(member))
        }),
    }
}

fn hash_text(text: &str) -> i32 {
    text.encode_utf16().fold(0, |sum: i32, unit| {
        sum.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

fn hash_number(number: &Number) -> i32 {
    if let Some(small) = number.as_i64().and_then(|whole| i32::try_from(whole).ok()) {
        return small;
    }
    let bits = match (fraction(number), number.as_i64(), number.as_u64()) {
        (Some(float), _, _) => float.to_bits(),
        (None, Some(whole), _) => whole.cast_unsigned(),
        (None, None, whole) => whole.unwrap_or(0),
    };
    let folded = (bits ^ (bits >> 32)) & u64::from(u32::MAX);
    u32::try_from(folded).unwrap_or(0).cast_signed()
}
