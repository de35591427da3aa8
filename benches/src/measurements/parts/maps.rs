//! Maps at once, and what they add to the memory of their process.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, ensure};
use engine::{Config, MachineType};
use serde::{Deserialize, Serialize};

use crate::definitions;
use crate::host::{Host, Setup};
use crate::usage;

/// Items that the sandbox and the store are warmed with.
const WARM_UP: usize = 100;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) folder: PathBuf,
    pub(crate) component: PathBuf,
    pub(crate) executions: usize,
    pub(crate) items: usize,
}

/// A host that lets histories grow as long as those of large Maps are.
pub(crate) fn setup() -> Setup {
    let mut config = Config::default();
    config.execution_limits.history_events_max = 10_000_000;
    config.history_events_warning = 10_000_000;
    Setup {
        config,
        ..Setup::default()
    }
}

/// Runs the Maps; answers by how many MiB the process grew at the most.
pub(crate) async fn run(given: Given) -> Result<f64> {
    let host = Arc::new(Host::start_with(&given.folder, setup()).await?);
    host.allow("bench", &std::fs::read(&given.component)?)
        .await?;
    let machine = host
        .publish("map", "bench", MachineType::Standard, definitions::map())
        .await?;
    host.run(&machine, definitions::items(WARM_UP)).await?;
    usage::forget_peak()?;
    let before = usage::memory()?.resident_mib;
    let running: Vec<_> = (0..given.executions)
        .map(|_| {
            let (host, machine) = (Arc::clone(&host), machine.clone());
            let input = definitions::items(given.items);
            tokio::spawn(async move { host.run(&machine, input).await })
        })
        .collect();
    for execution in running {
        execution.await??;
    }
    let grown = usage::memory()?.peak_mib - before;
    let succeeded = host.succeeded(MachineType::Standard)?;
    ensure!(
        usize::try_from(succeeded)? == given.executions + 1,
        "{succeeded} Maps succeeded"
    );
    host.end().await?;
    Ok(grown)
}
