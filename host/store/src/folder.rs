//! The folder as the operating system sees it: who may open it, names that survive a power cut,
//! free space.
//!
//! Everything about folders that differs between systems is here.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use ports::StoreError;

use crate::OpenError;

/// The error for an operation of the system's on `path`.
pub(crate) fn failed_at(path: &Path, error: &io::Error) -> StoreError {
    failure(format!("`{}`: {error}", path.display()))
}

/// The error for what the disk or the database did.
pub(crate) fn failure(problem: impl Into<Arc<str>>) -> StoreError {
    StoreError::Io(problem.into())
}

/// Takes the folder for this process, until the file is dropped.
///
/// # Errors
/// [`OpenError::InUse`] if another process has it.
pub(crate) fn lock(path: &Path) -> Result<File, OpenError> {
    let lock_path = path.join("lock");
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path);
    let lock = lock.map_err(|error| failed_at(&lock_path, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed_at(&lock_path, &error).into()),
    }
}

/// Makes the names of the files in a folder survive a power cut. Elsewhere than on Unix folders
/// cannot be synced, and the file system journals them.
#[cfg_attr(not(unix), expect(unused_variables, reason = "nothing to sync"))]
pub(crate) fn sync_names(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    Ok(())
}

/// Makes a folder's own name survive a power cut.
pub(crate) fn sync_name_of(path: &Path) -> io::Result<()> {
    match path.canonicalize()?.parent() {
        Some(parent) => sync_names(parent),
        None => Ok(()),
    }
}

/// Has the next reader of a file, all of which is synced, ask the disk: the system goes on to show
/// what a failed sync did not write. Only Linux is asked to, which may do so in part.
#[cfg_attr(
    not(target_os = "linux"),
    expect(unused_variables, reason = "the file is read as the system has it")
)]
pub(crate) fn forget_cached(file: &File) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed) {
        tracing::debug!(%error, "a file may be read as it was cached");
    }
}

/// How many bytes this process may still write on the disk of `path`.
pub(crate) fn free_bytes(path: &Path) -> io::Result<u64> {
    fs4::available_space(path)
}
