//! Text to calls.

use serde_json::{Number, Value};

use super::argument::{Argument, Call, Variable};
use super::function::Function;
use super::template::Template;
use crate::path::Path;

/// How deep calls may nest (the service's quota).
const DEPTH_MAX: usize = 10;

/// Parses `text`, which is one call.
pub(super) fn call(text: &str) -> Result<Call, String> {
    let mut parser = Parser { text, at: 0 };
    parser.skip_spaces();
    let call = parser.call(DEPTH_MAX)?;
    parser.skip_spaces();
    if parser.rest().is_empty() {
        return Ok(call);
    }
    Err(parser.problem("expected nothing after the call"))
}

/// A position in a text.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn call(&mut self, depth_left: usize) -> Result<Call, String> {
        let Some(depth_left) = depth_left.checked_sub(1) else {
            return Err(self.problem(&format!("functions nest at most {DEPTH_MAX} levels deep")));
        };
        let start = self.at;
        let name = self.take_while(|next| next.is_ascii_alphanumeric() || next == '.');
        let Some(function) = Function::named(name) else {
            self.at = start;
            return Err(self.problem("expected the name of an intrinsic function"));
        };
        self.expect('(')?;
        let arguments = self.arguments(depth_left)?;
        if !function.arity().contains(&arguments.len()) {
            self.at = start;
            return Err(self.problem(&format!(
                "`{function}` takes {}, not {}",
                function.arity_words(),
                arguments.len()
            )));
        }
        Ok(Call {
            function,
            arguments,
        })
    }

    fn arguments(&mut self, depth_left: usize) -> Result<Vec<Argument>, String> {
        let mut arguments = Vec::new();
        self.skip_spaces();
        if self.eat(')') {
            return Ok(arguments);
        }
        loop {
            self.skip_spaces();
            arguments.push(self.argument(depth_left)?);
            self.skip_spaces();
            if self.eat(')') {
                return Ok(arguments);
            }
            if !self.eat(',') {
                return Err(self.problem("expected `,` or `)`"));
            }
        }
    }

    fn argument(&mut self, depth_left: usize) -> Result<Argument, String> {
        match self.peek() {
            Some('\'') => self.quoted(),
            Some('$') => self.place(),
            Some('-' | '0'..='9') => self.number(),
            Some('S') => self.call(depth_left).map(Argument::Call),
            Some(_) | None => self.word(),
        }
    }

    /// A text in single quotes. A backslash stands before a quote, a brace or a backslash.
    fn quoted(&mut self) -> Result<Argument, String> {
        self.expect('\'')?;
        let start = self.at;
        let mut value = String::new();
        loop {
            let end = self.at;
            match self.next() {
                Some('\'') => {
                    let raw = self.text.get(start..end).unwrap_or_default();
                    return Ok(Argument::Text {
                        value: Value::String(value),
                        template: Template::parse(raw),
                    });
                }
                Some('\\') => match self.peek() {
                    Some(escaped @ ('\'' | '{' | '}' | '\\')) => {
                        value.push(escaped);
                        self.next();
                    }
                    Some(_) | None => {
                        return Err(self.problem("expected `'`, `{`, `}` or `\\` after `\\`"));
                    }
                },
                Some(next) => value.push(next),
                None => return Err(self.problem("expected a closing `'`")),
            }
        }
    }

    /// A path, or a variable with a path into it.
    fn place(&mut self) -> Result<Argument, String> {
        let start = self.at;
        let text = self.place_text();
        let parsed = variable(text).map_or_else(
            || Path::parse(text).map(Argument::Path),
            |(name, steps)| {
                let path = Path::parse(&format!("${steps}"))?;
                Ok(Argument::Variable(Variable {
                    text: text.to_owned(),
                    name: name.to_owned(),
                    path,
                }))
            },
        );
        parsed.map_err(|problem| {
            let position = self.position(start);
            format!("`{text}` at character {position} is not a path: {problem}")
        })
    }

    /// Goes to the `,` or `)` that ends a path; those in quotes, brackets and filters do not.
    fn place_text(&mut self) -> &'a str {
        let start = self.at;
        let mut open = 0_usize;
        let mut quote = None;
        while let Some(next) = self.peek() {
            match (quote, next) {
                (Some(_), '\\') => {
                    self.next();
                }
                (Some(closing), _) if next == closing => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => quote = Some(next),
                (None, '[' | '(') => open += 1,
                (None, ',' | ')') if open == 0 => break,
                (None, ']' | ')') => open = open.saturating_sub(1),
                (None, _) => {}
            }
            self.next();
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        text.trim_end_matches(is_space)
    }

    fn number(&mut self) -> Result<Argument, String> {
        let start = self.at;
        let text = self.take_while(|next| {
            next.is_ascii_digit() || matches!(next, '-' | '+' | '.' | 'e' | 'E')
        });
        serde_json::from_str::<Number>(text)
            .map(|number| Argument::Literal(Value::Number(number)))
            .map_err(|_| {
                self.at = start;
                self.problem("expected a number as JSON has it")
            })
    }

    fn word(&mut self) -> Result<Argument, String> {
        let start = self.at;
        let value = match self.take_while(|next| next.is_ascii_alphanumeric()) {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => {
                self.at = start;
                return Err(self.problem(
                    "expected a text in single quotes, a number, `null`, `true`, `false`, a path, a variable or a call",
                ));
            }
        };
        Ok(Argument::Literal(value))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, expected: char) -> bool {
        let comes = self.peek() == Some(expected);
        if comes {
            self.at += expected.len_utf8();
        }
        comes
    }

    fn expect(&mut self, expected: char) -> Result<(), String> {
        if self.eat(expected) {
            return Ok(());
        }
        Err(self.problem(&format!("expected `{expected}`")))
    }

    fn skip_spaces(&mut self) {
        self.take_while(is_space);
    }

    fn take_while(&mut self, is_wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|next| !is_wanted(next)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Which character, from 1, the byte `at` is.
    fn position(&self, at: usize) -> usize {
        self.text.get(..at).unwrap_or_default().chars().count() + 1
    }

    /// `message` with where it applies.
    fn problem(&self, message: &str) -> String {
        let position = self.position(self.at);
        match self.peek() {
            Some(found) => format!("{message} at character {position}, found `{found}`"),
            None => format!("{message} at character {position}, where it ends"),
        }
    }
}

/// The name of the variable that `text` starts with, and the steps after it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let name = text.strip_prefix('$')?;
    let end = name
        .find(|next: char| !(next.is_alphanumeric() || next == '_'))
        .unwrap_or(name.len());
    name.split_at_checked(end)
        .filter(|(name, _)| !name.is_empty())
}

fn is_space(next: char) -> bool {
    matches!(next, ' ' | '\t' | '\n' | '\r')
}
