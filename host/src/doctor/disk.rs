//! Does a sync reach the disk: what the file system is, and how long an append takes.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Finding;

const KIND: &str = "file system";
const SPEED: &str = "sync speed";
const APPENDS: usize = 32;
const APPEND_BYTES: usize = 512;
/// However slow the disk is, no more time than this goes into measuring it.
const MEASURE_MAX: Duration = Duration::from_secs(3);
/// No disk that keeps its word through a power cut is faster.
const TOO_FAST: Duration = Duration::from_micros(15);
const SLOW: Duration = Duration::from_millis(20);

/// File systems by the number that the kernel knows them by, and whether a sync may be relied on.
const KNOWN: [(u64, &str, bool); 16] = [
    (0xef53, "ext4", true),
    (0x5846_5342, "xfs", true),
    (0x9123_683e, "btrfs", true),
    (0x2fc1_2fc1, "zfs", true),
    (0xf2f5_2010, "f2fs", true),
    (0xca45_1a4e, "bcachefs", true),
    (0x0102_1994, "tmpfs", false),
    (0x8584_58f6, "ramfs", false),
    (0x794c_7630, "overlay", false),
    (0x6969, "nfs", false),
    (0xff53_4d42, "cifs", false),
    (0xfe53_4d42, "smb", false),
    (0x0102_1997, "9p", false),
    (0x6573_5546, "fuse", false),
    (0x00c3_6400, "ceph", false),
    (0x4d44, "fat", false),
];

/// A file of this process's own in a folder.
pub(super) fn scratch(folder: &Path) -> PathBuf {
    folder.join(format!(".sluice-doctor-{}", std::process::id()))
}

/// What the file system is.
pub(super) fn kind(magic: Option<u64>) -> Finding {
    let known = KNOWN.iter().find(|(number, ..)| Some(*number) == magic);
    match known {
        Some((_, name, true)) => Finding::ok(KIND, *name),
        Some((_, name, false)) => Finding::warn(
            KIND,
            format!("{name}, which may forget what it said was on disk"),
            "keep the data on a local disk with ext4 or xfs",
        ),
        None => Finding::warn(
            KIND,
            "of a kind that is not known here",
            "make sure that it keeps what was synced through a power cut, or use ext4 or xfs",
        ),
    }
}

/// How long an append takes until it is on disk.
pub(super) fn speed(folder: &Path) -> Finding {
    match measure(folder) {
        Ok(Some(median)) => judge(median),
        Ok(None) => Finding::warn(SPEED, "nothing was measured", "run the doctor again"),
        Err(error) => Finding::fail(
            SPEED,
            format!("a file cannot be synced: {error}"),
            "the disk or its file system is at fault",
        ),
    }
}

fn judge(median: Duration) -> Finding {
    let found = format!("an append is on disk after {median:.1?} (median)");
    if median < TOO_FAST {
        let found = format!("{found}, too fast to be true");
        let advice = "something between here and the disk says that it has written what it has \
                      not: a power cut will lose acknowledged work";
        return Finding::warn(SPEED, found, advice);
    }
    if median > SLOW {
        let advice = "every acknowledgement waits for this: use a disk with a faster sync";
        return Finding::warn(SPEED, found, advice);
    }
    Finding::ok(SPEED, found)
}

/// The median of some appends, each with its sync; the file is removed.
fn measure(folder: &Path) -> io::Result<Option<Duration>> {
    let path = scratch(folder);
    let measured = appends(&path);
    std::fs::remove_file(&path)?;
    let mut times = measured?;
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied())
}

fn appends(path: &Path) -> io::Result<Vec<Duration>> {
    let mut file = File::create_new(path)?;
    let begun = Instant::now();
    let mut times = Vec::with_capacity(APPENDS);
    while times.len() < APPENDS && begun.elapsed() < MEASURE_MAX {
        let one = Instant::now();
        file.write_all(&[0x5a; APPEND_BYTES])?;
        file.sync_data()?;
        times.push(one.elapsed());
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn file_systems_that_forget_are_told() {
        for (magic, expected) in [
            (Some(0xef53), Verdict::Ok),
            (Some(0x0102_1994), Verdict::Warn),
            (Some(0x6969), Verdict::Warn),
            (Some(1), Verdict::Warn),
            (None, Verdict::Warn),
        ] {
            assert_eq!(kind(magic).verdict, expected, "{magic:?}");
        }
    }

    #[test]
    fn a_sync_that_costs_nothing_or_too_much_is_told() {
        for (microseconds, expected) in [
            (2, Verdict::Warn),
            (200, Verdict::Ok),
            (50_000, Verdict::Warn),
        ] {
            let found = judge(Duration::from_micros(microseconds));
            assert_eq!(found.verdict, expected, "{found:?}");
        }
    }

    #[test]
    fn measuring_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        assert!(measure(folder.path()).unwrap().is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(measure(&folder.path().join("absent")).is_err());
    }
}
