//! One request over `wasi:http`.

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, IncomingResponse, Method,
    OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

use super::url::Url;
use super::{HttpError, Request, Response};

/// How much one read asks for, in bytes.
const READ_BYTES: u64 = 64 * 1024;

/// How much `blocking-write-and-flush` takes at once, in bytes.
const WRITE_BYTES_MAX: usize = 4096;

pub(super) fn send(request: Request) -> Result<Response, HttpError> {
    let body = request.body.clone()?;
    let url = Url::parse(&request.url)?;
    if cfg!(not(target_os = "wasi")) {
        return Err(HttpError::Socket(
            "there is no network outside a Sluice host".to_owned(),
        ));
    }
    let outgoing = outgoing(&request, &url, body.len())?;
    let outgoing_body = outgoing
        .body()
        .map_err(|()| invalid("the body was taken"))?;
    let future = outgoing_handler::handle(outgoing, options(&request)?).map_err(http_error)?;
    write(outgoing_body, &body)?;
    let incoming = wait(&future)?;
    read(&incoming, request.response_bytes_max)
}

fn outgoing(
    request: &Request,
    url: &Url<'_>,
    body_bytes: usize,
) -> Result<OutgoingRequest, HttpError> {
    let headers = Fields::new();
    for (name, value) in &request.headers {
        headers
            .append(name, value.as_bytes())
            .map_err(|error| invalid(format!("header `{name}`: {error}")))?;
    }
    if body_bytes > 0 && !headers.has("content-length") {
        headers
            .append("content-length", body_bytes.to_string().as_bytes())
            .map_err(|error| invalid(format!("header `content-length`: {error}")))?;
    }
    let outgoing = OutgoingRequest::new(headers);
    let scheme = if url.is_https {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let (method, target) = (method(&request.method), url.target());
    outgoing
        .set_method(&method)
        .map_err(|()| invalid(format!("`{}` is not a method", request.method)))?;
    outgoing
        .set_scheme(Some(&scheme))
        .and_then(|()| outgoing.set_authority(Some(url.authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(&target)))
        .map_err(|()| invalid(format!("`{}` is not a URL", request.url)))?;
    Ok(outgoing)
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn options(request: &Request) -> Result<Option<RequestOptions>, HttpError> {
    let Some(timeout) = request.timeout else {
        return Ok(None);
    };
    let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    let options = RequestOptions::new();
    options
        .set_connect_timeout(Some(nanoseconds))
        .and_then(|()| options.set_first_byte_timeout(Some(nanoseconds)))
        .and_then(|()| options.set_between_bytes_timeout(Some(nanoseconds)))
        .map_err(|()| invalid("this host takes no timeouts"))?;
    Ok(Some(options))
}

/// Writes the whole body. A host that answers or refuses early closes the stream: the response
/// then says why, so that is no error here.
fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), HttpError> {
    let stream = body.write().map_err(|()| invalid("the body was taken"))?;
    for chunk in bytes.chunks(WRITE_BYTES_MAX) {
        match stream.blocking_write_and_flush(chunk) {
            Ok(()) => {}
            Err(StreamError::Closed | StreamError::LastOperationFailed(_)) => return Ok(()),
        }
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(http_error)
}

fn wait(future: &FutureIncomingResponse) -> Result<IncomingResponse, HttpError> {
    future.subscribe().block();
    match future.get() {
        Some(Ok(response)) => response.map_err(http_error),
        Some(Err(())) | None => Err(HttpError::Socket("the response was lost".to_owned())),
    }
}

fn read(incoming: &IncomingResponse, bytes_max: usize) -> Result<Response, HttpError> {
    let headers = incoming.headers().entries().into_iter();
    let headers = headers.filter_map(|(name, value)| {
        Some((name.to_ascii_lowercase(), String::from_utf8(value).ok()?))
    });
    let mut response = Response {
        status: incoming.status(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    let body = incoming
        .consume()
        .map_err(|()| HttpError::Socket("the response's body was lost".to_owned()))?;
    read_body(&body, &mut response.body, bytes_max)?;
    Ok(response)
}

fn read_body(body: &IncomingBody, bytes: &mut Vec<u8>, bytes_max: usize) -> Result<(), HttpError> {
    let stream = body
        .stream()
        .map_err(|()| HttpError::Socket("the response's body was lost".to_owned()))?;
    loop {
        match stream.blocking_read(READ_BYTES) {
            Ok(chunk) if bytes.len().saturating_add(chunk.len()) > bytes_max => {
                return Err(HttpError::TooLarge { bytes_max });
            }
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(()),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(HttpError::Socket(error.to_debug_string()));
            }
        }
    }
}

fn invalid(message: impl Into<String>) -> HttpError {
    HttpError::InvalidRequest(message.into())
}

fn http_error(code: ErrorCode) -> HttpError {
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => HttpError::Denied(
            "manifest and role must both allow its origin, path, method and address".to_owned(),
        ),
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => HttpError::Timeout(code.to_string()),
        ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriTooLong
        | ErrorCode::HttpRequestBodySize(_) => HttpError::InvalidRequest(code.to_string()),
        other => HttpError::Socket(other.to_string()),
    }
}
