//! The data folder: is it there, whose is it, is there room, and does a sync reach the disk.

use std::path::{Path, PathBuf};

use super::{Finding, disk};
use crate::config::Config;
use crate::machine;

const FOLDER: &str = "data folder";
const SPACE: &str = "free space";
const MIB: u64 = 1024 * 1024;
const FREE_BYTES_MIN: u64 = 64 * MIB;
const FREE_BYTES_FINE: u64 = 1024 * MIB;

pub(super) fn folder(config: &Config) -> Vec<Finding> {
    let path = &config.store.path;
    let shown = path.display();
    let mut findings = Vec::new();
    let writable = match path.is_dir() {
        true => {
            findings.push(permissions(path));
            path.clone()
        }
        false => match nearest(path) {
            Some(parent) if !path.exists() => {
                findings.push(Finding::ok(
                    FOLDER,
                    format!("`{shown}` is made at the first start"),
                ));
                parent
            }
            Some(_) | None => {
                let found = format!("`{shown}` is not a folder");
                return vec![Finding::fail(FOLDER, found, "name another in `store.path`")];
            }
        },
    };
    if let Err(error) = tempfile(&writable) {
        findings.push(Finding::fail(
            FOLDER,
            format!(
                "nothing can be written to `{}`: {error}",
                writable.display()
            ),
            "let the account that runs the host own the folder",
        ));
        return findings;
    }
    if let Some(found) = machine::file_system(&writable) {
        findings.push(space(found.free_bytes));
        findings.push(disk::kind(found.magic));
    }
    findings.push(disk::speed(&writable));
    findings
}

/// The nearest folder above that is there.
fn nearest(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let mut above = absolute.ancestors().skip(1);
    above.find(|path| path.is_dir()).map(Path::to_owned)
}

/// Whether a file can be made in a folder; it is removed at once.
fn tempfile(folder: &Path) -> std::io::Result<()> {
    let path = disk::scratch(folder);
    std::fs::File::create_new(&path)?;
    std::fs::remove_file(&path)
}

#[cfg(unix)]
fn permissions(path: &Path) -> Finding {
    use std::os::unix::fs::PermissionsExt as _;
    let shown = path.display();
    let mode = match std::fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o777,
        Err(error) => {
            let found = format!("`{shown}` cannot be looked at: {error}");
            return Finding::fail(FOLDER, found, "let the host's account own it");
        }
    };
    match mode & 0o077 {
        0 => Finding::ok(FOLDER, format!("`{shown}` is there, its owner's alone")),
        _ => Finding::warn(
            FOLDER,
            format!("others may enter `{shown}` (mode {mode:o})"),
            format!("chmod 700 {shown}"),
        ),
    }
}

#[cfg(not(unix))]
fn permissions(path: &Path) -> Finding {
    Finding::ok(FOLDER, format!("`{}` is there", path.display()))
}

fn space(free_bytes: u64) -> Finding {
    let found = format!("{} MiB", free_bytes / MIB);
    let advice = "make room: a full disk stops every execution";
    match free_bytes {
        ..FREE_BYTES_MIN => Finding::fail(SPACE, found, advice),
        FREE_BYTES_MIN..FREE_BYTES_FINE => Finding::warn(SPACE, found, advice),
        FREE_BYTES_FINE.. => Finding::ok(SPACE, found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn little_room_is_told_and_none_is_a_failure() {
        for (free, expected) in [
            (0, Verdict::Fail),
            (FREE_BYTES_MIN, Verdict::Warn),
            (FREE_BYTES_FINE, Verdict::Ok),
        ] {
            assert_eq!(space(free).verdict, expected, "{free}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_may_enter_is_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        for (mode, expected) in [(0o700, Verdict::Ok), (0o750, Verdict::Warn)] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder.path(), permissions).unwrap();
            assert_eq!(super::permissions(folder.path()).verdict, expected);
        }
    }
}
