//! `/v1/components`: uploads and what was uploaded.

use auth::policy::{ReadComponent, Resource, UploadComponent};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};

use super::answer::created;
use super::body::{Unread, WASM};
use super::gate::{Authenticated, authorize};
use super::parameters::{Parameters, Segments, parse_name, parse_version};
use super::problem::Problem;
use super::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/v1/components", get(list)).route(
        "/v1/components/{name}/versions/{version}",
        get(read).put(upload),
    )
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    parameters.finish()?;
    let permit = authorize::<ReadComponent>(&app, &caller, &Resource::host()).await?;
    let components = app.engine()?.components(permit);
    let components: Vec<_> = components
        .iter()
        .map(|component| component.to_json())
        .collect();
    Ok(Json(json!({"components": components})))
}

/// The facts of a version, or its bytes where `Accept` asks for `application/wasm`.
async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Segments((name, version)): Segments<(String, String)>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let (name, version) = (parse_name(&name)?, parse_version(&version)?);
    let permit = authorize::<ReadComponent>(&app, &caller, &Resource::component(&name)).await?;
    let engine = app.engine()?;
    if headers.get(ACCEPT).is_some_and(|accept| accept == WASM) {
        let bytes = engine.component_bytes(permit, &name, &version).await?;
        return Ok(([(CONTENT_TYPE, WASM)], bytes).into_response());
    }
    let component = engine.component(permit, &name, &version)?;
    Ok(Json(component.to_json()).into_response())
}

async fn upload(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Segments((name, version)): Segments<(String, String)>,
    parameters: Parameters,
    body: Unread,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let (name, version) = (parse_name(&name)?, parse_version(&version)?);
    let permit = authorize::<UploadComponent>(&app, &caller, &Resource::component(&name)).await?;
    let wasm = body.wasm().await?;
    let component = app
        .engine()?
        .upload_component(permit, name, version, wasm)
        .await?;
    Ok(created(component, |component| component.to_json()))
}
