//! Request bodies: bounded in size and time, of the right content type, read strictly.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use document::parse_json;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use serde_json::Value;

use super::problem::Problem;
use super::state::App;
use super::yaml::parse_yaml;

const JSON: &str = "application/json";
pub(super) const WASM: &str = "application/wasm";
const YAML: &[&str] = &["application/yaml", "application/x-yaml", "text/yaml"];

/// A body not read yet, so that a caller without the right to send it is refused first.
pub(super) struct Unread {
    headers: HeaderMap,
    body: axum::body::Body,
    app: App,
}

impl FromRequest<App> for Unread {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        Ok(Self {
            headers: parts.headers,
            body,
            app: app.clone(),
        })
    }
}

impl Unread {
    /// Reads a role, a review or another small JSON document.
    ///
    /// # Errors
    /// 400, 408, 413 or 415.
    pub(super) async fn document(self) -> Result<Value, Problem> {
        let limit = self.app.limits().document_bytes_max;
        self.json(limit).await
    }

    /// Reads a JSON document where there is a body at all.
    ///
    /// # Errors
    /// 400, 408, 413 or 415.
    pub(super) async fn optional_document(self) -> Result<Option<Value>, Problem> {
        if self.body.is_end_stream() {
            return Ok(None);
        }
        self.document().await.map(Some)
    }

    /// Reads a request to start an execution: its input and little else.
    ///
    /// # Errors
    /// 400, 408, 413 or 415.
    pub(super) async fn start_request(self) -> Result<Value, Problem> {
        let limits = self.app.limits();
        let limit = limits
            .input_bytes_max
            .saturating_add(limits.document_bytes_max);
        self.json(limit).await
    }

    /// Reads a state machine definition, JSON or YAML.
    ///
    /// # Errors
    /// 400, 408, 413 or 415.
    pub(super) async fn definition(self) -> Result<Value, Problem> {
        let limit = self.app.limits().definition_bytes_max;
        let content_type = self.content_type();
        let parsed = if YAML.contains(&content_type.as_str()) {
            parse_yaml(&self.read(limit).await?)
        } else if content_type == JSON {
            parse_json(&self.read(limit).await?)
        } else {
            return Err(Problem::unsupported_media_type(&[JSON, "application/yaml"]));
        };
        parsed.map_err(|problem| Problem::invalid(vec![problem]))
    }

    /// Reads a component's bytes.
    ///
    /// # Errors
    /// 408, 413 or 415.
    pub(super) async fn wasm(self) -> Result<Bytes, Problem> {
        if self.content_type() != WASM {
            return Err(Problem::unsupported_media_type(&[WASM]));
        }
        let limit = self.app.limits().component_bytes_max;
        self.read(limit).await
    }

    /// Reads a call of an AWS face: large enough for a definition or an input as a text within it.
    ///
    /// # Errors
    /// 408, 413 or 415.
    pub(super) async fn service_call(self, content_type: &str) -> Result<Bytes, Problem> {
        if self.content_type() != content_type {
            return Err(Problem::unsupported_media_type(&[content_type]));
        }
        let limits = self.app.limits();
        let text = limits.definition_bytes_max.max(limits.input_bytes_max);
        // Every quote within a text is escaped.
        let limit = text
            .saturating_mul(2)
            .saturating_add(limits.document_bytes_max);
        self.read(limit).await
    }

    async fn json(self, limit: usize) -> Result<Value, Problem> {
        if self.content_type() != JSON {
            return Err(Problem::unsupported_media_type(&[JSON]));
        }
        let bytes = self.read(limit).await?;
        parse_json(&bytes).map_err(|problem| Problem::invalid(vec![problem]))
    }

    /// The media type without its parameters, lower case; empty if there is none or more than one.
    fn content_type(&self) -> String {
        let mut values = self.headers.get_all(CONTENT_TYPE).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return String::new();
        };
        let text = value.to_str().unwrap_or_default();
        let media_type = text.split(';').next().unwrap_or_default();
        media_type.trim().to_ascii_lowercase()
    }

    async fn read(self, limit: usize) -> Result<Bytes, Problem> {
        let length = self.headers.get(CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > limit as u64) {
            return Err(Problem::too_large(limit));
        }
        let limit_ms = self.app.body_ms_max();
        let read = collect(self.body, limit);
        match tokio::time::timeout(Duration::from_millis(limit_ms), read).await {
            Ok(read) => read,
            Err(_) => Err(Problem::body_timeout(limit_ms)),
        }
    }
}

async fn collect(mut body: axum::body::Body, limit: usize) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::malformed("the body ended early"))?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if data.len() > limit.saturating_sub(bytes.len()) {
            return Err(Problem::too_large(limit));
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes.freeze())
}
