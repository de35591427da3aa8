//! Paths of requests and the patterns that allow them.
//!
//! Owns how a path is read, so that this host and the one behind it cannot read it differently,
//! and which patterns lie inside which. Queries are not part of either.

use std::collections::BTreeSet;
use std::fmt;

use crate::names::quoted;

/// Most bytes of a pattern as written.
const PATTERN_BYTES_MAX: usize = 1024;
/// Most segments of a pattern; [`Set`] has a bit for each and one for the end.
const SEGMENTS_MAX: usize = 32;
/// Most `**` in a pattern: bounds the work of [`PathPattern::contains`].
const ANY_NUMBER_MAX: usize = 3;
/// Most bytes of a request's path and query.
const REQUEST_BYTES_MAX: usize = 8192;
/// Characters that become `.`, `/` or `\` when a server normalises compatibility forms (NFKC).
const LOOK_ALIKES: &str = "\u{2024}\u{2025}\u{2026}\u{2100}\u{2101}\u{2105}\u{2106}\u{fe19}\u{fe52}\u{fe68}\u{ff0e}\u{ff0f}\u{ff3c}";

/// A set of positions in a pattern, one bit each.
type Set = u64;

/// Which paths are allowed: whole segments, `*` for one and `**` for any number of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathPattern {
    tokens: Vec<Token>,
    end: End,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Token {
    Literal(String),
    One,
    AnyNumber,
}

/// Whether a slash follows the last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Bare,
    Slash,
    Either,
}

/// A request's path, decoded, without its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestPath {
    segments: Vec<String>,
    has_slash: bool,
}

impl RequestPath {
    /// Reads the path of `path?query`.
    ///
    /// # Errors
    /// Why another server could read the path differently.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > REQUEST_BYTES_MAX {
            return Err(format!("the path is longer than {REQUEST_BYTES_MAX} bytes"));
        }
        let path = text.split_once('?').map_or(text, |(path, _)| path);
        let (raw, has_slash) = segments(path)?;
        let segments = raw.into_iter().map(decode).collect::<Result<_, _>>()?;
        Ok(Self {
            segments,
            has_slash,
        })
    }
}

impl PathPattern {
    /// Parses a pattern such as `/v1/orders/*`.
    ///
    /// # Errors
    /// What is wrong and how to write it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(format!(
                "{} is longer than {PATTERN_BYTES_MAX} bytes",
                quoted(text)
            ));
        }
        if text.contains('?') {
            return Err(format!(
                "{} holds a query, patterns are of paths only",
                quoted(text)
            ));
        }
        let (raw, has_slash) = segments(text)?;
        if raw.len() > SEGMENTS_MAX {
            return Err(format!(
                "{} has more than {SEGMENTS_MAX} segments",
                quoted(text)
            ));
        }
        let tokens = raw.into_iter().map(token).collect::<Result<Vec<_>, _>>()?;
        let any_number = tokens.iter().filter(|token| **token == Token::AnyNumber);
        if any_number.count() > ANY_NUMBER_MAX {
            return Err(format!(
                "{} has more than {ANY_NUMBER_MAX} `**`",
                quoted(text)
            ));
        }
        let end = match (tokens.last(), has_slash) {
            (_, true) => End::Slash,
            (Some(Token::AnyNumber), false) => End::Either,
            (Some(Token::Literal(_) | Token::One) | None, false) => End::Bare,
        };
        Ok(Self { tokens, end })
    }

    /// Whether the pattern stands for `path`.
    pub(super) fn matches(&self, path: &RequestPath) -> bool {
        let is_end = match self.end {
            End::Bare => !path.has_slash,
            End::Slash => path.has_slash,
            End::Either => true,
        };
        let start = self.close(1);
        let reached = path
            .segments
            .iter()
            .fold(start, |set, segment| self.advance(set, Some(segment)));
        is_end && self.is_accepting(reached)
    }

    /// Whether the pattern stands for every path that `other` stands for; exact.
    ///
    /// Walks every pair of a position in `other` and the positions of `self` that the same
    /// segments can lead to. A wildcard of `other` is walked as a segment that no literal of
    /// `self` equals, which is the hardest to allow. Between two `**` of `other` the positions of
    /// `self` settle within as many steps as it has segments, so the pairs stay few.
    pub fn contains(&self, other: &Self) -> bool {
        if self.end != End::Either && self.end != other.end {
            return false;
        }
        let mut seen = BTreeSet::new();
        let mut open = vec![(0, self.close(1))];
        while let Some((position, set)) = open.pop() {
            if !seen.insert((position, set)) {
                continue;
            }
            match other.tokens.get(position) {
                None if self.is_accepting(set) => {}
                None => return false,
                Some(Token::Literal(segment)) => {
                    open.push((position + 1, self.advance(set, Some(segment))))
                }
                Some(Token::One) => open.push((position + 1, self.advance(set, None))),
                Some(Token::AnyNumber) => {
                    open.push((position + 1, set));
                    open.push((position, self.advance(set, None)));
                }
            }
        }
        true
    }

    /// The positions that `segment` leads to; `None` is a segment that no literal equals.
    fn advance(&self, set: Set, segment: Option<&String>) -> Set {
        let positions = self.tokens.iter().enumerate();
        let reached = positions.filter(|(position, _)| (set >> position) & 1 == 1);
        let next = reached.fold(0, |next: Set, (position, token)| match token {
            Token::AnyNumber => next | 1 << position,
            Token::One => next | 1 << (position + 1),
            Token::Literal(literal) if segment == Some(literal) => next | 1 << (position + 1),
            Token::Literal(_) => next,
        });
        self.close(next)
    }

    /// Adds what is reached by letting `**` stand for nothing.
    fn close(&self, set: Set) -> Set {
        let positions = self.tokens.iter().enumerate();
        positions.fold(set, |set, (position, token)| match token {
            Token::AnyNumber => set | ((set >> position) & 1) << (position + 1),
            Token::One | Token::Literal(_) => set,
        })
    }

    fn is_accepting(&self, set: Set) -> bool {
        (set >> self.tokens.len()) & 1 == 1
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for token in &self.tokens {
            match token {
                Token::One => formatter.write_str("/*")?,
                Token::AnyNumber => formatter.write_str("/**")?,
                Token::Literal(literal) => {
                    formatter.write_str("/")?;
                    literal
                        .bytes()
                        .try_for_each(|byte| write_byte(formatter, byte))?;
                }
            }
        }
        match self.end {
            End::Slash => formatter.write_str("/"),
            End::Bare | End::Either => Ok(()),
        }
    }
}

