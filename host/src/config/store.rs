//! `[store]`: the folder that holds everything.

use std::path::PathBuf;

use document::{Node, Problems};

use super::{Mode, Surroundings, number};

const DEVELOPMENT_PATH: &str = ".sluice";
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// The folder that holds everything.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// The folder; made if it is missing.
    pub(crate) path: PathBuf,
    /// How much of the store to keep in memory.
    pub(crate) cache_bytes: u64,
}

impl Store {
    pub(super) fn read(
        section: Option<Node<'_>>,
        surroundings: &Surroundings<'_>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let empty = serde_json::json!({});
        let section = section.unwrap_or(Node {
            value: &empty,
            pointer: "/store".to_owned(),
        });
        let mut fields = section.object(problems)?;
        let path = match (fields.optional("path"), surroundings.mode) {
            (Some(node), _) => match node.string(problems) {
                Some("") => {
                    node.problem("the path is empty", problems);
                    None
                }
                path => path.map(|path| surroundings.base.join(path)),
            },
            (None, Mode::Development) => Some(PathBuf::from(DEVELOPMENT_PATH)),
            (None, Mode::Serve) => {
                let message = "member `path` is missing, name the folder that holds the data";
                problems.push("/store", message);
                None
            }
        };
        let cache = fields.optional("cache_bytes");
        let cache = number(cache, CACHE_BYTES, 1024 * 1024..=1 << 40, problems);
        fields.finish(problems);
        Some(Self {
            path: path?,
            cache_bytes: cache?,
        })
    }
}
