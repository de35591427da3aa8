//! What the operating system tells of this process and its disks.
//!
//! Owns every look at `/proc` and every question about file systems and limits. Where the
//! system has no answer, there is `None`; nothing else depends on the platform for these.

use std::path::Path;

/// What this process uses at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Process {
    pub(crate) resident_bytes: u64,
    pub(crate) virtual_bytes: u64,
    pub(crate) threads: u64,
    pub(crate) cpu_seconds: f64,
    pub(crate) open_descriptors: u64,
    /// Seconds since the Unix epoch.
    pub(crate) started_seconds: f64,
}

/// What the file system below a path is and has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileSystem {
    pub(crate) free_bytes: u64,
    pub(crate) total_bytes: u64,
    /// The number that the kernel knows its kind by.
    pub(crate) magic: Option<u64>,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use super::{FileSystem, Path, Process};

    /// What this process uses at the moment.
    pub(crate) fn process() -> Option<Process> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let system = fs::read_to_string("/proc/stat").ok()?;
        let open = fs::read_dir("/proc/self/fd").ok()?.count();
        // The name in parentheses may hold anything; what is counted comes behind it.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let boot = system
            .lines()
            .find_map(|line| line.strip_prefix("btime "))?;
        Some(Process {
            resident_bytes: kilobytes(&status, "VmRSS:")?,
            virtual_bytes: kilobytes(&status, "VmSize:")?,
            threads: field(20)?,
            cpu_seconds: (field(14)?.saturating_add(field(15)?)) as f64 / ticks,
            // One of them is the folder being read.
            open_descriptors: u64::try_from(open.saturating_sub(1)).ok()?,
            started_seconds: boot.trim().parse::<f64>().ok()? + field(22)? as f64 / ticks,
        })
    }

    fn kilobytes(status: &str, name: &str) -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let number = line.trim().strip_suffix("kB")?.trim();
        number.parse::<u64>().ok()?.checked_mul(1024)
    }

    /// How many descriptors this process may have open.
    pub(crate) fn descriptors_max() -> Option<u64> {
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current
    }

    /// What the file system below `path` is and has.
    pub(crate) fn file_system(path: &Path) -> Option<FileSystem> {
        let space = rustix::fs::statvfs(path).ok()?;
        let kind = rustix::fs::statfs(path).ok()?;
        Some(FileSystem {
            free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
            total_bytes: space.f_blocks.saturating_mul(space.f_frsize),
            magic: u64::try_from(kind.f_type).ok(),
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::{FileSystem, Path, Process};

    pub(crate) fn process() -> Option<Process> {
        None
    }

    pub(crate) fn descriptors_max() -> Option<u64> {
        None
    }

    pub(crate) fn file_system(_: &Path) -> Option<FileSystem> {
        None
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{descriptors_max, file_system, process};
#[cfg(target_os = "linux")]
pub(crate) use linux::{descriptors_max, file_system, process};

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen() {
        let found = process().unwrap();
        assert!(found.resident_bytes > 0 && found.resident_bytes <= found.virtual_bytes);
        assert!(found.threads > 0 && found.open_descriptors > 0);
        assert!(found.started_seconds > 1.6e9);
        assert!(descriptors_max().unwrap() >= found.open_descriptors);
    }

    #[test]
    fn a_folder_has_a_file_system_and_an_absent_one_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let found = file_system(folder.path()).unwrap();
        assert!(found.free_bytes <= found.total_bytes && found.magic.is_some());
        assert_eq!(file_system(&folder.path().join("absent")), None);
    }
}
