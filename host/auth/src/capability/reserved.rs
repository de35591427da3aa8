//! Members of the vocabulary that this version knows by name only.
//!
//! A capability leaves this list when it gets a file of its own.

use document::{Fields, Problems};

const RESERVED: [&str; 3] = ["keyvalue", "sql", "secret"];

/// Refuses every reserved member, so that nothing is silently left ungranted.
pub(super) fn refuse(fields: &mut Fields<'_>, problems: &mut Problems) {
    for name in RESERVED {
        if let Some(node) = fields.optional(name) {
            node.problem(
                format!("`{name}` is not supported by this version yet"),
                problems,
            );
        }
    }
}
