//! The host is killed in the middle of an execution, which then completes.

use std::ops::ControlFlow;

use anyhow::Result;
use reqwest::Method;

use super::{describe, record, start};
use crate::artifacts::PAYMENTS;
use crate::client::{Body, text};
use crate::events::Story;
use crate::report::{self, expect};
use crate::stage::Stage;

pub(crate) async fn play(stage: &mut Stage) -> Result<()> {
    report::section("The host is killed while a risky release waits");
    let operator = stage.client("operator")?;
    let execution = start(stage, &operator, PAYMENTS).await?;
    let mut story = Story::default();
    let until_it_waits = |event: &serde_json::Value| match text(event, "type") {
        "WaitStateEntered" => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    story.follow(&operator, &execution, until_it_waits).await?;
    expect(
        "the Choice saw a high risk: the release waits",
        story.entered("CoolOff"),
    )?;
    stage.kill_host().await?;
    report::line("host killed (SIGKILL)");
    let unreachable = operator
        .call(Method::GET, "/healthz", Body::None)
        .await
        .is_err();
    expect("nobody answers", unreachable)?;

    stage.start_host().await?;
    let operator = stage.client("operator")?;
    story
        .follow(&operator, &execution, |_| ControlFlow::Continue(()))
        .await?;
    let end = describe(&operator, &execution).await?;
    expect(
        "the execution completed on the restarted host",
        end["status"] == "SUCCEEDED",
    )?;
    expect(
        "no event was lost or told twice",
        story.is_complete() && story.count("ExecutionStarted") == 1,
    )?;
    let record = record(stage, PAYMENTS, "released")?;
    expect(
        "the release is on record",
        record["execution"] == end["executionArn"],
    )?;
    expect(
        "the release API was notified once",
        stage.service.outcomes(PAYMENTS.service) == ["released"],
    )
}
