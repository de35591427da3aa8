//! Files and folders that only their owner may read; files written so that no one ever sees half
//! of one.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Replaces `path` by `bytes` in one step; on Unix with mode 0600, on Windows with the folder's
/// access rules.
///
/// # Errors
/// The folder cannot be made or written.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    create_folder(folder)?;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let part = folder.join(name);
    // A left-over of a crashed process could have other rights.
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = create(&part)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    let renamed = written.and_then(|()| std::fs::rename(&part, path));
    let renamed = renamed.and_then(|()| sync_folder(folder));
    if renamed.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    renamed
}

/// Makes a folder, and those above it, that only its owner may enter; leaves one that is there
/// as it is. A folder that was made survives a power cut.
///
/// # Errors
/// The folder cannot be made.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    let missing: Vec<_> = path.ancestors().take_while(|path| !path.exists()).collect();
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)?;
    missing
        .into_iter()
        .filter_map(Path::parent)
        .try_for_each(sync_folder)
}

/// Makes the names in a folder survive a power cut. Elsewhere than on Unix folders cannot be
/// synced, and the file system journals them.
#[cfg_attr(not(unix), expect(unused_variables, reason = "nothing can be done"))]
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let named = !path.as_os_str().is_empty();
        File::open(if named { path } else { Path::new(".") })?.sync_all()?;
    }
    Ok(())
}

/// Makes a file that only its owner may read; there must be none of that name.
#[cfg(unix)]
pub(crate) fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Makes a file with the folder's access rules; there must be none of that name.
#[cfg(not(unix))]
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/ready.json");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
    }

    #[cfg(unix)]
    #[test]
    fn no_one_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, b"readable").unwrap();
        write(&path, b"secret").unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        create_folder(&folder.path().join("a/b")).unwrap();
        let mode = std::fs::metadata(folder.path().join("a"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
