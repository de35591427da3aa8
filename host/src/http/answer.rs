//! The shapes that answers of several routes share.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use engine::Created;
use http::StatusCode;
use serde_json::{Map, Value};

/// 201 for what was made, 200 for what was there.
pub(super) fn created<T>(created: Created<T>, to_json: impl Fn(&T) -> Value) -> Response {
    let (status, value) = match created {
        Created::New(value) => (StatusCode::CREATED, value),
        Created::Same(value) => (StatusCode::OK, value),
    };
    (status, Json(to_json(&value))).into_response()
}

/// A page: its items under `name`, and `nextToken` where there are more.
pub(super) fn page(name: &str, items: Vec<Value>, next: Option<String>) -> Map<String, Value> {
    let mut page = Map::new();
    page.insert(name.to_owned(), Value::Array(items));
    if let Some(next) = next {
        page.insert("nextToken".to_owned(), Value::String(next));
    }
    page
}
