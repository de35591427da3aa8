//! `http:invoke`: the request that a Task asks for.
//!
//! Owns the reading of the Task's arguments. Whether the request may be made is decided in
//! `admission`, how it is answered in `answer`.

mod answer;
mod form;

use asl::TaskRun;
use auth::capability::Endpoint;
use bytes::Bytes;
use ports::OutgoingRequest;
use serde_json::{Map, Value};

use super::Failed;
use form::ArrayFormat;

/// What a request says of its sender unless the Task does.
const USER_AGENT: &str = "sluice";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// What a Task may say of its request.
const MEMBERS: [&str; 6] = [
    "ApiEndpoint",
    "Method",
    "Headers",
    "QueryParameters",
    "RequestBody",
    "Transform",
];
/// Members that name a connection of the service.
pub(crate) const CONNECTIONS: [&str; 2] = ["Authentication", "InvocationConfig"];
/// Why they are refused.
pub(crate) const NO_CONNECTIONS: &str = "this host has no connections, credentials for HTTP Tasks come with secrets: grant them as the role's `inject` once this version has it";
/// Headers that the service refuses, and those that would frame the message anew.
const HEADERS_REFUSED: [&str; 39] = [
    "a-im",
    "accept-charset",
    "accept-datetime",
    "accept-encoding",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-md5",
    "date",
    "expect",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "referer",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "warning",
    "www-authenticate",
    "x-amz",
    "x-amzn",
];
const HEADER_PREFIXES_REFUSED: [&str; 3] = ["x-forwarded", "x-amz-", "x-amzn-"];

/// A request that a Task asks for.
#[derive(Clone, Debug)]
pub(crate) struct HttpRequest {
    /// `Method`.
    pub(crate) method: String,
    /// `ApiEndpoint` with `QueryParameters`.
    pub(crate) endpoint: Endpoint,
    /// `Headers` and `RequestBody`.
    pub(crate) outgoing: OutgoingRequest,
}

impl HttpRequest {
    /// Reads the Task's arguments.
    pub(super) fn read(run: &TaskRun) -> Result<Self, Failed> {
        read(run.input.value()).map_err(|problem| Failed {
            error: "States.Runtime".to_owned(),
            cause: format!("the arguments of the HTTP Task cannot be used: {problem}"),
        })
    }

    /// Method, origin and path, without the query: for the record.
    pub(crate) fn shown(&self) -> String {
        format!("{} {}", self.method, self.endpoint)
    }
}

fn read(arguments: &Value) -> Result<HttpRequest, String> {
    let arguments = arguments.as_object().ok_or("they are no object")?;
    if arguments
        .keys()
        .any(|name| CONNECTIONS.contains(&name.as_str()))
    {
        return Err(NO_CONNECTIONS.to_owned());
    }
    if let Some(other) = arguments
        .keys()
        .find(|name| !MEMBERS.contains(&name.as_str()))
    {
        return Err(format!("`{other}` is no argument of an HTTP Task"));
    }
    let text = |name: &str| {
        let value = arguments.get(name).and_then(Value::as_str);
        value.ok_or_else(|| format!("`{name}` is missing or no text"))
    };
    let query = match object(arguments, "QueryParameters")? {
        Some(parameters) => form::query(parameters)?,
        None => String::new(),
    };
    let mut headers = match object(arguments, "Headers")? {
        Some(headers) => headers_of(headers)?,
        None => Vec::new(),
    };
    let body = arguments.get("RequestBody").filter(|body| !body.is_null());
    let body = match (body, encoding(arguments)?) {
        (None, _) => None,
        (Some(body), Some(format)) => {
            add_default(&mut headers, "content-type", FORM);
            let body = body
                .as_object()
                .ok_or("`RequestBody` is no object, as its encoding needs")?;
            Some(form::body(body, format)?)
        }
        (Some(body), None) => {
            add_default(&mut headers, "content-type", JSON);
            Some(plain(&headers, body))
        }
    };
    add_default(&mut headers, "user-agent", USER_AGENT);
    Ok(HttpRequest {
        method: text("Method")?.to_owned(),
        endpoint: Endpoint::parse(text("ApiEndpoint")?)?.with_query(&query),
        outgoing: OutgoingRequest {
            headers,
            body: body.map(Bytes::from),
        },
    })
}

/// A body that is not encoded: JSON, or a text under a type of its own.
fn plain(headers: &[(String, String)], body: &Value) -> String {
    let kind = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let is_json = kind.is_some_and(|(_, kind)| is_json(kind));
    match body.as_str() {
        Some(text) if !is_json => text.to_owned(),
        Some(_) | None => body.to_string(),
    }
}

/// Whether a content type says JSON.
fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    kind == JSON || kind.ends_with("+json")
}

fn object<'a>(
    arguments: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>, String> {
    match arguments.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(format!("`{name}` is no object")),
    }
}

/// How `Transform` has the body encoded as a form, if it does.
fn encoding(arguments: &Map<String, Value>) -> Result<Option<ArrayFormat>, String> {
    let Some(transform) = object(arguments, "Transform")? else {
        return Ok(None);
    };
    let format = match object(transform, "RequestEncodingOptions")? {
        Some(options) => options.get("ArrayFormat"),
        None => None,
    };
    let format = match format {
        None => ArrayFormat::Indices,
        Some(format) => format
            .as_str()
            .and_then(ArrayFormat::parse)
            .ok_or_else(|| format!("`ArrayFormat` cannot be {format}"))?,
    };
    match transform.get("RequestBodyEncoding").and_then(Value::as_str) {
        None | Some("NONE") => Ok(None),
        Some("URL_ENCODED") => Ok(Some(format)),
        Some(other) => Err(format!("`RequestBodyEncoding` cannot be `{other}`")),
    }
}

fn headers_of(headers: &Map<String, Value>) -> Result<Vec<(String, String)>, String> {
    let refused = refused_headers(headers);
    if !refused.is_empty() {
        return Err(headers_problem(&refused));
    }
    let header = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(format!("header `{name}` is no text"));
            }
        };
        let is_line = value
            .bytes()
            .all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
        match is_token(name) && is_line {
            true => Ok((name.clone(), value)),
            false => Err(format!("header `{name}` cannot be sent")),
        }
    };
    headers.iter().map(header).collect()
}

/// Those headers that a Task may not set, in lower case.
pub(crate) fn refused_headers(headers: &Map<String, Value>) -> Vec<String> {
    let names = headers.keys().map(|name| name.trim().to_ascii_lowercase());
    let is_refused = |name: &String| {
        HEADERS_REFUSED.contains(&name.as_str())
            || HEADER_PREFIXES_REFUSED
                .iter()
                .any(|prefix| name.starts_with(prefix))
    };
    names.filter(is_refused).collect()
}

/// What the service says of them.
pub(crate) fn headers_problem(refused: &[String]) -> String {
    let refused = refused.join(", ");
    format!("The 'Headers' field contains unsupported values: [{refused}]")
}

fn is_token(name: &str) -> bool {
    let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_of_token)
}

fn add_default(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    if !headers
        .iter()
        .any(|(known, _)| known.eq_ignore_ascii_case(name))
    {
        headers.push((name.to_owned(), value.to_owned()));
    }
}

#[cfg(test)]
mod tests;
