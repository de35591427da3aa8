//! Express workflows: steps in memory, start and end on record.

use std::sync::Arc;

use anyhow::{Result, ensure};
use auth::names::Name;
use engine::MachineType;

use super::Here;
use crate::closed_loop::{Lane, Plan};
use crate::definitions;
use crate::figure::Figure;
use crate::host::Host;

const TASKS: [u32; 2] = [1, 10];
const LANES: [usize; 2] = [1, 64];
/// Start and end.
const WRITES: u32 = 2;

/// The two ways to start one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Synchronous,
    Asynchronous,
}

struct Express {
    host: Arc<Host>,
    machine: Name,
    form: Form,
}

impl Lane for Express {
    async fn once(&mut self) -> Result<()> {
        let input = definitions::input();
        match self.form {
            Form::Synchronous => self.host.run_express(&self.machine, input).await,
            Form::Asynchronous => self.host.run(&self.machine, input).await,
        }
    }
}

pub(super) async fn measure(here: &Here) -> Result<Vec<Figure>> {
    let host = Arc::new(Host::start(&here.path("store")).await?);
    host.allow("bench", &here.hello()?).await?;
    let mut figures = Vec::new();
    for tasks in TASKS {
        let machine = format!("express-{tasks}");
        let definition = definitions::tasks(tasks as usize);
        let machine = host
            .publish(&machine, "bench", MachineType::Express, definition)
            .await?;
        for (form, word) in [
            (Form::Synchronous, "synchronous"),
            (Form::Asynchronous, "asynchronous"),
        ] {
            for lanes in LANES {
                let lane = || Express {
                    host: Arc::clone(&host),
                    machine: machine.clone(),
                    form,
                };
                let lanes_of = (0..lanes).map(|_| lane());
                let beside = here.loop_beside_disk(Plan::short(), lanes_of, || host.syncs());
                let beside = beside.await?;
                let plural = if tasks == 1 { "Task" } else { "Tasks" };
                let name = |what: &str| format!("{tasks} {plural}, {word}, at {lanes}: {what}");
                figures.extend(beside.pace(name, (lanes, WRITES))?);
                let cpu = beside.ran.cpu_us(name("CPU per Task"), f64::from(tasks));
                figures.push(cpu?);
                figures.push(beside.ran.counted(name("syncs per workflow"), "syncs")?);
            }
        }
    }
    ensure!(
        host.succeeded(MachineType::Express)? > 0,
        "nothing succeeded"
    );
    host.end().await?;
    Ok(figures)
}
