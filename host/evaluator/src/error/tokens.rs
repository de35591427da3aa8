//! The parser's names of tokens, and how they are written in an expression.

const SYMBOLS: &[(&str, &str)] = &[
    ("Ampersand", "&"),
    ("And", "and"),
    ("At", "@"),
    ("Caret", "^"),
    ("Colon", ":"),
    ("ColonEqual", ":="),
    ("Comma", ","),
    ("Dot", "."),
    ("DotDot", ".."),
    ("Eof", "(end)"),
    ("Equal", "="),
    ("False", "false"),
    ("GreaterThan", ">"),
    ("GreaterThanOrEqual", ">="),
    ("Hash", "#"),
    ("In", "in"),
    ("LeftBrace", "{"),
    ("LeftBracket", "["),
    ("LeftParen", "("),
    ("LessThan", "<"),
    ("LessThanOrEqual", "<="),
    ("Minus", "-"),
    ("NotEqual", "!="),
    ("Null", "null"),
    ("Or", "or"),
    ("Percent", "%"),
    ("Pipe", "|"),
    ("Plus", "+"),
    ("Question", "?"),
    ("QuestionColon", "?:"),
    ("QuestionQuestion", "??"),
    ("RightBrace", "}"),
    ("RightBracket", "]"),
    ("RightParen", ")"),
    ("Semicolon", ";"),
    ("Slash", "/"),
    ("Star", "*"),
    ("StarStar", "**"),
    ("TildeArrow", "~>"),
    ("True", "true"),
    ("Undefined", "undefined"),
];

/// Kinds of tokens that carry what was written, with what stands before it.
const WRITTEN: &[(&str, &str)] = &[
    (" Function(", ""),
    (" Identifier(", ""),
    (" Number(", ""),
    (" ParentVariable(", "$$"),
    (" String(", ""),
    (" Variable(", "$"),
];

/// Writes a message with tokens as they are in an expression.
pub(super) fn written(message: &str) -> String {
    let message = unwrapped(message);
    let words = message.split(' ').map(|word| {
        let name = word.trim_end_matches(',');
        let symbol = SYMBOLS.iter().find(|(token, _)| *token == name);
        match symbol {
            Some((_, symbol)) => format!("\"{symbol}\"{}", word.get(name.len()..).unwrap_or("")),
            None => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Takes what was written out of the token at the message's end.
fn unwrapped(message: &str) -> String {
    for (kind, sigil) in WRITTEN {
        if let Some((before, token)) = message.split_once(kind)
            && let Some(token) = token.strip_suffix(')')
        {
            let token = token.trim_matches('"');
            return format!("{before} \"{sigil}{token}\"");
        }
    }
    message.to_owned()
}
