//! Makes guest text fit to be logged, stored and shown.
//!
//! Control characters and invisible reordering marks are escaped, so that a line stays a line
//! and reads the same everywhere.

use std::fmt::Write as _;

/// `text` with everything escaped that is not plain, cut after at most `bytes_max` bytes.
pub(crate) fn plain(text: &str, bytes_max: usize) -> String {
    escaped(text, bytes_max, |character| character == '\t')
}

/// Like [`plain`], but line feeds stay.
pub(crate) fn plain_lines(text: &str, bytes_max: usize) -> String {
    escaped(text, bytes_max, |character| {
        matches!(character, '\t' | '\n')
    })
}

/// The last `bytes_max` bytes of `text` or a little less, from the start of a character.
pub(crate) fn tail(text: &str, bytes_max: usize) -> &str {
    let from = text.ceil_char_boundary(text.len().saturating_sub(bytes_max));
    text.get(from..).unwrap_or_default()
}

fn escaped(text: &str, bytes_max: usize, stays: impl Fn(char) -> bool) -> String {
    let mut plain = String::with_capacity(text.len().min(bytes_max));
    for character in text.chars() {
        let before = plain.len();
        if stays(character) || !is_deceptive(character) {
            plain.push(character);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(plain, "\\u{{{:x}}}", u32::from(character));
        }
        if plain.len() > bytes_max {
            plain.truncate(before);
            break;
        }
    }
    plain
}

fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_direction_marks_are_escaped() {
        assert_eq!(plain("a\tb\nc\u{1b}[31m", 100), "a\tb\\u{a}c\\u{1b}[31m");
        assert_eq!(plain("x\u{202e}y", 100), "x\\u{202e}y");
        assert_eq!(plain_lines("a\nb\r", 100), "a\nb\\u{d}");
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(plain("ääää", 5), "ää");
        assert_eq!(plain("ab\n", 4), "ab");
        assert_eq!(tail("ääää", 5), "ää");
        assert_eq!(tail("ab", 5), "ab");
    }
}
