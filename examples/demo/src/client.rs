//! Calls to the host's `/v1` routes as one of the ready-made people.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::host::Ready;
use crate::report;

/// How long one call may take.
const CALL_MAX: Duration = Duration::from_secs(60);

/// One person's way to the host.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
    person: String,
}

/// What goes into a request.
pub(crate) enum Body {
    /// Nothing.
    None,
    /// JSON.
    Json(Value),
    /// A component.
    Wasm(Vec<u8>),
}

/// What the host answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The body; null if it was not JSON.
    pub(crate) body: Value,
}

impl Client {
    /// The way of `person` to a host.
    ///
    /// # Errors
    /// The host has no such person.
    pub(crate) fn new(ready: &Ready, person: &str) -> Result<Self> {
        let token = ready.tokens.get(person);
        let token = token.with_context(|| format!("the ready file has no token for `{person}`"))?;
        Ok(Self {
            http: reqwest::Client::builder().no_proxy().build()?,
            url: ready.url.trim_end_matches('/').to_owned(),
            token: token.clone(),
            person: person.to_owned(),
        })
    }

    /// Calls, whatever the answer.
    ///
    /// # Errors
    /// There is no answer.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Body) -> Result<Answer> {
        let request = self
            .http
            .request(method.clone(), format!("{}{path}", self.url));
        let request = request.bearer_auth(&self.token).timeout(CALL_MAX);
        let request = match body {
            Body::None => request,
            Body::Json(value) => request.json(&value),
            Body::Wasm(bytes) => request
                .header("content-type", "application/wasm")
                .body(bytes),
        };
        let response = request
            .send()
            .await
            .with_context(|| format!("{method} {path} got no answer"))?;
        let status = response.status();
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, body })
    }

    /// Calls, and expects it to be done.
    ///
    /// # Errors
    /// The host refused.
    pub(crate) async fn done(&self, method: Method, path: &str, body: Body) -> Result<Value> {
        let answer = self.call(method.clone(), path, body).await?;
        ensure!(
            answer.status.is_success(),
            "{method} {path} as {} was answered {}: {}",
            self.person,
            answer.status,
            answer.body
        );
        Ok(answer.body)
    }

    /// Opens an execution's stream of events from its beginning.
    ///
    /// # Errors
    /// The host refused.
    pub(crate) async fn events(&self, execution: &str) -> Result<reqwest::Response> {
        let request = self
            .http
            .get(format!("{}/v1/executions/{execution}/events", self.url));
        let request = request
            .bearer_auth(&self.token)
            .header("accept", "text/event-stream");
        let response = request
            .send()
            .await
            .context("the stream of events got no answer")?;
        ensure!(
            response.status().is_success(),
            "the stream of events was answered {}",
            response.status()
        );
        Ok(response)
    }
}

impl Answer {
    /// Prints what the host said, and every problem it listed.
    pub(crate) fn print(&self) {
        let detail = self.body["detail"].as_str().unwrap_or("");
        report::line(&format!("{}: {detail}", self.status));
        for error in self.problems() {
            report::line(&format!("  at {}", text(error, "pointer")));
            report::line(&format!("     {}", text(error, "detail")));
        }
    }

    /// The problems it listed.
    pub(crate) fn problems(&self) -> &[Value] {
        self.body["errors"].as_array().map_or(&[], Vec::as_slice)
    }
}

/// A member that is text, or nothing.
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or("")
}
