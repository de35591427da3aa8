//! Durable workflows in a closed loop: every acknowledgement synced, the full authority chain and
//! the audit log on.

use std::sync::Arc;

use anyhow::{Result, ensure};
use engine::MachineType;

use super::Here;
use crate::closed_loop::{Plan, Ran, closed_loop};
use crate::definitions;
use crate::disk::Pace;
use crate::figure::{Figure, Part};
use crate::host::{Host, Workflows};
use crate::targets::{
    AHEAD, PEAK_MIB, PROMISE, STEP_CPU_US, TASK_MS, TEN_STEPS_MS, TEN_STEPS_PER_S, WORKFLOW_FACTOR,
};
use crate::usage;

const TASKS: [u32; 2] = [1, 10];
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
            let before = here.pace()?;
            let plan = Plan::default();
            let lanes_of = (0..lanes).map(|_| lane()).collect();
            let ran = closed_loop(plan, lanes_of, || host.syncs()).await?;
            let after = here.pace()?;
            figures.extend(
                Cell {
                    tasks,
                    lanes,
                    before,
                    after,
                }
                .figures(&ran)?,
            );
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
struct Cell {
    tasks: u32,
    lanes: usize,
    before: Pace,
    after: Pace,
}

impl Cell {
    fn figures(&self, ran: &Ran) -> Result<Vec<Figure>> {
        let tasks = f64::from(self.tasks);
        let cpu = ran.cpu_us(self.name("CPU per Task"), tasks)?;
        Ok(vec![
            self.rate(ran)?,
            self.latency(ran)?,
            cpu.at_most(Part::Median, STEP_CPU_US, AHEAD),
            ran.counted(self.name("syncs per workflow"), "syncs")?,
        ])
    }

    fn rate(&self, ran: &Ran) -> Result<Figure> {
        let (tasks, grouped) = (f64::from(self.tasks), |pace: Pace| {
            pace.grouped_per_s / f64::from(self.tasks)
        });
        let mut rate = ran.rate(self.name("workflows"))?;
        if self.lanes > 1 {
            let what = format!("records, 64 a sync, / {tasks}");
            rate = rate.limit(what, grouped(self.before), grouped(self.after));
        }
        let target = TEN_STEPS_PER_S
            .iter()
            .find(|(lanes, _)| *lanes == self.lanes);
        Ok(match target {
            Some((_, target)) if self.tasks == 10 => rate.at_least(Part::Median, *target, AHEAD),
            _ => rate,
        })
    }

    fn latency(&self, ran: &Ran) -> Result<Figure> {
        let latency = ran.latency(self.name("latency"))?;
        if self.lanes > 1 {
            return Ok(latency);
        }
        let tasks = f64::from(self.tasks);
        let syncs = |pace: Pace| pace.sync_ms * tasks;
        let what = format!("{tasks} × append + fdatasync");
        let latency = latency.limit(what, syncs(self.before), syncs(self.after));
        if self.tasks != 10 {
            return Ok(latency);
        }
        let sync_ms = f64::midpoint(self.before.sync_ms, self.after.sync_ms);
        let promised = WORKFLOW_FACTOR * tasks * (sync_ms + TASK_MS);
        let (median, p99) = TEN_STEPS_MS;
        Ok(latency
            .at_most(Part::Median, promised, PROMISE)
            .at_most(Part::Median, median, AHEAD)
            .at_most(Part::P99, p99, AHEAD))
    }

    fn name(&self, what: &str) -> String {
        let plural = if self.tasks == 1 { "Task" } else { "Tasks" };
        format!("{} {plural} at {}: {what}", self.tasks, self.lanes)
    }
}