/// Splits a path at its slashes; only the last segment may be empty.
fn segments(path: &str) -> Result<(Vec<&str>, bool), String> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err(format!("{} does not begin with `/`", quoted(path)));
    };
    let mut segments: Vec<_> = rest.split('/').collect();
    let has_slash = segments.last() == Some(&"");
    if has_slash {
        segments.pop();
    }
    if segments.contains(&"") {
        return Err(format!("{} has an empty segment", quoted(path)));
    }
    Ok((segments, has_slash))
}

fn token(raw: &str) -> Result<Token, String> {
    match raw {
        "*" => Ok(Token::One),
        "**" => Ok(Token::AnyNumber),
        _ if raw.contains('*') => Err(format!(
            "{} mixes `*` with other characters, it stands for whole segments only",
            quoted(raw)
        )),
        _ => decode(raw).map(Token::Literal),
    }
}

/// Decodes one segment, refusing whatever servers are known to read in more than one way: dot
/// segments, encoded separators, double encodings, path parameters on nothing.
fn decode(raw: &str) -> Result<String, String> {
    let refused = |what: &str| Err(format!("segment {} {what}", quoted(raw)));
    let mut bytes = raw.bytes();
    let mut decoded = Vec::with_capacity(raw.len());
    while let Some(byte) = bytes.next() {
        let hexadecimal = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match byte {
            b'%' => match (hexadecimal(bytes.next()), hexadecimal(bytes.next())) {
                (Some(high), Some(low)) => decoded.extend(u8::try_from(high * 16 + low)),
                _ => return refused("has a malformed percent-encoding"),
            },
            b'\\' | b'#' => return refused("holds a backslash or `#`"),
            0x21..=0x7e => decoded.push(byte),
            _ => return refused("holds a character that must be percent-encoded"),
        }
    }
    let Ok(segment) = String::from_utf8(decoded) else {
        return refused("is not UTF-8");
    };
    let is_ambiguous = |character: char| {
        matches!(character, '/' | '\\' | '%' | '?' | '#') || LOOK_ALIKES.contains(character)
    };
    if segment.chars().any(char::is_control) {
        return refused("holds an encoded control character");
    }
    if segment.chars().any(is_ambiguous) {
        return refused("holds an encoded separator or percent sign");
    }
    let name = segment.split(';').next().unwrap_or_default();
    if name.chars().all(|character| matches!(character, '.' | ' ')) {
        return refused("is a dot segment");
    }
    Ok(segment)
}

/// Writes a byte of a literal as RFC 3986 section 3.3 wants it; `*` is encoded to stay a literal.
fn write_byte(formatter: &mut fmt::Formatter<'_>, byte: u8) -> fmt::Result {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            write!(formatter, "{}", char::from(byte))
        }
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'+' | b',' | b';' | b'=' | b':' | b'@' => {
            write!(formatter, "{}", char::from(byte))
        }
        _ => write!(formatter, "%{byte:02X}"),
    }
}

#[cfg(test)]
mod tests;
