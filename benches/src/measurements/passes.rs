//! Chains of Pass states, each of which stays within one turn and so within one commit.

use std::sync::Arc;

use anyhow::{Result, ensure};
use engine::MachineType;

use super::Here;
use crate::closed_loop::Plan;
use crate::definitions;
use crate::figure::Figure;
use crate::host::{Host, Workflows};

const CHAINS: [u32; 2] = [10, 100];
const LANES: [usize; 2] = [1, 64];

pub(super) async fn measure(here: &Here) -> Result<Vec<Figure>> {
    let host = Arc::new(Host::start(&here.path("store")).await?);
    host.allow("bench", &here.hello()?).await?;
    let mut figures = Vec::new();
    for length in CHAINS {
        let machine = format!("passes-{length}");
        let definition = definitions::passes(length as usize);
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
            let beside = here.loop_beside_disk(Plan::short(), lanes_of, || host.syncs());
            let beside = beside.await?;
            let name = |what: &str| format!("{length} Pass states at {lanes}: {what}");
            figures.extend(beside.pace(name, (lanes, 1))?);
            let cpu = beside.ran.cpu_us(name("CPU per state"), f64::from(length));
            figures.push(cpu?);
            figures.push(beside.ran.counted(name("syncs per workflow"), "syncs")?);
        }
    }
    ensure!(
        host.succeeded(MachineType::Standard)? > 0,
        "nothing succeeded"
    );
    host.end().await?;
    Ok(figures)
}
