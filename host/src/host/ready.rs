//! The ready file: how scripts learn that a host takes requests, where, and with which tokens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::private_file;
use crate::secret::Secret;

/// A file that exists only once the host takes requests.
pub(super) struct ReadyFile {
    path: Option<PathBuf>,
}

/// Where requests are answered.
pub(super) struct Addresses {
    pub(super) url: String,
    /// Where metrics are read without a token.
    pub(super) metrics: Option<String>,
}

/// The development issuer, as the file tells of it.
pub(super) struct Issuer {
    pub(super) name: String,
    /// By the person's name.
    pub(super) tokens: BTreeMap<String, Secret>,
}

/// The file cannot be written or removed.
#[derive(Debug, thiserror::Error)]
#[error("the ready file `{path}` cannot be replaced: {source}")]
pub(crate) struct ReadyFileError {
    path: String,
    source: std::io::Error,
}

impl ReadyFile {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path }
    }

    /// Writes `{"url", "issuer", "tokens"}`, and `"metrics"` where they have an address, in one step, readable by the owner only.
    pub(super) fn write(
        &self,
        addresses: &Addresses,
        issuer: Option<&Issuer>,
    ) -> Result<(), ReadyFileError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let tokens = issuer.into_iter().flat_map(|issuer| &issuer.tokens);
        let tokens: BTreeMap<_, _> = tokens.map(|(name, token)| (name, token.reveal())).collect();
        let mut content = json!({
            "url": addresses.url,
            "issuer": issuer.map(|issuer| &issuer.name),
            "tokens": tokens,
        });
        if let (Some(metrics), Some(members)) = (&addresses.metrics, content.as_object_mut()) {
            members.insert("metrics".to_owned(), json!(metrics));
        }
        private_file::write(path, format!("{content:#}\n").as_bytes()).map_err(|source| {
            ReadyFileError {
                path: path.display().to_string(),
                source,
            }
        })
    }
}

/// Removes what an earlier host left, so that nobody takes it for this one's. Not for the file
/// in the data folder, which may be that of the host this one waits for.
pub(super) fn remove(path: &Path) -> Result<(), ReadyFileError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(ReadyFileError {
            path: path.display().to_string(),
            source,
        }),
        Ok(()) | Err(_) => Ok(()),
    }
}
