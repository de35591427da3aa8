//! Tells the release API what became of a release.

use std::time::Duration;

use sluice_step::http::Request;
use sluice_step::{Context, Failure, step};

#[derive(serde::Deserialize)]
struct Input {
    api: String,
    service: String,
    version: String,
    outcome: String,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(serde::Serialize)]
struct Notification<'a> {
    service: &'a str,
    version: &'a str,
    outcome: &'a str,
    reason: Option<&'a str>,
    execution: &'a str,
}

#[derive(serde::Serialize)]
struct Output {
    status: u16,
}

#[step(manifest = "manifest.toml")]
fn notify(input: Input, context: &Context) -> Result<Output, Failure> {
    let response = Request::post(format!("{}/v1/notifications", input.api))
        .header("idempotency-key", &context.idempotency_key)
        .timeout(Duration::from_secs(5))
        .json(&Notification {
            service: &input.service,
            version: &input.version,
            outcome: &input.outcome,
            reason: input.reason.as_deref(),
            execution: &context.execution,
        })
        .send()?
        .error_for_status()?;
    Ok(Output {
        status: response.status,
    })
}
