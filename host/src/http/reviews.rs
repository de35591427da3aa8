//! `/v1/reviews`: decisions that a component may run under a role, and what they are made on.

use auth::policy::{ReadReview, Resource, WriteReview};
use auth::review::ReviewRequest;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

use super::body::Unread;
use super::gate::{Authenticated, authorize};
use super::parameters::{Parameters, parse_version};
use super::problem::Problem;
use super::state::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/v1/reviews", get(read).post(write))
}

/// Every review, or the review document of the component, version and role in the query.
async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    mut parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let component = parameters.optional_name("component")?;
    let version = parameters.optional("version");
    let role = parameters.optional_name("role")?;
    parameters.finish()?;
    let engine = app.engine()?;
    match (component, version, role) {
        (None, None, None) => {
            let permit = authorize::<ReadReview>(&app, &caller, &Resource::host()).await?;
            let reviews = engine.reviews(permit);
            let reviews: Vec<_> = reviews.iter().map(|review| review.to_json()).collect();
            Ok(Json(json!({"reviews": reviews})))
        }
        (Some(component), Some(version), Some(role)) => {
            let version = parse_version(&version)?;
            let resource = Resource::component(&component);
            let permit = authorize::<ReadReview>(&app, &caller, &resource).await?;
            Ok(Json(
                engine.review_document(permit, &component, &version, &role)?,
            ))
        }
        _ => Err(Problem::malformed(
            "a review document is asked for with all of `component`, `version` and `role`",
        )),
    }
}

async fn write(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    parameters: Parameters,
    body: Unread,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let review = body.document().await?;
    let component = ReviewRequest::parse(&review)
        .map_err(Problem::invalid)?
        .component;
    let resource = Resource::component(&component);
    let permit = authorize::<WriteReview>(&app, &caller, &resource).await?;
    let review = app.engine()?.write_review(permit, &review).await?;
    Ok((StatusCode::CREATED, Json(review.to_json())).into_response())
}
