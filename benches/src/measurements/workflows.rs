//! Durable workflows in a closed loop: every acknowledgement synced, the full authority chain and
//! the audit log on.

use std::sync::Arc;

use anyhow::{Result, ensure};
use engine::MachineType;

use super::Here;
use super::beside::Beside;
use crate::closed_loop::Plan;
use crate::definitions;
use crate::figure::{Figure, Part};
use crate::host::{Host, Workflows};
use crate::targets::{
    AHEAD, PEAK_MIB, PROMISE, STEP_CPU_US, TASK_MS, TEN_STEPS_MS, TEN_STEPS_PER_S, WORKFLOW_FACTOR,
};
use crate::usage;

const TASKS: [u32; 2] = [1, 10];
/// The number of Tasks that targets are about.
const TEN: u32 = 10;
const LANES: [usize; 4] = [1, 16, 64, 256];

pub(super) async fn measure(here: &Here) -> Result<Vec<Figure>> {
    let host = Arc::new(Host::start(&here.path("store")).await?);
    host.allow("bench", &here.hello()?).await?;
    let mut figures = Vec::new();
    for tasks in TASKS {
        let machine = format!("tasks-{tasks}");
        let definition = definitions::tasks(tasks as usize);
        let machine = host
            .publish(&machine, "bench", MachineType::Standard, definition)
            .await?;
        for lanes in LANES {
            let lane = || Workflows {
                host: Arc::clone(&host),
                machine: machine.clone(),
                input: definitions::input(),
            };
            let lanes_of = (0..lanes).map(|_| lane());
            let beside = here.loop_beside_disk(Plan::default(), lanes_of, || host.syncs());
            figures.extend(cell(tasks, lanes, &beside.await?)?);
        }
    }
    ensure!(
        host.succeeded(MachineType::Standard)? > 0,
        "nothing succeeded"
    );
    let peak = Figure::new("resident at the most", "MiB", usage::memory()?.peak_mib);
    figures.push(peak.at_most(Part::Median, PEAK_MIB, AHEAD));
    host.end().await?;
    Ok(figures)
}

/// One number of Tasks at one concurrency.
fn cell(tasks: u32, lanes: usize, beside: &Beside) -> Result<[Figure; 4]> {
    let plural = if tasks == 1 { "Task" } else { "Tasks" };
    let name = |what: &str| format!("{tasks} {plural} at {lanes}: {what}");
    let [mut rate, mut latency] = beside.pace(name, (lanes, tasks))?;
    let target = TEN_STEPS_PER_S.iter().find(|(at, _)| *at == lanes);
    if let (TEN, Some((_, target))) = (tasks, target) {
        rate = rate.at_least(Part::Median, *target, AHEAD);
    }
    if (tasks, lanes) == (TEN, 1) {
        let promised = WORKFLOW_FACTOR * f64::from(tasks) * (beside.sync_ms() + TASK_MS);
        let (median, p99) = TEN_STEPS_MS;
        latency = latency
            .at_most(Part::Median, promised, PROMISE)
            .at_most(Part::Median, median, AHEAD)
            .at_most(Part::P99, p99, AHEAD);
    }
    let cpu = beside.ran.cpu_us(name("CPU per Task"), f64::from(tasks))?;
    Ok([
        rate,
        latency,
        cpu.at_most(Part::Median, STEP_CPU_US, AHEAD),
        beside.ran.counted(name("syncs per workflow"), "syncs")?,
    ])
}
