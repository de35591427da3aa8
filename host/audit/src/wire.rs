//! The shape of a link outside the store: HTTP answers and export files.
//!
//! `body` carries the hashed text byte for byte as a JSON string; `record` is the same text
//! parsed, for reading. Verifying uses `body`; a `record` that says something else is an error.

use ports::{Hash, Sealed};
use serde_json::{Map, Value, json};

/// Why a JSON value is not a link of an audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It is not JSON.
    #[error("not JSON: {0}")]
    Syntax(String),
    /// It is not an object.
    #[error("expected an object with `sequence`, `previous`, `hash`, `body` and `record`")]
    NotAnObject,
    /// A member is missing.
    #[error("member `{0}` is missing")]
    Missing(&'static str),
    /// A member is there that no link has.
    #[error("unknown member `{0}`")]
    Unknown(String),
    /// A member has the wrong form.
    #[error("member `{member}` is not {expected}")]
    Wrong {
        /// The member.
        member: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The readable record is not what was hashed.
    #[error("member `record` differs from the hashed text in `body`")]
    RecordDiffers,
}

const MEMBERS: [&str; 5] = ["sequence", "previous", "hash", "body", "record"];

/// A link as `{"sequence", "previous", "hash", "body", "record"}`. A damaged body that is not
/// JSON has the record `null`.
pub fn to_wire(link: &Sealed) -> Value {
    json!({
        "sequence": link.sequence,
        "previous": link.previous.to_string(),
        "hash": link.hash.to_string(),
        "body": link.body,
        "record": readable(&link.body),
    })
}

/// Reads back what [`to_wire`] wrote. The link is well-formed, not yet verified.
///
/// # Errors
/// Which member is missing, unknown or wrong.
pub fn from_wire(value: &Value) -> Result<Sealed, WireError> {
    let members = value.as_object().ok_or(WireError::NotAnObject)?;
    if let Some(unknown) = members
        .keys()
        .find(|name| !MEMBERS.contains(&name.as_str()))
    {
        return Err(WireError::Unknown(unknown.clone()));
    }
    let sequence = member(members, "sequence")?
        .as_u64()
        .ok_or(WireError::Wrong {
            member: "sequence",
            expected: "a whole number",
        })?;
    let previous = hash(members, "previous")?;
    let hash = hash(members, "hash")?;
    let body = member(members, "body")?.as_str().ok_or(WireError::Wrong {
        member: "body",
        expected: "a string",
    })?;
    if *member(members, "record")? != readable(body) {
        return Err(WireError::RecordDiffers);
    }
    Ok(Sealed {
        sequence,
        previous,
        hash,
        body: body.to_owned(),
    })
}

/// Reads one line of an export file, which holds one link as JSON.
///
/// # Errors
/// The line is not JSON, or not a link.
pub fn from_line(line: &str) -> Result<Sealed, WireError> {
    let value = serde_json::from_str(line).map_err(|error| WireError::Syntax(error.to_string()))?;
    from_wire(&value)
}

fn readable(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or(Value::Null)
}

fn member<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<&'a Value, WireError> {
    members.get(name).ok_or(WireError::Missing(name))
}

fn hash(members: &Map<String, Value>, name: &'static str) -> Result<Hash, WireError> {
    let wrong = WireError::Wrong {
        member: name,
        expected: "`sha256:` and 64 lower-case hexadecimal digits",
    };
    let text = member(members, name)?.as_str();
    text.and_then(Hash::parse).ok_or(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Sealed {
        Sealed {
            sequence: 7,
            previous: Hash([0xab; 32]),
            hash: Hash([0x01; 32]),
            body: "{\"b\":1.50,\"a\":\"\\u00e4\"}".to_owned(),
        }
    }

    #[test]
    fn the_hashed_text_survives_byte_for_byte() {
        let line = to_wire(&link()).to_string();
        assert_eq!(from_line(&line), Ok(link()));
        assert_eq!(to_wire(&link())["record"], json!({"a": "ä", "b": 1.5}));
    }

    #[test]
    fn a_body_that_is_not_json_still_travels() {
        let mut damaged = link();
        damaged.body.truncate(3);
        assert_eq!(from_wire(&to_wire(&damaged)), Ok(damaged));
    }

    #[test]
    fn every_malformed_link_is_refused_with_its_member() {
        let check = |change: &dyn Fn(&mut Value), expected: &str| {
            let mut value = to_wire(&link());
            change(&mut value);
            assert_eq!(from_wire(&value).unwrap_err().to_string(), expected);
        };
        check(
            &|v| v["sequence"] = json!(-1),
            "member `sequence` is not a whole number",
        );
        check(&|v| v["body"] = json!({}), "member `body` is not a string");
        check(&|v| v["extra"] = json!(1), "unknown member `extra`");
        check(
            &|v| drop(v.as_object_mut().unwrap().shift_remove("body")),
            "member `body` is missing",
        );
        check(
            &|v| v["record"]["b"] = json!(2),
            "member `record` differs from the hashed text in `body`",
        );
        check(
            &|v| *v = json!([]),
            "expected an object with `sequence`, `previous`, `hash`, `body` and `record`",
        );
        for text in [
            "",
            "sha256:",
            &format!("sha256:{}", "A".repeat(64)),
            &format!("sha256:{}", "é".repeat(32)),
        ] {
            check(
                &|v| v["hash"] = json!(text),
                "member `hash` is not `sha256:` and 64 lower-case hexadecimal digits",
            );
        }
        assert!(matches!(from_line("{").unwrap_err(), WireError::Syntax(_)));
    }
}
