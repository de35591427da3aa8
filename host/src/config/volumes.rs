//! `[volumes]`: folders that roles may grant by name.

use std::collections::BTreeMap;
use std::path::PathBuf;

use auth::names::Name;
use document::{Node, Problems};

use super::Surroundings;

/// Folders by volume name; each must exist.
pub(super) fn read(
    section: Option<Node<'_>>,
    surroundings: &Surroundings<'_>,
    problems: &mut Problems,
) -> Option<BTreeMap<Name, PathBuf>> {
    let Some(section) = section else {
        return Some(BTreeMap::new());
    };
    let mut volumes = BTreeMap::new();
    for (name, node) in section.object(problems)?.entries() {
        let name = Name::parse(name).map_err(|message| node.problem(message, problems));
        let Some(path) = node.string(problems) else {
            continue;
        };
        let folder = surroundings.base.join(path);
        if !folder.is_dir() {
            node.problem(format!("`{}` is not a folder", folder.display()), problems);
        }
        if let Ok(name) = name {
            volumes.insert(name, folder);
        }
    }
    Some(volumes)
}
