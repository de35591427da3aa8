//! `/v1/audit`: the links of the audit log, as they were sealed.

use audit::to_wire;
use auth::policy::{ReadAudit, Resource};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ports::AuditPage;
use serde_json::Value;

use super::answer::page;
use super::gate::{Authenticated, authorize};
use super::parameters::{Parameters, parse_token};
use super::problem::Problem;
use super::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/v1/audit", get(read))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    mut parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let after = parameters.optional_number("after")?;
    let token = parameters.optional("nextToken");
    let limit = parameters.page_limit()?;
    parameters.finish()?;
    let token = token
        .map(|token| parse_token(&token, |text| text.parse().ok()))
        .transpose()?;
    let after = match (after, token) {
        (Some(_), Some(_)) => {
            return Err(Problem::malformed("give one of `after` and `nextToken`"));
        }
        (after, token) => after.or(token).unwrap_or(0),
    };
    let permit = authorize::<ReadAudit>(&app, &caller, &Resource::host()).await?;
    let AuditPage {
        links,
        anchor,
        head,
    } = app.engine()?.audit(permit, after, limit).await?;
    let last = links.last().map(|link| link.sequence);
    let next = last
        .filter(|last| *last < head.length)
        .map(|last| last.to_string());
    let mut body = page("records", links.iter().map(to_wire).collect(), next);
    body.insert("head".to_owned(), head.to_json());
    if anchor.length > 0 {
        body.insert("anchor".to_owned(), anchor.to_json());
    }
    Ok(Json(Value::Object(body)))
}
