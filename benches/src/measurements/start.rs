//! The host's program: how soon it takes requests, how soon a workflow has run, and what it needs
//! while idle.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Here;
use crate::definitions;
use crate::figure::{Figure, Part};
use crate::http::{Program, run};
use crate::targets::{AHEAD, FIRST_WORKFLOW_MS, IDLE_MIB, PROMISE, START_MS};

const STARTS: usize = 10;
/// How long the program is left alone before it counts as idle.
const REST: Duration = Duration::from_millis(500);

pub(super) async fn measure(here: &Here) -> Result<Vec<Figure>> {
    let (mut ready, mut idle) = (Vec::new(), Vec::new());
    for turn in 0..STARTS {
        let program = Program::start(&here.host, &here.path(format!("empty-{turn}"))).await?;
        ready.push(program.ready_after.as_secs_f64() * 1e3);
        tokio::time::sleep(REST).await;
        idle.push(program.memory()?.resident_mib);
        program.kill().await?;
    }
    let ready = Figure::of_rounds("empty store: start to ready", "ms", ready)?;
    let idle = Figure::of_rounds("empty store: resident while idle", "MiB", idle)?;
    let first = Figure::of_rounds(
        "start to the end of a first workflow",
        "ms",
        first(here).await?,
    )?;
    Ok(vec![
        ready.at_most(Part::Median, START_MS, PROMISE),
        idle.at_most(Part::Median, IDLE_MIB, PROMISE),
        first.at_most(Part::Median, FIRST_WORKFLOW_MS, AHEAD),
    ])
}

/// The first workflow of a host that finds its component and state machine in the store.
async fn first(here: &Here) -> Result<Vec<f64>> {
    let data = here.path("published");
    let program = Program::start(&here.host, &data).await?;
    let definition = definitions::tasks(1);
    program
        .publish("tasks-1", &here.hello()?, &definition)
        .await?;
    program.kill().await?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        let program = Program::start(&here.host, &data).await?;
        let mut operator = program.connect("operator").await?;
        run(&mut operator, "tasks-1", &definitions::input()).await?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        program.kill().await?;
    }
    Ok(times)
}
