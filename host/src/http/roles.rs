//! `/v1/roles`: what operators grant.

use auth::policy::{ReadRole, Resource, WriteRole};
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::answer::created;
use super::body::Unread;
use super::gate::{Authenticated, authorize};
use super::parameters::{Parameters, Segments, parse_name};
use super::problem::Problem;
use super::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/roles", get(list))
        .route("/v1/roles/{name}", get(read).put(write))
        .route("/v1/roles/{name}/revisions", get(revisions))
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    parameters.finish()?;
    let permit = authorize::<ReadRole>(&app, &caller, &Resource::host()).await?;
    let roles = app.engine()?.roles(permit);
    let roles: Vec<_> = roles.iter().map(|role| role.to_json()).collect();
    Ok(Json(json!({"roles": roles})))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    parameters.finish()?;
    let name = parse_name(&name)?;
    let permit = authorize::<ReadRole>(&app, &caller, &Resource::role(&name)).await?;
    Ok(Json(app.engine()?.role(permit, &name)?.to_json()))
}

async fn revisions(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    parameters.finish()?;
    let name = parse_name(&name)?;
    let permit = authorize::<ReadRole>(&app, &caller, &Resource::role(&name)).await?;
    let revisions = app.engine()?.role_revisions(permit, &name)?;
    let revisions: Vec<_> = revisions.iter().map(|role| role.to_json()).collect();
    Ok(Json(json!({"revisions": revisions})))
}

async fn write(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    parameters: Parameters,
    body: Unread,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let name = parse_name(&name)?;
    let permit = authorize::<WriteRole>(&app, &caller, &Resource::role(&name)).await?;
    let role = body.document().await?;
    let revision = app.engine()?.put_role(permit, name, &role).await?;
    Ok(created(revision, |revision| revision.to_json()))
}
