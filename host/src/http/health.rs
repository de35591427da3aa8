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

/// 200 once requests are carried out, else 503 and why not.
async fn ready(State(app): State<App>) -> Response {
    let (status, word) = match app.opened().map(|opened| opened.engine.health()) {
        Ok(Health::Ready) => (StatusCode::OK, "ready"),
        Ok(Health::Recovering) => (StatusCode::SERVICE_UNAVAILABLE, "recovering"),
        Ok(Health::Draining) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        Ok(Health::Failed) => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
    };
    (status, Json(json!({"status": word}))).into_response()
}
