//! Gives every request an id, in its span and in its answer.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use tracing::Instrument as _;
use uuid::Uuid;

use super::state::App;
use super::trace::RequestTrace;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, for faces that tell it under a name of their own.
#[derive(Clone)]
pub(super) struct RequestId(pub(super) HeaderValue);

/// Runs a request in a span of its own. The path is logged, the query is not.
pub(super) async fn attach(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let trace = RequestTrace::begin(&app, &mut request);
    let id = Uuid::now_v7().to_string();
    let span = tracing::info_span!(
        "request",
        request = %id,
        method = %request.method(),
        path = %request.uri().path(),
        trace = trace.id().map(|trace| trace.to_string()),
    );
    let value = HeaderValue::try_from(id.as_str()).ok();
    if let Some(value) = value.clone() {
        request.extensions_mut().insert(RequestId(value));
    }
    let respond = async move {
        let response = next.run(request).await;
        tracing::debug!(status = response.status().as_u16(), "answered");
        response
    };
    let mut response = respond.instrument(span).await;
    trace.end(&app, &response, &id);
    if let Some(value) = value {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
