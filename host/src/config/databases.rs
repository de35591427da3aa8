//! `[databases]`: a known section whose capability this host does not have.

use document::{Node, Problems};

/// Refuses every entry by name; an empty section is fine.
pub(super) fn refuse(section: Option<Node<'_>>, problems: &mut Problems) {
    let Some(fields) = section.and_then(|section| section.object(problems)) else {
        return;
    };
    for (name, node) in fields.entries() {
        let shown = name.escape_debug();
        node.problem(
            format!("databases are not supported by this version, remove `{shown}`"),
            problems,
        );
    }
}
