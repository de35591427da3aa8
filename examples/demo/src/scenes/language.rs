//! A step in C: no SDK, no manifest, stdin to stdout.

use std::ops::ControlFlow;

use anyhow::Result;
use reqwest::Method;
use serde_json::json;

use super::describe;
use crate::artifacts::sha256;
use crate::client::{Body, text};
use crate::events::Story;
use crate::report::{self, expect};
use crate::stage::Stage;
use crate::{process, setup};

const COMPONENT: &str = "checksum";
const ROLE: &str = "release-policy";

pub(crate) async fn play(stage: &Stage) -> Result<()> {
    report::section("A step in another language: C, compiled to wasi:cli/run");
    let wasm = match process::build_checksum_c(&stage.folder("checksum.wasm")).await? {
        Ok(wasm) => wasm,
        Err(reason) => {
            report::line(&format!("skipped: {reason}"));
            return Ok(());
        }
    };
    setup::upload_bytes(&stage.client("author")?, COMPONENT, wasm).await?;
    setup::review(&stage.client("reviewer")?, COMPONENT, ROLE).await?;
    let operator = stage.client("operator")?;
    let definition = json!({
        "StartAt": "Checksum",
        "States": {"Checksum": {"Type": "Task", "Resource": format!("component:{COMPONENT}"), "End": true}},
    });
    let path = format!("/v1/state-machines/{COMPONENT}?role={ROLE}");
    operator
        .done(Method::PUT, &path, Body::Json(definition))
        .await?;

    let input = json!({"release": "search-4.2.0", "by": "operator"});
    let start = json!({"stateMachine": COMPONENT, "input": input});
    let started = operator
        .done(Method::POST, "/v1/executions", Body::Json(start))
        .await?;
    let execution = text(&started, "id");
    let mut story = Story::default();
    story
        .follow(&operator, execution, |_| ControlFlow::Continue(()))
        .await?;
    let end = describe(&operator, execution).await?;
    let expected = sha256(input.to_string().as_bytes());
    expect(
        "it answers the sha256 of its input",
        end["output"]["sha256"] == expected,
    )
}
