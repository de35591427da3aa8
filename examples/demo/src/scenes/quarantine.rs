//! Releases that the pipeline itself stops: a changed artifact, a frozen service.

use std::ops::ControlFlow;

use anyhow::Result;

use super::{describe, record, start};
use crate::artifacts::{BILLING, CATALOGUE, Release};
use crate::events::Story;
use crate::report::{self, expect};
use crate::stage::Stage;

pub(crate) async fn play(stage: &Stage) -> Result<()> {
    report::section("A corrupted artifact: one byte changed after the build");
    CATALOGUE.corrupt(&stage.folder("artifacts"))?;
    quarantined(stage, CATALOGUE, "Release.ChecksumMismatch").await?;
    report::section("A frozen service");
    quarantined(stage, BILLING, "Release.Frozen").await
}

async fn quarantined(stage: &Stage, release: Release, error: &str) -> Result<()> {
    let operator = stage.client("operator")?;
    let execution = start(stage, &operator, release).await?;
    let mut story = Story::default();
    story
        .follow(&operator, &execution, |_| ControlFlow::Continue(()))
        .await?;

    let end = describe(&operator, &execution).await?;
    expect(
        "a Catch caught it",
        story.failed_with(error) && story.entered("Quarantine"),
    )?;
    expect(
        &format!("the execution failed with {error}"),
        end["status"] == "FAILED" && end["error"] == error,
    )?;
    let record = record(stage, release, "quarantined")?;
    expect(
        "the quarantine is on record, with the reason",
        record["reason"] == end["cause"],
    )?;
    expect(
        "nothing was recorded as released",
        super::record(stage, release, "released").is_err(),
    )?;
    expect(
        "the release API was notified of it",
        stage.service.outcomes(release.service) == ["quarantined"],
    )
}
