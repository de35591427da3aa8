//! Chains of Pass states, each of which stays within one turn and so within one commit.

use std::sync::Arc;

use anyhow::{Result, ensure};
use engine::MachineType;

use super::Here;
use crate::closed_loop::{Plan, closed_loop};
use crate::definitions;
use crate::figure::Figure;
use crate::host::{Host, Workflows};

const CHAINS: [u32; 2] = [10, 100];
const LANES: [usize; 2] = [1, 64];

pub(super) async fn measure(here: &Here) -> Result<Vec<Figure>> {
    let host = Arc::new(Host::start(&here.path("store")).await?);
    // Whatever the role allows, a Pass state asks for nothing.
    host.allow("bench", &here.hello()?).await?;
    let mut figures = Vec::new();
    for length in CHAINS {
        let machine = format!("passes-{length}");
        let definition = definitions::passes(length as usize);
        let machine = host
            .publish(&machine, "bench", MachineType::Standard, definition)
            .await?;
        for lanes in LANES {
            let before = here.pace()?;
            let lanes_of = (0..lanes).map(|_| Workflows {
                host: Arc::clone(&host),
                machine: machine.clone(),
                input: definitions::input(),
            });
            let lanes_of = lanes_of.collect();
            let ran = closed_loop(Plan::default(), lanes_of, || host.syncs()).await?;
            let after = here.pace()?;
            let name = |what| format!("{length} Pass states at {lanes}: {what}");
            figures.push(match lanes {
                1 => ran.rate(name("workflows"))?,
                _ => ran.rate(name("workflows"))?.limit(
                    "records, 64 a sync",
                    before.grouped_per_s,
                    after.grouped_per_s,
                ),
            });
            let latency = ran.latency(name("latency"))?;
            figures.push(match lanes {
                1 => latency.limit("append + fdatasync", before.sync_ms, after.sync_ms),
                _ => latency,
            });
            figures.push(ran.cpu_us(name("CPU per state"), f64::from(length))?);
            figures.push(ran.counted(name("syncs per workflow"), "syncs")?);
        }
    }
    ensure!(
        host.succeeded(MachineType::Standard)? > 0,
        "nothing succeeded"
    );
    host.end().await?;
    Ok(figures)
}
