//! `/openapi.json`: the description of `/v1`, kept by hand beside the code.

use axum::Router;
use axum::routing::get;
use http::header::CONTENT_TYPE;

use super::state::App;

/// OpenAPI 3.1.
const DOCUMENT: &str = include_str!("openapi.json");

pub(super) fn routes() -> Router<App> {
    Router::new().route(
        "/openapi.json",
        get(async || ([(CONTENT_TYPE, "application/json")], DOCUMENT)),
    )
}
