//! `/metrics`: what the host measures of itself.

use auth::policy::{ReadMetrics, Resource};
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use tokio::time::Instant;

use super::gate::{Authenticated, authorize};
use super::parameters::Parameters;
use super::problem::Problem;
use super::state::App;
use crate::metrics::{Format, Served, render};

/// For callers whom policy permits to read them.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/metrics", get(read))
}

/// For whoever reaches the address that the configuration sets apart for them.
pub(crate) fn open_routes() -> Router<App> {
    Router::new().route("/metrics", get(scrape))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    parameters.finish()?;
    authorize::<ReadMetrics>(&app, &caller, &Resource::host()).await?;
    shown(app, &headers).await
}

async fn scrape(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    shown(app, &headers).await
}

async fn shown(app: App, headers: &HeaderMap) -> Result<Response, Problem> {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::accepted(accept.unwrap_or_default());
    // Sizes on disk are looked up.
    let rendered = tokio::task::spawn_blocking(move || render(&app.registries(), format)).await;
    let text = match rendered {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => return Err(Problem::internal(&error)),
        Err(error) => return Err(Problem::internal(&error)),
    };
    Ok(([(CONTENT_TYPE, format.content_type())], text).into_response())
}

/// The operation of a call, for the face that has but one route.
#[derive(Clone, Copy)]
pub(super) struct Operation(pub(super) &'static str);

/// Counts a request and measures how long its answer took to begin.
pub(super) async fn measure(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("unmatched", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let operation = response.extensions().get::<Operation>();
    let served = Served {
        route,
        operation: operation.map_or("", |operation| operation.0),
    };
    let status = response.status().as_u16();
    app.requests()
        .answered(&method, served, status, begun.elapsed());
    response
}
