//! Reading of lists and reasons, the same for every capability.

use document::{Fields, Node, Problems};

use super::Shape;
use crate::names::quoted;

/// Most entries of one kind in one document.
pub(super) const ENTRIES_MAX: usize = 32;
/// Most characters of a reason or description.
const PROSE_CHARS_MAX: usize = 1000;

/// Reads the array of tables `name`, if it is there.
pub(super) fn entries<'a>(
    fields: &mut Fields<'a>,
    name: &'static str,
    problems: &mut Problems,
) -> Vec<Node<'a>> {
    let Some(node) = fields.optional(name) else {
        return Vec::new();
    };
    let Some(items) = node.array(problems) else {
        return Vec::new();
    };
    if items.len() > ENTRIES_MAX {
        node.problem(
            format!("{} entries, at most {ENTRIES_MAX} are allowed", items.len()),
            problems,
        );
        return Vec::new();
    }
    items
}

/// Reads a list of at least one text, each parsed and no two the same.
pub(super) fn list<T: PartialEq>(
    node: Option<Node<'_>>,
    parse: impl Fn(&str) -> Result<T, String>,
    problems: &mut Problems,
) -> Vec<T> {
    let Some(node) = node else { return Vec::new() };
    let Some(items) = node.array(problems) else {
        return Vec::new();
    };
    if items.is_empty() || items.len() > ENTRIES_MAX {
        let message = format!("{} values, list 1 to {ENTRIES_MAX}", items.len());
        node.problem(message, problems);
        return Vec::new();
    }
    let mut list: Vec<T> = Vec::new();
    for item in items {
        let Some(text) = item.string(problems) else {
            continue;
        };
        match parse(text) {
            Ok(value) if list.contains(&value) => {
                item.problem(format!("{} is listed twice", quoted(text)), problems);
            }
            Ok(value) => list.push(value),
            Err(message) => item.problem(message, problems),
        }
    }
    list
}

/// Reads an entry's `reason`: a manifest must give one, a role has none.
pub(super) fn reason(
    fields: &mut Fields<'_>,
    shape: Shape,
    problems: &mut Problems,
) -> Option<String> {
    match shape {
        Shape::Manifest => {
            let node = fields.required("reason", problems)?;
            prose(&node, problems)
        }
        Shape::Role => None,
    }
}

/// Reads the `reason` that a table of switches or limits may give in a manifest.
pub(super) fn optional_reason(
    fields: &mut Fields<'_>,
    shape: Shape,
    problems: &mut Problems,
) -> Option<String> {
    match shape {
        Shape::Manifest => {
            let node = fields.optional("reason")?;
            prose(&node, problems)
        }
        Shape::Role => None,
    }
}

/// Reads a text meant for reviewers: bounded, and with nothing that hides or reorders what they see.
pub(crate) fn prose(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let text = node.string(problems)?.trim();
    if text.is_empty() || text.chars().count() > PROSE_CHARS_MAX {
        node.problem(format!("write 1 to {PROSE_CHARS_MAX} characters"), problems);
        return None;
    }
    if let Some(hidden) = text.chars().find(|&character| is_hidden(character)) {
        let code = u32::from(hidden);
        node.problem(
            format!("leave out the control or formatting character U+{code:04X}"),
            problems,
        );
        return None;
    }
    Some(text.to_owned())
}

/// Control characters other than line breaks, and the invisible ones that reorder text.
fn is_hidden(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
