//! A client of `/v1`.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use super::CliError;
use super::output::visible;
use crate::secret::Secret;

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// Longer than the keep-alive pause of an event stream and than a component takes to compile.
const SILENCE_MAX: Duration = Duration::from_secs(150);
const ANSWER_BYTES_MAX: usize = 1024 * 1024 * 1024;
const PROBLEMS_SHOWN_MAX: usize = 100;

/// A client of one host.
pub(super) struct Client {
    base: Url,
    token: Option<Secret>,
    http: reqwest::Client,
}

impl Client {
    /// A client that follows no redirect: the token is for this host only.
    pub(super) fn new(url: &str, token: Option<Secret>) -> Result<Self, CliError> {
        let usage = |message: String| CliError::Usage(message);
        let base = Url::parse(url).ok().filter(|url| !url.cannot_be_a_base());
        let base = base.filter(|url| matches!(url.scheme(), "http" | "https"));
        let base = base.ok_or_else(|| {
            usage(format!(
                "`{}` is not an http or https address",
                url.escape_debug()
            ))
        })?;
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIME_MAX)
            .read_timeout(SILENCE_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("sluice-cli/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let http = builder.build();
        let http = http.map_err(|error| usage(format!("no HTTP client can be made: {error}")))?;
        Ok(Self { base, token, http })
    }

    /// Reads what is at `segments`.
    pub(super) async fn get(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Value, CliError> {
        let request = self.request(Method::GET, segments, query)?;
        json(self.send(request).await?).await
    }

    /// Puts a body at `segments`.
    pub(super) async fn put(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<Value, CliError> {
        let request = self.request(Method::PUT, segments, query)?;
        let request = request
            .header(http::header::CONTENT_TYPE, content_type)
            .body(body);
        json(self.send(request).await?).await
    }

    /// Posts a JSON document to `segments`.
    pub(super) async fn post(&self, segments: &[&str], body: &Value) -> Result<Value, CliError> {
        let request = self.request(Method::POST, segments, &[])?;
        let request = request.header(http::header::CONTENT_TYPE, "application/json");
        json(self.send(request.body(body.to_string())).await?).await
    }

    /// Opens the event stream at `segments`, behind `last_event_id`.
    pub(super) async fn events(
        &self,
        segments: &[&str],
        last_event_id: Option<&str>,
    ) -> Result<AnswerBytes, CliError> {
        let mut request = self.request(Method::GET, segments, &[])?;
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        Ok(AnswerBytes(self.send(request).await?))
    }

    /// Opens what is at `segments`, however long it is.
    pub(super) async fn download(&self, segments: &[&str]) -> Result<AnswerBytes, CliError> {
        let request = self.request(Method::GET, segments, &[])?;
        Ok(AnswerBytes(self.send(request).await?))
    }

    fn request(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<RequestBuilder, CliError> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut path) => {
                path.pop_if_empty().extend(segments);
            }
            Err(()) => return Err(CliError::Usage("the address has no path".to_owned())),
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.reveal());
        }
        Ok(request)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CliError> {
        let response = request.send().await.map_err(|error| {
            let address = self.base.as_str();
            CliError::Unreachable(format!("no answer from `{address}`: {}", reason(&error)))
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let problem = body(response).await?;
        let message = describe(status, &problem);
        Err(match status.is_server_error() {
            true => CliError::Unreachable(message),
            false => CliError::Refused(message),
        })
    }
}

/// The bytes of an answer as they arrive.
pub(super) struct AnswerBytes(Response);

impl AnswerBytes {
    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, CliError> {
        self.0.chunk().await.map_err(|error| {
            CliError::Unreachable(format!("the answer broke off: {}", reason(&error)))
        })
    }
}

async fn json(response: Response) -> Result<Value, CliError> {
    let bytes = body(response).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        CliError::Unreachable(format!(
            "the answer is not JSON, is this a sluice host? {error}"
        ))
    })
}

async fn body(mut response: Response) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let broken = |error: reqwest::Error| {
        CliError::Unreachable(format!("the answer broke off: {}", reason(&error)))
    };
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if chunk.len() > ANSWER_BYTES_MAX.saturating_sub(bytes.len()) {
            return Err(CliError::Unreachable("the answer is too large".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A problem (RFC 9457) in lines for people.
fn describe(status: StatusCode, body: &[u8]) -> String {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| problem.get(name).and_then(Value::as_str).map(visible);
    let title = text("title").unwrap_or_else(|| status.to_string());
    let mut message = title;
    if let Some(detail) = text("detail") {
        message.push_str(&format!(": {detail}"));
    }
    if let Some(rule) = text("rule").filter(|rule| !message.contains(rule.as_str())) {
        message.push_str(&format!(" (rule `{rule}`)"));
    }
    let errors = problem.get("errors").and_then(Value::as_array);
    for error in errors.into_iter().flatten().take(PROBLEMS_SHOWN_MAX) {
        let part = |name: &str| error.get(name).and_then(Value::as_str).map(visible);
        let (pointer, detail) = (part("pointer"), part("detail"));
        let pointer = pointer.filter(|pointer| !pointer.is_empty());
        let pointer = pointer.unwrap_or_else(|| "(document)".to_owned());
        message.push_str(&format!("\n  {pointer}: {}", detail.unwrap_or_default()));
    }
    message
}

/// The innermost cause: the outer ones repeat the address, which may hold a name of the caller's.
fn reason(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    visible(&innermost.to_string())
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_a_problem_is_shown() {
        let body = br#"{"title": "Access denied", "detail": "no", "rule": "r",
            "errors": [{"pointer": "/a", "detail": "x\u001b"}, {"pointer": "", "detail": "y"}]}"#;
        let shown = describe(StatusCode::FORBIDDEN, body);
        assert_eq!(
            shown,
            "Access denied: no (rule `r`)\n  /a: x\\u{1b}\n  (document): y"
        );
        assert_eq!(
            describe(StatusCode::BAD_GATEWAY, b"<html>"),
            "502 Bad Gateway"
        );
    }

    #[test]
    fn arns_are_one_segment_of_the_path() {
        let client = Client::new("http://127.0.0.1:1/base/", None).unwrap();
        let request = client.request(
            Method::GET,
            &["v1", "executions", "arn:a/b?c"],
            &[("q", "1&2")],
        );
        let url = request.unwrap().build().unwrap().url().to_string();
        assert_eq!(
            url,
            "http://127.0.0.1:1/base/v1/executions/arn:a%2Fb%3Fc?q=1%262"
        );
    }

    #[test]
    fn other_schemes_are_refused() {
        for url in ["", "file:///etc/passwd", "mailto:a", "127.0.0.1:80"] {
            assert!(Client::new(url, None).is_err(), "{url}");
        }
    }
}
