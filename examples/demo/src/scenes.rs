//! The scenes, and what they share: starting a release and reading how it ended.

pub(crate) mod audit;
pub(crate) mod crash;
pub(crate) mod language;
pub(crate) mod quarantine;
pub(crate) mod refusals;
pub(crate) mod release;

use std::fs;

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};

use crate::artifacts::Release;
use crate::client::{Body, Client, text};
use crate::setup::PIPELINE;
use crate::stage::Stage;

/// How long a risky release waits.
const COOL_OFF_S: u64 = 5;

/// Starts a release and answers the execution's id.
async fn start(stage: &Stage, operator: &Client, release: Release) -> Result<String> {
    let start = json!({
        "stateMachine": PIPELINE,
        "name": release.name().replace('.', "-"),
        "input": {
            "api": stage.service.origin,
            "service": release.service,
            "version": release.version,
            "coolOffSeconds": COOL_OFF_S,
        },
    });
    let started = operator
        .done(Method::POST, "/v1/executions", Body::Json(start))
        .await?;
    Ok(text(&started, "id").to_owned())
}

/// How an execution stands.
async fn describe(client: &Client, execution: &str) -> Result<Value> {
    client
        .done(
            Method::GET,
            &format!("/v1/executions/{execution}"),
            Body::None,
        )
        .await
}

/// The record a release left in the volume `releases`.
fn record(stage: &Stage, release: Release, outcome: &str) -> Result<Value> {
    let path = stage
        .folder("releases")
        .join(format!("{}.{outcome}.json", release.name()));
    let text =
        fs::read(&path).with_context(|| format!("there is no record `{}`", path.display()))?;
    Ok(serde_json::from_slice(&text)?)
}
