//! Requests that Tasks make themselves: the same addresses, connections and bounds as for guests.
//!
//! Owns the exchange from a permit to a response that was read. It does not decide on origin,
//! method or path: the permit is that decision.

use std::sync::Arc;
use std::time::Duration;

use auth::authority::EgressPermit;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::combinators::MapErr;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use ports::{EgressError, OutgoingRequest, OutgoingResponse};
use tokio::sync::Semaphore;
use wasmtime_wasi_http::Error;

use super::body::Bounded;
use super::{FIELDS_BYTES_MAX, Unreachable, addresses, connection, rewrite};
use crate::capability::http::Client;

/// Names that one request looks up at once.
const LOOKUPS_MAX: usize = 1;

type Sent = Bounded<MapErr<Full<Bytes>, fn(std::convert::Infallible) -> Error>>;

/// Makes the request that was permitted, within the role's time and bytes.
///
/// # Errors
/// As [`EgressError`] says.
pub(crate) async fn request(
    client: &Client,
    permit: &EgressPermit,
    request: OutgoingRequest,
) -> Result<OutgoingResponse, EgressError> {
    let limits = permit.limits();
    let request = outgoing(client, permit, request)?;
    let exchanged = tokio::time::timeout(limits.time(), exchange(client, permit, request));
    exchanged.await.unwrap_or_else(|_| {
        let limit_ms = u64::try_from(limits.time().as_millis()).unwrap_or(u64::MAX);
        Err(EgressError::TimedOut { limit_ms })
    })
}

fn outgoing(
    client: &Client,
    permit: &EgressPermit,
    request: OutgoingRequest,
) -> Result<Request<Sent>, EgressError> {
    let unsendable = |what: &str| EgressError::Unsendable(what.into());
    let endpoint = permit.endpoint();
    let OutgoingRequest { headers, body } = request;
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > FIELDS_BYTES_MAX {
        return Err(unsendable("its headers are too long"));
    }
    let no_error: fn(std::convert::Infallible) -> Error = |never| match never {};
    let body = Full::new(body.unwrap_or_default()).map_err(no_error);
    let mut sent = Request::new(Bounded::request(body, client.body_bytes_max));
    *sent.method_mut() = Method::from_bytes(permit.method().as_bytes())
        .map_err(|_| unsendable("its method is none"))?;
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let name = name.map_err(|_| unsendable("a header has no proper name"))?;
        let value = HeaderValue::from_str(&value);
        let value = value.map_err(|_| unsendable("a header has no proper value"))?;
        sent.headers_mut().append(name, value);
    }
    rewrite(sent, endpoint.origin(), &endpoint.target())
        .map_err(|_| unsendable("its address holds characters that have to be percent-encoded"))
}

async fn exchange(
    client: &Client,
    permit: &EgressPermit,
    request: Request<Sent>,
) -> Result<OutgoingResponse, EgressError> {
    let allowed = permit.allowed();
    let lookups = Arc::new(Semaphore::new(LOOKUPS_MAX));
    let addresses = match addresses(client, &lookups, allowed).await {
        Ok(addresses) => addresses,
        Err(Unreachable::Failed(error)) => return Err(unanswered(&error)),
        Err(Unreachable::Refused(refused)) => {
            return Err(EgressError::Refused {
                rule: refused.rule.to_owned(),
                reason: refused.reason,
            });
        }
    };
    // The caller bounds the whole by the role's time; no single step is to end it earlier.
    let time = permit.limits().time().saturating_mul(2);
    let limit_bytes = permit.limits().output_bytes().min(client.body_bytes_max);
    let stream = client.connect(allowed.origin(), &addresses).await;
    let stream = stream.map_err(|error| unanswered(&error))?;
    let exchanged = connection::exchange(stream, request, time).await;
    let (response, rest) = exchanged.map_err(|error| unanswered(&error))?;
    let mut rest = Box::into_pin(rest);
    let reading = read(response, limit_bytes, time);
    let mut reading = std::pin::pin!(reading);
    tokio::select! {
        biased;
        read = &mut reading => read,
        moved = &mut rest => {
            moved.map_err(|error| unanswered(&error))?;
            reading.await
        }
    }
}

async fn read(
    response: Response<Incoming>,
    limit_bytes: u64,
    time: Duration,
) -> Result<OutgoingResponse, EgressError> {
    let (head, body) = response.into_parts();
    let body = Bounded::response(body, limit_bytes, time).collect().await;
    let body = body.map_err(|error| match error {
        Error::HttpResponseBodySize(_) => EgressError::TooLong { limit_bytes },
        other => unanswered(&other),
    })?;
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    Ok(OutgoingResponse {
        status: head.status.as_u16(),
        status_text: head
            .status
            .canonical_reason()
            .unwrap_or_default()
            .to_owned(),
        headers: headers.collect(),
        body: body.to_bytes(),
    })
}

fn unanswered(error: &Error) -> EgressError {
    EgressError::Unanswered(error.to_string().into())
}
