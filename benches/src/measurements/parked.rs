//! Executions that only wait: what they need of memory and disk, and how long it takes to have all
//! of them back when they are answered at once.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use auth::policy::SendTaskSuccess;
use engine::MachineType;
use serde_json::json;

use super::Here;
use super::parts::parking::{Given, Parked};
use crate::again::{Inside, ask};
use crate::figure::{Figure, Part};
use crate::host::{Host, LANES, Script, Setup};
use crate::targets::{PARKED_MIB, PROMISE};
use crate::usage;

/// As many as the promise is about.
const PARKED_LONG: usize = 1_000_000;
const PARKED: usize = 50_000;

pub(super) async fn measure(here: &Here) -> Result<Vec<Figure>> {
    let count = if here.is_long { PARKED_LONG } else { PARKED };
    let given = Given {
        folder: here.path("store"),
        waiting: count / 2,
        asking: count / 2,
        tokens: here.path("tokens"),
    };
    let parked: Parked = ask(Inside::Park, &given).await?;
    let name = |what: &str| format!("{count} parked: {what}");
    let promised = |figure: Figure| match count {
        PARKED_LONG => figure.at_most(Part::Median, PARKED_MIB, PROMISE),
        _ => figure,
    };
    let mut figures = vec![
        Figure::new(
            name("starts, half with a token"),
            "/s",
            rate(count, parked.seconds),
        ),
        Figure::new(name("resident before"), "MiB", parked.before_mib),
        promised(Figure::new(name("resident after"), "MiB", parked.after_mib)),
        Figure::new(name("disk for each"), "bytes", disk(&given.folder, count)?),
    ];
    let setup = Setup::roomy().script(Script::default());
    let host = Arc::new(Host::start_with(&given.folder, setup).await?);
    let ready_s = host.ready_after.as_secs_f64();
    figures.push(Figure::new(name("open to ready"), "s", ready_s));
    let resident = Figure::new(
        name("resident after a restart"),
        "MiB",
        usage::memory()?.resident_mib,
    );
    figures.push(promised(resident));
    usage::forget_peak()?;
    let began = Instant::now();
    answer_all(&host, &given.tokens).await?;
    host.until_idle().await;
    let seconds = began.elapsed().as_secs_f64();
    let answered = given.asking;
    ensure!(
        usize::try_from(host.succeeded(MachineType::Standard)?)? == answered,
        "not every execution that was answered has ended"
    );
    let name = |what: &str| format!("{answered} of them answered at once: {what}");
    figures.push(Figure::new(name("ended"), "/s", rate(answered, seconds)));
    figures.push(Figure::new(name("all ended after"), "s", seconds));
    figures.push(Figure::new(
        name("resident at the most"),
        "MiB",
        usage::memory()?.peak_mib,
    ));
    host.end().await?;
    Ok(figures)
}

/// Answers every token in the file, from many lanes at once.
async fn answer_all(host: &Arc<Host>, tokens: &Path) -> Result<()> {
    let lines = BufReader::new(File::open(tokens)?).lines();
    let lines = Arc::new(Mutex::new(lines));
    let lanes: Vec<_> = (0..LANES)
        .map(|_| {
            let (host, lines) = (Arc::clone(host), Arc::clone(&lines));
            tokio::spawn(async move {
                let next = || lines.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some(token) = next() {
                    answer(&host, &token?).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for lane in lanes {
        lane.await??;
    }
    Ok(())
}

async fn answer(host: &Host, token: &str) -> Result<()> {
    let task = host.engine.waiting_task(token).await?;
    let permit = host.permit::<SendTaskSuccess>("operators", &task.resource())?;
    host.engine
        .send_task_success(permit, task, json!({}))
        .await?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "some millions of executions")]
fn disk(store: &Path, count: usize) -> Result<f64> {
    let bytes = store::disk_bytes(store).context("the store cannot be read")?;
    Ok((bytes.log + bytes.base) as f64 / count as f64)
}

#[expect(clippy::cast_precision_loss, reason = "some millions of executions")]
fn rate(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds
}
