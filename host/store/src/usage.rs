//! How much room a store folder takes on its disk.

use std::fs;
use std::io;
use std::path::Path;

/// How many levels of folders a store has at the most.
const DEPTH_MAX: usize = 4;

/// The part of a store folder that the log is.
const LOG: &str = "log";

/// The bytes that a store takes on its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskBytes {
    /// Of the log of commits.
    pub log: u64,
    /// Of everything else: what the log is written to in the background.
    pub base: u64,
}

/// The bytes of the files in the store folder `path`, read without opening the store.
///
/// # Errors
/// The folder cannot be read.
pub fn disk_bytes(path: &Path) -> io::Result<DiskBytes> {
    let log = match path.join(LOG).metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&path.join(LOG), DEPTH_MAX)?,
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let all = folder_bytes(path, DEPTH_MAX)?;
    Ok(DiskBytes {
        log,
        base: all.saturating_sub(log),
    })
}

fn folder_bytes(path: &Path, depth: usize) -> io::Result<u64> {
    let mut bytes: u64 = 0;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // The store may have removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let own = match (metadata.is_dir(), depth) {
            (true, 0) => 0,
            (true, _) => folder_bytes(&entry.path(), depth - 1)?,
            (false, _) => metadata.len(),
        };
        bytes = bytes.saturating_add(own);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_in_folders_count() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("db"), [0; 100]).unwrap();
        fs::create_dir(folder.path().join("log")).unwrap();
        fs::write(folder.path().join("log/1"), [0; 23]).unwrap();
        let bytes = disk_bytes(folder.path()).unwrap();
        assert_eq!((bytes.log, bytes.base), (23, 100));
        assert!(disk_bytes(&folder.path().join("absent")).is_err());
    }
}
