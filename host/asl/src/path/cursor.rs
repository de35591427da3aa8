//! Reads a path's text character by character.

/// A position in a text.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Steps over `expected` if it comes next.
    pub(super) fn eat(&mut self, expected: &str) -> bool {
        let comes = self.rest().starts_with(expected);
        if comes {
            self.at += expected.len();
        }
        comes
    }

    /// Steps over `expected` and the spaces before it, or fails.
    pub(super) fn expect(&mut self, expected: &str) -> Result<(), String> {
        self.skip_spaces();
        if self.eat(expected) {
            return Ok(());
        }
        Err(self.problem(&format!("expected `{expected}`")))
    }

    pub(super) fn skip_spaces(&mut self) {
        self.take_while(|next| next == ' ');
    }

    /// The characters from here on that fulfil `is_wanted`.
    pub(super) fn take_while(&mut self, is_wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|next| !is_wanted(next)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// A quoted text. A backslash keeps the quote or a backslash that follows it; before any
    /// other character it stands for itself, as the service reads it.
    pub(super) fn quoted(&mut self) -> Result<String, String> {
        let Some(quote @ ('\'' | '"')) = self.peek() else {
            return Err(self.problem("expected a quoted text"));
        };
        self.next();
        let mut text = String::new();
        while let Some(next) = self.next() {
            if next == quote {
                return Ok(text);
            }
            match self.peek() {
                Some(escaped) if next == '\\' && (escaped == quote || escaped == '\\') => {
                    text.push(escaped);
                    self.next();
                }
                _ => text.push(next),
            }
        }
        Err(self.problem(&format!("expected a closing `{quote}`")))
    }

    /// `message` with where it applies.
    pub(super) fn problem(&self, message: &str) -> String {
        let position = self.text.get(..self.at).unwrap_or_default().chars().count() + 1;
        match self.peek() {
            Some(found) => format!("{message} at character {position}, found `{found}`"),
            None => format!("{message} at character {position}, where it ends"),
        }
    }
}
