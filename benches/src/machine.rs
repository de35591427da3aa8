//! What the measurements run on, as far as the system tells it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

const UNKNOWN: &str = "not told by this system";

/// The machine, and the disk under test.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// The kind of file system that the folder under test is on.
    pub(crate) filesystem: String,
    /// How many processes wanted to run, over the last minute before the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) load_average: Option<f64>,
}

impl Machine {
    pub(crate) fn of(folder: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let kernel = read("/proc/sys/kernel/osrelease");
        Self {
            processor: processor(&read("/proc/cpuinfo")).unwrap_or_else(|| UNKNOWN.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            kernel: match kernel.trim() {
                "" => UNKNOWN.to_owned(),
                kernel => kernel.to_owned(),
            },
            filesystem: folder
                .canonicalize()
                .ok()
                .and_then(|folder| filesystem(&read("/proc/self/mounts"), &folder))
                .unwrap_or_else(|| UNKNOWN.to_owned()),
            load_average: read("/proc/loadavg")
                .split_whitespace()
                .next()
                .and_then(|load| load.parse().ok()),
        }
    }
}

/// The git revision of the sources, with `+` behind it where they differ from it.
pub(crate) fn revision() -> Option<String> {
    let git = |arguments: &[&str]| {
        let git = Command::new("git")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(arguments)
            .output()
            .ok()?;
        let said = String::from_utf8(git.stdout).ok()?;
        git.status.success().then(|| said.trim().to_owned())
    };
    let mut revision = git(&["rev-parse", "--short=12", "HEAD"])?;
    if !git(&["status", "--porcelain"])?.is_empty() {
        revision.push('+');
    }
    Some(revision)
}

fn processor(cpuinfo: &str) -> Option<String> {
    let mut lines = cpuinfo.lines();
    let line = lines.find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The kind of the innermost mount that holds a folder; of several in one place, the last.
fn filesystem(mounts: &str, folder: &Path) -> Option<String> {
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        Some((Path::new(fields.next()?), fields.next()?))
    });
    let holding = mounts.filter(|(place, _)| folder.starts_with(place));
    let innermost = holding.max_by_key(|(place, _)| place.components().count())?;
    Some(innermost.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_on_its_innermost_mount() {
        let mounts = "disk / ext4 rw 0 0\nmemory /run tmpfs rw 0 0\nother /run/x xfs rw 0 0\n";
        let kind = |path| filesystem(mounts, Path::new(path));
        assert_eq!(kind("/run/x/y").as_deref(), Some("xfs"));
        assert_eq!(kind("/run/xy").as_deref(), Some("tmpfs"));
        assert_eq!(kind("/home").as_deref(), Some("ext4"));
        assert_eq!(filesystem("", Path::new("/")), None);
    }

    #[test]
    fn the_processor_is_named_once() {
        let cpuinfo = "processor\t: 0\nmodel name\t: A B\nprocessor\t: 1\nmodel name\t: A B\n";
        assert_eq!(processor(cpuinfo).as_deref(), Some("A B"));
        assert_eq!(processor("processor\t: 0\n"), None);
    }
}
