//! The patterns of `StringMatches`.

/// Whether all of `text` matches `pattern`: `*` stands for any text, `\*` for a star and `\\` for
/// a backslash. Takes time linear in both.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pieces = pieces(pattern);
    let Some((first, rest)) = pieces.split_first() else {
        return text.is_empty();
    };
    let Some((last, middle)) = rest.split_last() else {
        return text == first;
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else {
        return false;
    };
    for piece in middle {
        let Some((_, after)) = rest.split_once(piece.as_str()) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last.as_str())
}

/// The literal texts between the stars.
fn pieces(pattern: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some(&escaped @ ('*' | '\\'))) => {
                characters.next();
                piece.push(escaped);
            }
            ('*', _) => pieces.push(std::mem::take(&mut piece)),
            _ => piece.push(character),
        }
    }
    pieces.push(piece);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
    }

    #[test]
    fn a_star_stands_for_any_text() {
        check("log-*.txt", "log-2026.txt", true);
        check("log-*.txt", "log-.txt", true);
        check("log-*.txt", "log-2026.txt.gz", false);
        check("*", "", true);
        check("**", "x", true);
        check("", "", true);
        check("", "x", false);
        check("a*b*c", "a1b2c", true);
        check("a*b*c", "a1c2b", false);
        check("*ä*", "xäy", true);
        check("ab*bc", "abc", false);
        check("ab", "abc", false);
    }

    #[test]
    fn a_backslash_takes_a_star_literally() {
        check(r"a\*b", "a*b", true);
        check(r"a\*b", "axb", false);
        check(r"a\\*b", r"a\xb", true);
        check(r"a\\\*b", r"a\*b", true);
        check(r"a\xb", r"a\xb", true);
        check("a\\", "a\\", true);
    }

    #[test]
    fn many_stars_do_not_multiply_the_work() {
        let text = "a".repeat(100_000);
        check(&"*a".repeat(10_000), &text, true);
        check(&format!("{}b", "a*".repeat(10_000)), &text, false);
    }
}
