//! The disk's own pace.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use crate::figures::Figures;

/// Appends `bytes` to a file and syncs it, over and over.
pub(crate) fn append_and_sync(folder: &Path, bytes: usize) -> Result<Figures> {
    let mut file = File::create(folder.join("append"))?;
    let block = vec![7; bytes];
    let mut times = Vec::new();
    for _ in 0..500 {
        let started = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(started.elapsed());
    }
    Ok(Figures::of(times))
}
