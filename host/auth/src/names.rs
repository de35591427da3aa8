//! Names, versions and digests that documents refer to each other by.

use std::fmt;

use document::{Node, Problems};
use serde::{Deserialize, Serialize};

/// The name of a component, role, state machine or execution: `[A-Za-z0-9_-]{1,80}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// Parses a name.
    ///
    /// # Errors
    /// A message that says which characters and lengths are allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if (1..=80).contains(&text.len()) && text.bytes().all(is_plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "{} is not a name, use 1 to 80 of the characters A-Z a-z 0-9 _ -",
            quoted(text)
        ))
    }

    /// Reads a name out of a document, or records the problem.
    pub(crate) fn read(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        let name = Self::parse(node.string(problems)?);
        name.map_err(|message| node.problem(message, problems)).ok()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A name that the service would accept for an execution or an activity: 1 to 80 characters
/// without white space, brackets, wildcards, other special characters or control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ServiceName(String);

impl ServiceName {
    /// Parses a name.
    ///
    /// # Errors
    /// A message that says which characters and lengths are allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_special = |c: char| "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c);
        let is_noncharacter = |c: char| matches!(u32::from(c), 0xFFFE | 0xFFFF | 0x0010_FFFF);
        let is_forbidden =
            |c: char| c.is_whitespace() || c.is_control() || is_special(c) || is_noncharacter(c);
        let length = text.chars().take(81).count();
        if (1..=80).contains(&length) && !text.contains(is_forbidden) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "{} is not a name, use 1 to 80 characters without white space, brackets, wildcards and \" # % \\ ^ | ~ ` $ & , ; : /",
            quoted(text)
        ))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Name> for ServiceName {
    fn from(name: Name) -> Self {
        Self(name.0)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ServiceName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The sha256 of some bytes: `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        let mut text = String::from("sha256:");
        for byte in sha2::Sha256::digest(bytes) {
            text.push_str(&format!("{byte:02x}"));
        }
        Self(text)
    }

    /// Parses `sha256:` and 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:")?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (hex.len() == 64 && hex.bytes().all(is_hex)).then(|| Self(text.to_owned()))
    }

    /// The digest as text, with its `sha256:`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a sha256 digest"))
    }
}

/// The first hundred characters of some user's text, in backticks and on one line, for messages.
pub(crate) fn quoted(text: &str) -> String {
    let start: String = text.chars().take(100).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", start.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_bounded() {
        assert!(Name::parse("charge-card_2").is_ok());
        for text in ["", "a b", "a/b", "ä", &"x".repeat(81), "a\n"] {
            assert!(Name::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_of_the_service_may_hold_dots_and_letters_of_any_script() {
        for text in [
            "a.b",
            "Bestellung-ä",
            "订单",
            &"x".repeat(80),
            "a+b=c@d!('e')",
        ] {
            assert!(ServiceName::parse(text).is_ok(), "{text:?}");
        }
        let long = "x".repeat(81);
        for text in [
            "", "a b", "a/b", "a:b", "a#b", "\0a", "a\u{7f}", "a\u{85}", "[a", &long,
        ] {
            assert!(ServiceName::parse(text).is_err(), "{text:?}");
        }
        let name = Name::parse("a_b-c").unwrap();
        assert!(ServiceName::parse(ServiceName::from(name).as_str()).is_ok());
    }

    #[test]
    fn digests_read_back_as_written() {
        let digest = Digest::of(b"");
        assert_eq!(
            digest.as_str(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(Digest::parse(digest.as_str()), Some(digest.clone()));
        assert_eq!(Digest::parse(&digest.as_str().to_uppercase()), None);
    }
}
