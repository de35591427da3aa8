//! The pace of the disk itself: what nothing durable can be faster than.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::samples::Samples;

/// A record, in bytes.
const RECORD: usize = 4096;
/// Records that are synced together.
pub(crate) const GROUP: usize = 64;
/// However slow the disk is, one kind of write is not measured for longer than this.
const MEASURE_MAX: Duration = Duration::from_secs(2);

/// How the file stands before it is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It grows with each record.
    Grows,
    /// Its bytes have their place on the disk, as those of a commit log have.
    Taken,
}

/// What the disk can do at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// One append of 4 KiB and its fdatasync, in milliseconds at the median.
    pub(crate) sync_ms: f64,
    /// Records of 4 KiB that reach the disk in a second, 64 with each fdatasync.
    pub(crate) grouped_per_s: f64,
}

impl Pace {
    /// Measures for some tens of milliseconds on a usual disk.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(crate) fn now(folder: &Path) -> Result<Self> {
        let single = append_and_sync(folder, Place::Grows, 1, 150)?;
        let grouped = append_and_sync(folder, Place::Grows, GROUP, 50)?;
        Ok(Self {
            sync_ms: single.median(),
            grouped_per_s: per_second(&grouped),
        })
    }
}

/// Appends `records` and syncs them, `times` over; the times in milliseconds.
///
/// # Errors
/// The folder cannot be written to.
pub(crate) fn append_and_sync(
    folder: &Path,
    place: Place,
    records: usize,
    times: usize,
) -> Result<Samples> {
    let mut file = tempfile::tempfile_in(folder)?;
    let block = vec![7; RECORD * records];
    if place == Place::Taken {
        take_place(&mut file, block.len(), times)?;
    }
    let began = Instant::now();
    let mut taken = Vec::with_capacity(times);
    while taken.len() < times && began.elapsed() < MEASURE_MAX {
        let started = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        taken.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Samples::of(taken)
}

/// What grouped appends come to, in records a second.
pub(crate) fn per_second(grouped: &Samples) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a small constant")]
    let group = GROUP as f64;
    group * 1e3 / grouped.median()
}

fn take_place(file: &mut File, bytes: usize, times: usize) -> Result<()> {
    let zeros = vec![0; bytes];
    for _ in 0..times {
        file.write_all(&zeros)?;
    }
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    Ok(())
}
