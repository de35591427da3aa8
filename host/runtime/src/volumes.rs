//! Files in the volumes of the server's configuration, by capability.
//!
//! Owns that no path leads out of its volume and that a written file is whole and durable. It
//! does not know who asks, nor what a file means. Steps reach volumes through `capability`.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use asl::Timestamp;
use asl::items::ListedFile;
use async_trait::async_trait;
use auth::names::Name;
use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions};
use ports::{VolumeError, Volumes};

use crate::StartError;

/// The longest path, in bytes: that of an object's key on the service.
const PATH_BYTES_MAX: usize = 1024;
/// Entries looked at for one listing, for each file that may be listed.
const ENTRIES_PER_FILE: usize = 4;
/// The name of a file that is not whole yet.
const UNFINISHED: &str = ".sluice-unfinished";

/// The server's volumes, open.
pub struct VolumeFiles(BTreeMap<Name, Arc<Dir>>);

impl VolumeFiles {
    /// Opens every folder.
    ///
    /// # Errors
    /// Each line names a volume that cannot be opened, and why.
    pub fn open(paths: &BTreeMap<Name, PathBuf>) -> Result<Self, StartError> {
        let mut folders = BTreeMap::new();
        let mut problems = Vec::new();
        for (name, path) in paths {
            match Dir::open_ambient_dir(path, ambient_authority()) {
                Ok(folder) => {
                    folders.insert(name.clone(), Arc::new(folder));
                }
                Err(error) => problems.push(format!(
                    "volumes.{name}: the directory `{}` cannot be opened: {error}; create it or correct the path",
                    path.display()
                )),
            }
        }
        match problems.is_empty() {
            true => Ok(Self(folders)),
            false => Err(StartError::Config(problems)),
        }
    }

    /// Does blocking work below a volume's folder.
    async fn below<T: Send + 'static>(
        &self,
        volume: &Name,
        work: impl FnOnce(&Dir) -> Result<T, VolumeError> + Send + 'static,
    ) -> Result<T, VolumeError> {
        let folder = self.0.get(volume).cloned();
        let folder = folder.ok_or_else(|| VolumeError::UnknownVolume(volume.clone()))?;
        let done = tokio::task::spawn_blocking(move || work(&folder)).await;
        done.map_err(|error| VolumeError::Io(error.to_string().into()))?
    }
}

#[async_trait]
impl Volumes for VolumeFiles {
    async fn read(&self, volume: &Name, path: &str, bytes_max: u64) -> Result<Bytes, VolumeError> {
        check(path)?;
        let path = path.to_owned();
        self.below(volume, move |folder| read(folder, &path, bytes_max))
            .await
    }

    async fn list(
        &self,
        volume: &Name,
        prefix: &str,
        files_max: usize,
    ) -> Result<Vec<ListedFile>, VolumeError> {
        let parent = prefix.rsplit_once('/').map_or("", |(parent, _)| parent);
        if !parent.is_empty() {
            check(parent)?;
        }
        let (prefix, parent) = (prefix.to_owned(), parent.to_owned());
        self.below(volume, move |folder| {
            list(folder, &parent, &prefix, files_max)
        })
        .await
    }

    async fn write(&self, volume: &Name, path: &str, content: Bytes) -> Result<(), VolumeError> {
        check(path)?;
        let path = path.to_owned();
        self.below(volume, move |folder| write(folder, &path, &content))
            .await
    }
}

/// Refuses what is no plain relative path, whatever the operating system makes of it.
fn check(path: &str) -> Result<(), VolumeError> {
    let problem = if path.len() > PATH_BYTES_MAX {
        format!("it has more than {PATH_BYTES_MAX} bytes")
    } else if path.contains(['\\', ':']) || path.chars().any(char::is_control) {
        "it has a backslash, a colon or a control character".to_owned()
    } else if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        "it must be relative, without empty parts, `.` and `..`".to_owned()
    } else {
        return Ok(());
    };
    let path = path.chars().take(200).collect();
    Err(VolumeError::Path { path, problem })
}

fn read(folder: &Dir, path: &str, bytes_max: u64) -> Result<Bytes, VolumeError> {
    let failed = |error| failure(path, &error);
    let too_large =
        || VolumeError::TooLarge(format!("the file `{path}` has more than {bytes_max} bytes"));
    // Looked at before it is opened: opening a pipe would wait for its writer.
    let metadata = folder.metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(VolumeError::NotFound(path.to_owned()));
    }
    if metadata.len() > bytes_max {
        return Err(too_large());
    }
    let file = folder.open(path).map_err(failed)?;
    let mut content = Vec::new();
    let mut bounded = file.take(bytes_max.saturating_add(1));
    bounded.read_to_end(&mut content).map_err(failed)?;
    match content.len() as u64 > bytes_max {
        true => Err(too_large()),
        false => Ok(content.into()),
    }
}

