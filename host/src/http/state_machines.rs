//! `/v1/state-machines`: definitions, in JSON or YAML.

use auth::policy::{PublishStateMachine, ReadStateMachine, Resource};
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
        .route("/v1/state-machines", get(list))
        .route("/v1/state-machines/{name}", get(read).put(publish))
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    parameters.finish()?;
    let permit = authorize::<ReadStateMachine>(&app, &caller, &Resource::host()).await?;
    let machines = app.engine()?.state_machines(permit);
    let machines: Vec<_> = machines.iter().map(|machine| machine.to_json()).collect();
    Ok(Json(json!({"stateMachines": machines})))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    parameters.finish()?;
    let name = parse_name(&name)?;
    let resource = Resource::state_machine(&name);
    let permit = authorize::<ReadStateMachine>(&app, &caller, &resource).await?;
    Ok(Json(app.engine()?.state_machine(permit, &name)?.to_json()))
}

async fn publish(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    mut parameters: Parameters,
    body: Unread,
) -> Result<Response, Problem> {
    let name = parse_name(&name)?;
    let role = parameters.optional_name("role")?;
    parameters.finish()?;
    let resource = Resource::state_machine(&name);
    let permit = authorize::<PublishStateMachine>(&app, &caller, &resource).await?;
    let definition = body.definition().await?;
    let published = app
        .engine()?
        .publish(permit, name, &definition, role)
        .await?;
    Ok(created(published, |published| published.to_json()))
}
