//! What processes use, as Linux tells it; elsewhere an error says that it is not told.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The kernel counts in hundredths of a second whatever its own clock does.
const TICK: Duration = Duration::from_millis(10);
const KIB_PER_MIB: f64 = 1024.0;

/// Memory of a process, in MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) resident_mib: f64,
    /// The most it was since the process began or [`forget_peak`].
    pub(crate) peak_mib: f64,
}

/// User and system time of this process so far.
pub(crate) fn cpu_time() -> Result<Duration> {
    cpu_time_of("self")
}

/// User and system time of a process so far.
pub(crate) fn cpu_time_of(process: &str) -> Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("`{path}` cannot be read"))?;
    parse_cpu_time(&stat).with_context(|| format!("`{path}` is not as expected"))
}

/// Memory of this process.
pub(crate) fn memory() -> Result<Memory> {
    memory_of("self")
}

/// Memory of a process.
pub(crate) fn memory_of(process: &str) -> Result<Memory> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("`{path}` cannot be read"))?;
    parse_memory(&status).with_context(|| format!("`{path}` is not as expected"))
}

/// Counts this process's peak from what is resident now.
pub(crate) fn forget_peak() -> Result<()> {
    fs::write("/proc/self/clear_refs", "5").context("the peak cannot be set back")
}

/// The numbers come behind the program's name, which may hold anything but a last `)`.
fn parse_cpu_time(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let user: u32 = times.next()?.parse().ok()?;
    let system: u32 = times.next()?.parse().ok()?;
    Some(TICK * user.saturating_add(system))
}

fn parse_memory(status: &str) -> Option<Memory> {
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib / KIB_PER_MIB)
    };
    Some(Memory {
        resident_mib: mib("VmRSS:")?,
        peak_mib: mib("VmHWM:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_behind_any_name() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 100 0 0 0 25 17 0 0 20 0 1 0 5 0 0";
        assert_eq!(parse_cpu_time(stat), Some(Duration::from_millis(420)));
        assert_eq!(parse_cpu_time("7 (sluice) S 1"), None);
    }

    #[test]
    fn memory_is_told_in_kib() {
        let status = "Name:\tsluice\nVmHWM:\t   4096 kB\nVmRSS:\t   2048 kB\n";
        let memory = parse_memory(status).unwrap();
        assert_eq!((memory.resident_mib, memory.peak_mib), (2.0, 4.0));
        assert!(parse_memory("Name:\tsluice\n").is_none());
    }
}
