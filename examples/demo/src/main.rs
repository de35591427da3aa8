//! The release pipeline on a real host, and the refusals and crashes around it.
//!
//! Owns the order of the scenes; each scene says what it expects, and the first difference ends
//! the run with a non-zero exit. It talks to the host over HTTP and the command line only.

#![expect(
    clippy::indexing_slicing,
    reason = "only JSON values are indexed, and they answer null for what is not there"
)]

mod artifacts;
mod client;
mod events;
mod host;
mod process;
mod report;
mod scenes;
mod service;
mod setup;
mod stage;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// The whole demo, building included, takes longer only if something hangs.
const TIME_MAX: Duration = Duration::from_secs(30 * 60);

#[tokio::main]
async fn main() -> ExitCode {
    let started = Instant::now();
    let run = tokio::time::timeout(TIME_MAX, run());
    let result = run
        .await
        .context("the demo did not end in time")
        .and_then(|result| result);
    match result {
        Ok(()) => {
            report::section("Done");
            report::line(&format!(
                "everything was as expected, {:.1} s",
                started.elapsed().as_secs_f32()
            ));
            ExitCode::SUCCESS
        }
        Err(error) => {
            report::section("Something differed");
            report::line(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let mut stage = stage::Stage::open().await?;
    let result = play(&mut stage).await;
    if result.is_err() {
        report::section("The host's last words");
        report::line(&stage.host_log_tail());
    }
    stage.close().await;
    result
}

async fn play(stage: &mut stage::Stage) -> Result<()> {
    setup::publish(stage).await?;
    scenes::release::play(stage).await?;
    scenes::language::play(stage).await?;
    scenes::refusals::play(stage).await?;
    scenes::quarantine::play(stage).await?;
    scenes::crash::play(stage).await?;
    scenes::audit::play(stage).await
}
