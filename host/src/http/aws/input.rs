//! Inputs of executions: JSON text, and the service's words for text that is none.
//!
//! The service's parser names the first character or token that cannot stand where it does.

use serde_json::Value;

const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// Parses an input.
///
/// # Errors
/// What is wrong, as the service says it.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    if text.trim_ascii().is_empty() {
        return Err("Invalid execution input.".to_owned());
    }
    serde_json::from_str(text).map_err(|error| {
        let told = Scanner::new(text).first_error();
        told.unwrap_or_else(|| format!("Invalid JSON: {error}"))
    })
}

/// What the parser waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Value,
    FirstElement,
    FirstName,
    Name,
    Colon,
    CommaOrEnd,
    Nothing,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Whether each open container is an object.
    open: Vec<bool>,
    expected: Expected,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            open: Vec::new(),
            expected: Expected::Value,
        }
    }

    /// The first error; `None` if this scanner sees none.
    fn first_error(mut self) -> Option<String> {
        loop {
            let rest = self.text.get(self.at..)?;
            let next = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            self.at += rest.len() - next.len();
            let Some(character) = next.chars().next() else {
                return self.unexpected_end();
            };
            if let Err(message) = self.step(character, next) {
                return Some(message);
            }
        }
    }

    fn step(&mut self, character: char, rest: &str) -> Result<(), String> {
        match (self.expected, character) {
            (Expected::Nothing, _) if is_word(character) => Err(unrecognized(rest)),
            (Expected::Nothing, _) => {
                self.at = self.text.len();
                Ok(())
            }
            (Expected::FirstElement, ']') | (Expected::FirstName, '}') => self.close(),
            (Expected::Value | Expected::FirstElement, _) => self.value(character, rest),
            (Expected::FirstName | Expected::Name, '"') => self.string(Expected::Colon, rest),
            (Expected::FirstName | Expected::Name, _) => Err(unexpected(
                character,
                "was expecting double-quote to start field name",
            )),
            (Expected::Colon, ':') => self.advance(1, Expected::Value),
            (Expected::Colon, _) => Err(unexpected(
                character,
                "was expecting a colon to separate field name and value",
            )),
            (Expected::CommaOrEnd, ',') => {
                let next = match self.open.last() {
                    Some(true) => Expected::Name,
                    Some(false) | None => Expected::Value,
                };
                self.advance(1, next)
            }
            (Expected::CommaOrEnd, '}') if self.open.last() == Some(&true) => self.close(),
            (Expected::CommaOrEnd, ']') if self.open.last() == Some(&false) => self.close(),
            (Expected::CommaOrEnd, _) => {
                let kind = match self.open.last() {
                    Some(true) => "Object",
                    Some(false) | None => "Array",
                };
                let expected = format!("was expecting comma to separate {kind} entries");
                Err(unexpected(character, &expected))
            }
        }
    }

    fn value(&mut self, character: char, rest: &str) -> Result<(), String> {
        match character {
            '{' | '[' => {
                let is_object = character == '{';
                self.open.push(is_object);
                let next = match is_object {
                    true => Expected::FirstName,
                    false => Expected::FirstElement,
                };
                self.advance(1, next)
            }
            '"' => self.string(self.after_value(), rest),
            '-' | '0'..='9' => {
                let is_end = |c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c));
                let length = rest.find(is_end).unwrap_or(rest.len());
                self.advance(length, self.after_value())
            }
            _ if is_word(character) => {
                let word = word(rest);
                match word {
                    "null" | "true" | "false" => self.advance(word.len(), self.after_value()),
                    _ => Err(unrecognized(rest)),
                }
            }
            _ => Err(unexpected(
                character,
                "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
            )),
        }
    }

    fn string(&mut self, next: Expected, rest: &str) -> Result<(), String> {
        let mut is_escaped = false;
        for (at, character) in rest.char_indices().skip(1) {
            match character {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => return self.advance(at + 1, next),
                _ => {}
            }
        }
        Err("Unexpected end-of-input: was expecting closing quote for a string value".to_owned())
    }

    fn close(&mut self) -> Result<(), String> {
        self.open.pop();
        self.advance(1, self.after_value())
    }

    fn advance(&mut self, bytes: usize, next: Expected) -> Result<(), String> {
        self.at += bytes;
        self.expected = next;
        Ok(())
    }

    fn after_value(&self) -> Expected {
        match self.open.is_empty() {
            true => Expected::Nothing,
            false => Expected::CommaOrEnd,
        }
    }

    fn unexpected_end(&self) -> Option<String> {
        let kind = match self.open.last()? {
            true => "Object",
            false => "Array",
        };
        Some(format!(
            "Unexpected end-of-input: expected close marker for {kind}"
        ))
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$'
}

fn word(rest: &str) -> &str {
    let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    rest.get(..end).unwrap_or(rest)
}

fn unrecognized(rest: &str) -> String {
    let word: String = word(rest).chars().take(256).collect();
    format!("Unrecognized token '{word}': was expecting {VALUES}")
}

fn unexpected(character: char, expected: &str) -> String {
    let code = u32::from(character);
    format!("Unexpected character ('{character}' (code {code})): {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_told_as_the_service_tells_it() {
        let table = [
            ("", "Invalid execution input."),
            (
                "not some json",
                "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
            ),
            (
                "{'not': 'json'",
                "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
            ),
            (
                "{\"a\" 1}",
                "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
            ),
            (
                "[1 2]",
                "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries",
            ),
            (
                "{\"a\": 1",
                "Unexpected end-of-input: expected close marker for Object",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn any_json_value_is_an_input() {
        for text in ["2", "\"some text\"", "null", " {} ", "[1.5e3]"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn text_of_any_kind_is_refused_with_some_words() {
        let deep = "[".repeat(100_000);
        for text in [
            "{",
            "]",
            "1 x",
            "\"",
            "{\"a\":}",
            "[1,]",
            "\u{0}",
            "01",
            "ä",
            deep.as_str(),
        ] {
            assert!(!parse(text).unwrap_err().is_empty(), "{text:.9}");
        }
    }
}