/// Walks the folder that every path with the prefix lies below; symbolic links are passed over.
fn list(
    folder: &Dir,
    parent: &str,
    prefix: &str,
    files_max: usize,
) -> Result<Vec<ListedFile>, VolumeError> {
    let mut files = Vec::new();
    let mut open = vec![parent.to_owned()];
    let mut entries_left = files_max.saturating_mul(ENTRIES_PER_FILE);
    while let Some(path) = open.pop() {
        let failed = |error| failure(&path, &error);
        let entries = match path.as_str() {
            "" => folder.entries(),
            path => folder.read_dir(path),
        };
        let entries = match entries {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Some(left) = entries_left.checked_sub(1) else {
                let told = format!("more than {files_max} files are below `{prefix}`");
                return Err(VolumeError::TooLarge(told));
            };
            entries_left = left;
            let name = entry.file_name().into_string().map_err(|name| {
                let told = format!("the name `{}` is not UTF-8", name.to_string_lossy());
                VolumeError::Io(told.into())
            })?;
            let key = match path.as_str() {
                "" => name,
                path => format!("{path}/{name}"),
            };
            let kind = entry.file_type().map_err(failed)?;
            let leads_on = key.starts_with(prefix) || prefix.starts_with(&format!("{key}/"));
            if kind.is_dir() && leads_on && key.len() < PATH_BYTES_MAX {
                open.push(key);
            } else if kind.is_file() && key.starts_with(prefix) && !key.ends_with(UNFINISHED) {
                let metadata = entry.metadata().map_err(failed)?;
                files.push(listed(key, &metadata));
            }
        }
        if files.len() > files_max {
            let told = format!("more than {files_max} files are below `{prefix}`");
            return Err(VolumeError::TooLarge(told));
        }
    }
    Ok(files)
}

fn listed(key: String, metadata: &Metadata) -> ListedFile {
    let modified = metadata.modified().map(cap_std::time::SystemTime::into_std);
    let since = modified
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let milliseconds = since.map_or(0, |since| since.as_millis());
    ListedFile {
        key,
        bytes: metadata.len(),
        modified_at: Timestamp(i64::try_from(milliseconds).unwrap_or(i64::MAX)),
    }
}

/// Writes beside the file and then puts the one in the other's place. The name beside it is
/// always the same, so that a crash leaves nothing that the next writing does not take away.
fn write(folder: &Dir, path: &str, content: &[u8]) -> Result<(), VolumeError> {
    let failed = |error| failure(path, &error);
    let parent = path.rsplit_once('/').map(|(parent, _)| parent);
    if let Some(parent) = parent {
        folder.create_dir_all(parent).map_err(failed)?;
    }
    let beside = format!("{path}{UNFINISHED}");
    match folder.remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = folder.open_with(&beside, &options).map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    drop(file);
    folder.rename(&beside, folder, path).map_err(failed)?;
    sync_folders(folder, parent).map_err(failed)
}

/// Makes the names on the way to a file durable, from its own folder up to the volume's.
#[cfg(unix)]
fn sync_folders(folder: &Dir, parent: Option<&str>) -> std::io::Result<()> {
    // Opened as a file for that: a folder opened as such may be no more than a place to begin from.
    let mut next = parent;
    while let Some(path) = next {
        folder.open(path)?.sync_all()?;
        next = path.rsplit_once('/').map(|(parent, _)| parent);
    }
    folder.open(".")?.sync_all()
}

/// Folders cannot be synced here; the file system orders the names itself.
#[cfg(not(unix))]
fn sync_folders(_: &Dir, _: Option<&str>) -> std::io::Result<()> {
    Ok(())
}

fn failure(path: &str, error: &std::io::Error) -> VolumeError {
    match error.kind() {
        ErrorKind::NotFound => VolumeError::NotFound(path.to_owned()),
        ErrorKind::PermissionDenied => VolumeError::Path {
            path: path.to_owned(),
            problem: "it leads out of the volume, or the operating system does not permit it"
                .to_owned(),
        },
        _ => VolumeError::Io(error.to_string().into()),
    }
}

#[cfg(test)]
mod tests;
