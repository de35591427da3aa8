//! `/healthz` and `/readyz`: is the process alive, and does it take work.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use engine::Health;
use http::StatusCode;
use serde_json::json;

use super::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
}

/// 200 as long as the process can answer, also while it waits for the store.
async fn alive() -> Response {
    Json(json!({"status": "alive"})).into_response()
}

/// 200 once requests are carried out, else 503 and why not; in both cases with how many executions
/// cannot be gone on with, if there are any.
async fn ready(State(app): State<App>) -> Response {
    let opened = app.opened();
    let (status, word) = match opened.as_ref().map(|opened| opened.engine.health()) {
        Ok(Health::Ready) => (StatusCode::OK, "ready"),
        Ok(Health::Recovering) => (StatusCode::SERVICE_UNAVAILABLE, "recovering"),
        Ok(Health::Draining) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        Ok(Health::Failed) => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
    };
    let stranded = opened.map_or(0, |opened| opened.engine.stranded().len());
    let mut body = json!({"status": word});
    if let (1.., Some(body)) = (stranded, body.as_object_mut()) {
        body.insert("strandedExecutions".to_owned(), json!(stranded));
    }
    (status, Json(body)).into_response()
}
