//! Recovery after SIGKILL: executions in the middle of a Task, taken up by the next host.

use anyhow::Result;
use serde_json::Value;

use super::Here;
use super::parts::opening::{Given, Opened};
use crate::again::{Again, Inside};
use crate::figure::{Figure, Part};
use crate::targets::{PROMISE, RECOVERY_S};

/// As many as the promise is about.
const OPEN_LONG: usize = 100_000;
const OPEN: usize = 20_000;
const ROUNDS: usize = 3;

pub(super) async fn measure(here: &Here) -> Result<Vec<Figure>> {
    let open = if here.is_long { OPEN_LONG } else { OPEN };
    let given = Given {
        folder: here.path("store"),
        open,
    };
    let mut leaving = Again::start(Inside::LeaveOpen, &given)?;
    let _: Value = leaving.answer().await?;
    leaving.kill().await?;
    let mut rounds: Vec<Opened> = Vec::new();
    for _ in 0..ROUNDS {
        let mut taking_up = Again::start(Inside::TakeUp, &given)?;
        rounds.push(taking_up.answer().await?);
        taking_up.kill().await?;
    }
    let figure = |what: &str, unit, of: fn(&Opened) -> f64| {
        let name = format!("{open} open executions: {what}");
        Figure::of_rounds(name, unit, rounds.iter().map(of))
    };
    let mut ready = figure("open to ready", "s", |opened| opened.ready_s)?;
    if open == OPEN_LONG {
        ready = ready.at_most(Part::Median, RECOVERY_S, PROMISE);
    }
    Ok(vec![
        ready,
        figure("open to all Tasks running again", "s", |opened| {
            opened.taken_up_s
        })?,
        figure("resident with all of them", "MiB", |opened| {
            opened.resident_mib
        })?,
    ])
}
