//! A release that goes well, after a retry.

use std::ops::ControlFlow;

use anyhow::Result;
use reqwest::Method;

use super::{describe, record, start};
use crate::artifacts::{SEARCH, sha256};
use crate::client::{Body, text};
use crate::events::Story;
use crate::report::{self, expect};
use crate::stage::Stage;

pub(crate) async fn play(stage: &Stage) -> Result<()> {
    report::section("A release: the release API answers 503 at first");
    let operator = stage.client("operator")?;
    let execution = start(stage, &operator, SEARCH).await?;
    let mut story = Story::default();
    story
        .follow(&operator, &execution, |_| ControlFlow::Continue(()))
        .await?;

    let end = describe(&operator, &execution).await?;
    expect("the execution succeeded", end["status"] == "SUCCEEDED")?;
    let asked = stage.service.times_asked(&SEARCH.name());
    expect(
        "the Retry fired: the release API was asked twice",
        asked == 2 && story.failed_with("Http.StatusCode.503"),
    )?;
    let artifact = std::fs::read(stage.folder("artifacts").join(SEARCH.artifact_file()))?;
    let record = record(stage, SEARCH, "released")?;
    expect(
        "the record in the volume has the artifact's sha256",
        record["sha256"] == sha256(&artifact),
    )?;
    expect("the output is the record", end["output"] == record)?;
    expect(
        "the Choice saw a low risk: nothing waited",
        !story.entered("CoolOff"),
    )?;
    expect(
        "the release API was notified once",
        stage.service.outcomes(SEARCH.service) == ["released"],
    )?;
    expect(
        "the live events are complete, 1 to the last",
        story.is_complete(),
    )?;
    let logs = operator
        .done(
            Method::GET,
            &format!("/v1/executions/{execution}/logs"),
            Body::None,
        )
        .await?;
    let lines = logs["logs"].as_array().into_iter().flatten();
    for line in lines.clone() {
        report::line(&format!(
            "{:18} {}",
            text(line, "state"),
            text(line, "line")
        ));
    }
    expect("what the components wrote can be read", lines.count() >= 4)
}
