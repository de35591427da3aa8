//! Opening stores: those with executions in the middle of a Task, and those that have grown old.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use engine::MachineType;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::definitions;
use crate::host::{CONCURRENCY_MAX, HANG, Host, IDEMPOTENT, Script, Setup, start_all};
use crate::usage;

/// How long it may take until everything is taken up.
const TAKE_UP_MAX: Duration = Duration::from_secs(120);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) folder: PathBuf,
    /// Executions in the middle of a Task.
    pub(crate) open: usize,
}

/// How a host began.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opened {
    /// From opening the store to ready, in seconds.
    pub(crate) ready_s: f64,
    /// From opening the store until every open execution runs its Task again, in seconds.
    pub(crate) taken_up_s: f64,
    pub(crate) resident_mib: f64,
}

/// Starts executions whose Tasks never end, and keeps their host.
pub(crate) async fn leave_open(given: Given) -> Result<Arc<Host>> {
    let setup = Setup::roomy().script(Script::default());
    let host = Arc::new(Host::start_with(&given.folder, setup).await?);
    for (number, started) in (0..given.open).step_by(CONCURRENCY_MAX).enumerate() {
        // A role allows only so much at once.
        let name = format!("work-{number}");
        host.allow(&name, IDEMPOTENT).await?;
        let definition = definitions::tasks(1);
        let machine = host
            .publish(&name, &name, MachineType::Standard, definition)
            .await?;
        let part = CONCURRENCY_MAX.min(given.open - started);
        start_all(&host, &machine, part, |_| json!({HANG: true})).await?;
    }
    let load = host.engine.load();
    ensure!(load.attempts_running == given.open, "{load:?}");
    Ok(host)
}

/// Takes them up, and keeps the host.
pub(crate) async fn take_up(given: Given) -> Result<(Arc<Host>, Opened)> {
    let began = Instant::now();
    let setup = Setup::roomy().script(Script::default());
    let host = Arc::new(Host::start_with(&given.folder, setup).await?);
    let running = || host.engine.load().attempts_running;
    while running() < given.open {
        ensure!(
            began.elapsed() < TAKE_UP_MAX,
            "{} of {} executions were taken up",
            running(),
            given.open
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let opened = Opened {
        ready_s: host.ready_after.as_secs_f64(),
        taken_up_s: began.elapsed().as_secs_f64(),
        resident_mib: usage::memory()?.resident_mib,
    };
    Ok((host, opened))
}

/// Opens a store in which nothing is under way, and ends.
pub(crate) async fn open(given: Given) -> Result<Opened> {
    let setup = Setup::roomy().script(Script::default());
    let host = Arc::new(Host::start_with(&given.folder, setup).await?);
    let ready_s = host.ready_after.as_secs_f64();
    let opened = Opened {
        ready_s,
        taken_up_s: ready_s,
        resident_mib: usage::memory()?.resident_mib,
    };
    host.end().await?;
    Ok(opened)
}
