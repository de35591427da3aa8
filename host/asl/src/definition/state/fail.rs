//! The Fail state.

use document::{Fields, Problems};

use super::Text;
use crate::definition::fields;
use crate::definition::parse::Reader;

/// `"Type": "Fail"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fail {
    /// `Error` or `ErrorPath`.
    pub error: Option<Text>,
    /// `Cause` or `CausePath`.
    pub cause: Option<Text>,
}

impl Fail {
    /// Reads what is particular to a Fail state.
    pub(in crate::definition) fn read(fields: &mut Fields<'_>, reader: &mut Reader) -> Self {
        Self {
            error: text(fields, ["Error", "ErrorPath"], &mut reader.problems),
            cause: text(fields, ["Cause", "CausePath"], &mut reader.problems),
        }
    }
}

/// Reads a text given as it is or as a path, but not both.
fn text(
    fields: &mut Fields<'_>,
    [fixed, path]: [&'static str; 2],
    problems: &mut Problems,
) -> Option<Text> {
    match (fields.optional(fixed), fields.optional(path)) {
        (None, None) => None,
        (Some(node), None) => node
            .string(problems)
            .map(|text| Text::Fixed(text.to_owned())),
        (None, Some(node)) => fields::reference(&node, problems).map(Text::At),
        (Some(_), Some(node)) => {
            node.problem(
                format!("`{fixed}` and `{path}` exclude each other"),
                problems,
            );
            None
        }
    }
}
