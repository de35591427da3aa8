//! States that run many Tasks at once, through engine and store: whether an item of a large Map
//! costs what one of a small Map does.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use auth::names::Name;
use engine::MachineType;

use super::Here;
use super::parts::maps;
use crate::again::{Inside, ask};
use crate::closed_loop::Plan;
use crate::definitions;
use crate::figure::{Figure, Part};
use crate::host::{Host, Workflows};
use crate::samples::Samples;
use crate::targets::{MAP_RATIO, PROMISE};
use crate::usage;

const BRANCHES: u32 = 100;
const SMALL: usize = 100;
const LARGE: usize = 10_000;
const ROUNDS: usize = 2;

pub(super) async fn measure(here: &Here) -> Result<Vec<Figure>> {
    let host = Arc::new(Host::start_with(&here.path("store"), maps::setup()).await?);
    host.allow("bench", &here.hello()?).await?;
    let mut figures = parallel(here, &host).await?;
    figures.extend(map_times(&host).await?);
    ensure!(
        host.succeeded(MachineType::Standard)? > 0,
        "nothing succeeded"
    );
    host.end().await?;
    figures.extend(map_memory(here).await?);
    Ok(figures)
}

async fn parallel(here: &Here, host: &Arc<Host>) -> Result<Vec<Figure>> {
    let definition = definitions::parallel(BRANCHES as usize);
    let machine = host
        .publish("parallel", "bench", MachineType::Standard, definition)
        .await?;
    let lane = Workflows {
        host: Arc::clone(host),
        machine,
        input: definitions::input(),
    };
    let beside = here.loop_beside_disk(Plan::short(), [lane], || host.syncs());
    let beside = beside.await?;
    let name = |what: &str| format!("Parallel of {BRANCHES} at 1: {what}");
    let cpu = name("CPU per branch");
    Ok(vec![
        beside.rate(name("workflows"), BRANCHES)?,
        beside.ran.latency(name("latency"))?,
        beside.ran.cpu_us(cpu, f64::from(BRANCHES))?,
        beside.ran.counted(name("syncs per workflow"), "syncs")?,
    ])
}

/// What one item took, in microseconds.
struct PerItem {
    time: Vec<f64>,
    cpu: Vec<f64>,
}

/// As many items in one Map as in a hundred small ones one after another, in turn.
async fn map_times(host: &Arc<Host>) -> Result<Vec<Figure>> {
    let machine = host
        .publish("map", "bench", MachineType::Standard, definitions::map())
        .await?;
    let (mut small, mut large) = (PerItem::new(), PerItem::new());
    host.run(&machine, definitions::items(SMALL)).await?;
    for _ in 0..ROUNDS {
        small.round(host, &machine, SMALL).await?;
        large.round(host, &machine, LARGE).await?;
    }
    let mut figures = Vec::new();
    for (what, small, large) in [
        ("time per item", small.time, large.time),
        ("CPU per item", small.cpu, large.cpu),
    ] {
        let base = Samples::of(small.iter().copied())?.median();
        figures.push(Figure::of_rounds(
            format!("Map of {SMALL}: {what}"),
            "µs",
            small,
        )?);
        let figure = Figure::of_rounds(format!("Map of {LARGE}: {what}"), "µs", large)?;
        figures.push(figure.limit(format!("Map of {SMALL}"), base, base).at_most(
            Part::Ratio,
            MAP_RATIO,
            PROMISE,
        ));
    }
    Ok(figures)
}

impl PerItem {
    fn new() -> Self {
        Self {
            time: Vec::new(),
            cpu: Vec::new(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a small constant")]
    async fn round(&mut self, host: &Host, machine: &Name, items: usize) -> Result<()> {
        let input = definitions::items(items);
        let (began, cpu) = (Instant::now(), usage::cpu_time()?);
        for _ in 0..LARGE / items {
            host.run(machine, input.clone()).await?;
        }
        let each = LARGE as f64 / 1e6;
        self.time.push(began.elapsed().as_secs_f64() / each);
        let cpu = usage::cpu_time()?.saturating_sub(cpu);
        self.cpu.push(cpu.as_secs_f64() / each);
        Ok(())
    }
}

/// As many items at once, in one Map and in a hundred, each in a process of its own.
async fn map_memory(here: &Here) -> Result<Vec<Figure>> {
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for (items, grown) in [(SMALL, &mut small), (LARGE, &mut large)] {
            let given = maps::Given {
                folder: here.path(format!("maps-{items}-{round}")),
                component: here.component.clone(),
                executions: LARGE / items,
                items,
            };
            let mib: f64 = ask(Inside::Maps, &given).await?;
            #[expect(clippy::cast_precision_loss, reason = "a small constant")]
            grown.push(mib * 1024.0 / LARGE as f64);
        }
    }
    let base = Samples::of(small.iter().copied())?.median();
    let small = Figure::of_rounds("100 Maps of 100 at once: memory per item", "KiB", small)?;
    let large = Figure::of_rounds("Map of 10,000: memory per item", "KiB", large)?;
    let large = large.limit("100 Maps of 100 at once", base, base);
    Ok(vec![small, large.at_most(Part::Ratio, MAP_RATIO, PROMISE)])
}
