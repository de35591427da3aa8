//! `/v1/whoami`: what the host knows of the caller. Anyone authenticated may ask.

use asl::Timestamp;
use auth::principal::{Caller, Principal};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::gate::Authenticated;
use super::parameters::Parameters;
use super::problem::Problem;
use super::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/v1/whoami", get(read))
}

async fn read(
    Authenticated(caller): Authenticated,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    parameters.finish()?;
    Ok(Json(to_json(&caller)))
}

fn to_json(caller: &Caller) -> Value {
    let actors: Vec<_> = caller.actors.iter().map(principal).collect();
    json!({
        "principal": principal(&caller.principal),
        "actors": actors,
        "groups": caller.principal.groups,
        "method": caller.method,
        "authenticatedAt": caller.authenticated_at.map(time),
        "expiresAt": time(caller.expires_at),
    })
}

fn principal(principal: &Principal) -> Value {
    json!({
        "issuer": principal.issuer,
        "subject": principal.subject,
        "kind": principal.kind,
        "groups": principal.groups,
        "displayName": principal.display_name,
    })
}

fn time(seconds: i64) -> String {
    Timestamp(seconds.saturating_mul(1000)).to_rfc3339()
}
