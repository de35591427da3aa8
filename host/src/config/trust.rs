//! `[trust]`: certificate authorities besides the platform's.

use std::path::PathBuf;

use document::{Node, Problems};

use super::Surroundings;

/// Certificate authorities besides the platform's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    /// PEM files, for identity providers and for what components call.
    pub(crate) root_certificates: Vec<PathBuf>,
}

impl Trust {
    pub(super) fn read(
        section: Option<Node<'_>>,
        surroundings: &Surroundings<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let Some(section) = section else {
            return Some(Self::default());
        };
        let mut fields = section.object(problems)?;
        let mut root_certificates = Vec::new();
        if let Some(node) = fields.optional("root_certificates") {
            for entry in node.array(problems)? {
                let Some(path) = entry.string(problems) else {
                    continue;
                };
                let path = surroundings.base.join(path);
                if !path.is_file() {
                    entry.problem(format!("`{}` is not a file", path.display()), problems);
                }
                root_certificates.push(path);
            }
        }
        fields.finish(problems);
        Some(Self { root_certificates })
    }
}
