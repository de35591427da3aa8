//! Whether a store grows old: its pace after many finished executions, its size against what is in
//! it, how long it takes to open, and what retention gives back.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use auth::names::Name;
use engine::{MachineType, RetentionRules};
use ports::Backups as _;

use super::Here;
use super::parts::opening::{Given, Opened};
use crate::again::{Inside, ask};
use crate::definitions;
use crate::figure::{Figure, Part};
use crate::host::{Host, IDEMPOTENT, Script, Setup, start_all};
use crate::targets::{AGED_RATIO, AHEAD};

const FINISHED_LONG: usize = 1_000_000;
const FINISHED: usize = 50_000;
/// The parts of the whole whose rates are compared.
const PARTS: usize = 20;
/// How many of them count as the beginning, and as the end.
const ENDS: usize = 4;
const OPENINGS: usize = 3;
/// Retention may be so many executions behind its rule.
const SLACK: u64 = 64;
const RETENTION_MAX: Duration = Duration::from_secs(3_600);

pub(super) async fn measure(here: &Here) -> Result<Vec<Figure>> {
    let finished = if here.is_long {
        FINISHED_LONG
    } else {
        FINISHED
    };
    let store = here.path("store");
    let setup = Setup::roomy().script(Script::default());
    let host = Arc::new(Host::start_with(&store, setup).await?);
    host.allow("bench", IDEMPOTENT).await?;
    let definition = definitions::tasks(1);
    let machine = host
        .publish("tasks-1", "bench", MachineType::Standard, definition)
        .await?;
    let mut figures = pace(&host, &machine, finished).await?;
    let live = backup_bytes(&host).await?;
    host.end().await?;
    figures.push(size(&store, live, &format!("{finished} finished"))?);
    figures.push(openings(&store, finished).await?);
    figures.extend(retention(&store, finished).await?);
    Ok(figures)
}

/// Finishes executions of one Task, and compares the first of them with the last.
#[expect(clippy::cast_precision_loss, reason = "some millions of executions")]
async fn pace(host: &Arc<Host>, machine: &Name, finished: usize) -> Result<Vec<Figure>> {
    let mut rates = Vec::new();
    for part in 1..=PARTS {
        let began = Instant::now();
        start_all(host, machine, finished / PARTS, |_| definitions::input()).await?;
        host.until_idle().await;
        let rate = (finished / PARTS) as f64 / began.elapsed().as_secs_f64();
        rates.push(rate);
        let succeeded = host.succeeded(MachineType::Standard)?;
        ensure!(
            usize::try_from(succeeded)? == finished / PARTS * part,
            "{succeeded} executions have ended"
        );
    }
    let early = rates.iter().take(ENDS).copied();
    let early = Figure::of_rounds("first fifth: workflows of 1 Task", "/s", early)?;
    let late = rates.iter().rev().take(ENDS).copied();
    let late = Figure::of_rounds(format!("up to {finished} finished: workflows"), "/s", late)?;
    let late = late
        .limit("the first fifth", early.median, early.median)
        .at_least(Part::Ratio, AGED_RATIO, AHEAD);
    Ok(vec![early, late])
}

/// The bytes of everything that the store holds, as a backup tells it.
async fn backup_bytes(host: &Host) -> Result<usize> {
    let backup = host.store.backup().await?;
    let mut backup = backup.context("another backup is being written")?;
    let counting = tokio::task::spawn_blocking(move || {
        let mut bytes = 0;
        while let Some(more) = backup.next_bytes()? {
            bytes += more.len();
        }
        anyhow::Ok(bytes)
    });
    counting.await?
}

/// What the store takes of the disk, against what a backup of it takes.
#[expect(clippy::cast_precision_loss, reason = "some gigabytes")]
fn size(store: &Path, live: usize, what: &str) -> Result<Figure> {
    const MIB: f64 = (1024 * 1024) as f64;
    let disk = store::disk_bytes(store)?;
    let figure = Figure::new(
        format!("{what}: disk"),
        "MiB",
        (disk.log + disk.base) as f64 / MIB,
    );
    let live = live as f64 / MIB;
    Ok(figure.limit("a backup of it", live, live))
}

async fn openings(store: &Path, finished: usize) -> Result<Figure> {
    let mut times = Vec::new();
    for _ in 0..OPENINGS {
        let given = Given {
            folder: store.to_owned(),
            open: 0,
        };
        let opened: Opened = ask(Inside::Open, &given).await?;
        times.push(opened.ready_s * 1e3);
    }
    Figure::of_rounds(format!("{finished} finished: open to ready"), "ms", times)
}

/// Lets retention take away half of what is finished.
#[expect(clippy::cast_precision_loss, reason = "some millions of executions")]
async fn retention(store: &Path, finished: usize) -> Result<Vec<Figure>> {
    let kept = u64::try_from(finished / 2)?;
    let mut setup = Setup::roomy().script(Script::default());
    setup.config.retention = RetentionRules {
        executions_max: Some(kept),
        ..RetentionRules::default()
    };
    let began = Instant::now();
    let host = Arc::new(Host::start_with(store, setup).await?);
    while host.ended_kept().await? > kept + SLACK {
        ensure!(began.elapsed() < RETENTION_MAX, "retention has not ended");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let rate = (finished / 2) as f64 / began.elapsed().as_secs_f64();
    let live = backup_bytes(&host).await?;
    host.end().await?;
    Ok(vec![
        Figure::new("retention of half: expired", "/s", rate),
        size(store, live, "after retention of half")?,
    ])
}
