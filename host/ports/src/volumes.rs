//! Files in the server's volumes, for what the engine itself reads and writes.

use std::sync::Arc;

use asl::items::ListedFile;
use async_trait::async_trait;
use auth::names::Name;
use bytes::Bytes;

/// Why a file could not be read or written. Nothing was changed, except where the disk failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VolumeError {
    /// The server's configuration names no such volume.
    #[error("this server has no volume `{0}`; add it to [volumes] of its configuration")]
    UnknownVolume(Name),
    /// Nothing is there.
    #[error("the volume has no file `{0}`")]
    NotFound(String),
    /// The path is none inside a volume, or leads out of it.
    #[error("`{path}` is not a path inside the volume: {problem}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is more than was asked for.
    #[error("{0}")]
    TooLarge(String),
    /// The disk or operating system refused.
    #[error("the volume failed: {0}")]
    Io(Arc<str>),
}

/// Reads and writes files below the folders that the server's configuration names. Paths are
/// relative, with `/` between their parts; none leads out of its volume, symbolic links included.
#[async_trait]
pub trait Volumes: Send + Sync {
    /// A whole file of at most `bytes_max` bytes. No effect; a crash means nothing.
    ///
    /// # Errors
    /// As [`VolumeError`] says.
    async fn read(&self, volume: &Name, path: &str, bytes_max: u64) -> Result<Bytes, VolumeError>;

    /// Every file whose path begins with `prefix`, in no order, at most `files_max`. No effect;
    /// a crash means nothing.
    ///
    /// # Errors
    /// As [`VolumeError`] says.
    async fn list(
        &self,
        volume: &Name,
        prefix: &str,
        files_max: usize,
    ) -> Result<Vec<ListedFile>, VolumeError>;

    /// Puts a file in the place of what is there, with the folders it needs, and returns once a
    /// power cut cannot undo it. A crash before the return leaves the old file or the new one.
    ///
    /// # Errors
    /// As [`VolumeError`] says.
    async fn write(&self, volume: &Name, path: &str, content: Bytes) -> Result<(), VolumeError>;
}
