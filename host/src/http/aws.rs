//! The AWS wire face: `POST /` with AWS JSON 1.0, for every client of the service.
//!
//! Owns the service's names, shapes and texts. Rules are the engine's, decisions are policy's;
//! an operation here reads a request, asks `gate`, calls the engine and words the answer.

mod activities;
mod aliases;
mod arn;
mod call;
mod configuration;
mod describe;
mod executions;
mod fault;
mod history;
mod input;
mod listing;
mod machines;
mod map_runs;
mod members;
mod operations;
mod page;
mod start;
mod tags;
mod tasks;
mod test_state;
mod validation;
mod versions;

use axum::Router;
use axum::extract::{FromRequest as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use document::parse_json;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::body::Unread;
use super::gate::identify;
use super::metrics::Operation;
use super::request_id::RequestId;
use super::state::App;
use super::trace::Traced;
use call::Call;
use fault::Fault;
use members::Members;

pub(super) const CONTENT_TYPE_JSON: &str = "application/x-amz-json-1.0";
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const TARGET_PREFIX: &str = "AWSStepFunctions.";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

pub(super) fn routes() -> Router<App> {
    Router::new().route("/", post(handle))
}

async fn handle(State(app): State<App>, request: Request) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let operation = operation(request.headers()).ok();
    let operation = operation.and_then(operations::known);
    let mut response = match answer(app, request).await {
        Ok(answer) => {
            let mut response = answer.to_string().into_response();
            let content_type = HeaderValue::from_static(CONTENT_TYPE_JSON);
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            response
        }
        Err(fault) => fault.into_response(),
    };
    if let Some(operation) = operation {
        response.extensions_mut().insert(Operation(operation));
    }
    if let Some(RequestId(id)) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn answer(app: App, request: Request) -> Result<Value, Fault> {
    let (parts, body) = request.into_parts();
    let caller = identify(&parts, &app).await??;
    let Traced(trace) = Traced::of(&parts);
    let operation = operation(&parts.headers)?.to_owned();
    let request = Request::from_parts(parts, body);
    let Ok(unread) = Unread::from_request(request, &app).await;
    let bytes = unread.service_call(CONTENT_TYPE_JSON).await?;
    let body = match bytes.is_empty() {
        true => Value::Object(Map::new()),
        false => parse_json(&bytes).map_err(|problem| Fault::serialization(problem.message))?,
    };
    let call = Call {
        app,
        caller,
        trace,
        members: Members::of_body(body)?,
    };
    operations::dispatch(&operation, call).await
}

/// What the one `X-Amz-Target` of a request names.
fn operation(headers: &HeaderMap) -> Result<&str, Fault> {
    let mut targets = headers.get_all(TARGET).iter();
    let (Some(target), None) = (targets.next(), targets.next()) else {
        return Err(Fault::unknown_operation());
    };
    let target = target.to_str().ok();
    let operation = target.and_then(|target| target.strip_prefix(TARGET_PREFIX));
    operation.ok_or_else(Fault::unknown_operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_target_of_the_service_is_read() {
        let check = |targets: &[&'static str], expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            for target in targets {
                headers.append(TARGET, HeaderValue::from_static(target));
            }
            assert_eq!(operation(&headers).ok(), expected, "{targets:?}");
        };
        check(&["AWSStepFunctions.StartExecution"], Some("StartExecution"));
        check(&[], None);
        check(&["StartExecution"], None);
        check(&["DynamoDB_20120810.ListTables"], None);
        check(&["AWSStepFunctions.A", "AWSStepFunctions.A"], None);
    }
}
