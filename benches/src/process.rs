//! The real process: how long it takes to accept requests, and what it needs while idle.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::figures::Figures;

const STARTS: usize = 10;

/// What the process came to.
pub(crate) struct Process {
    start: Figures,
    idle_kib: Option<u64>,
}

impl fmt::Display for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "start to ready file, empty store: {}",
            self.start
        )?;
        match self.idle_kib {
            Some(kib) => write!(formatter, "\n  resident while idle: {} KiB", kib),
            None => formatter.write_str("\n  resident while idle: not told by this system"),
        }
    }
}

/// Starts `sluice dev` on an empty store, several times.
pub(crate) fn start_and_idle(folder: &Path) -> Result<Process> {
    let program =
        std::env::current_exe()?.with_file_name(format!("sluice{}", std::env::consts::EXE_SUFFIX));
    ensure!(
        program.exists(),
        "build the host first: cargo build --release --package sluice"
    );
    let (mut times, mut idle_kib) = (Vec::new(), None);
    for turn in 0..STARTS {
        let (data, ready) = (
            folder.join(format!("data-{turn}")),
            folder.join(format!("ready-{turn}")),
        );
        let started = Instant::now();
        let mut child = Command::new(&program)
            .args(["dev", "--listen", "127.0.0.1:0", "--data"])
            .arg(&data)
            .arg("--ready-file")
            .arg(&ready)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("the host cannot be started")?;
        while !ready.exists() && started.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_micros(200));
        }
        times.push(started.elapsed());
        std::thread::sleep(Duration::from_millis(500));
        idle_kib = resident_kib(child.id());
        child.kill()?;
        child.wait()?;
    }
    Ok(Process {
        start: Figures::of(times),
        idle_kib,
    })
}

fn resident_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
