//! `/v1/executions`: starting, stopping and reading executions.

mod listing;
mod request;

use asl::Timestamp;
use auth::names::Name;
use auth::policy::{Action, Permit, ReadExecution, Resource, StartExecution, StopExecution};
use auth::principal::Caller;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use engine::Error;
use ports::{Description, HistoryCursor, HistoryPage, LogLine};
use serde_json::{Map, Value, json};

use super::answer::{created, page};
use super::body::Unread;
use super::gate::{Authenticated, authorize};
use super::parameters::{Parameters, Segments, parse_token, shown};
use super::problem::Problem;
use super::state::App;
use super::trace::Traced;
use listing::Listing;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/executions", get(list).post(start))
        .route("/v1/executions/{id}", get(read))
        .route("/v1/executions/{id}/stop", post(stop))
        .route("/v1/executions/{id}/history", get(history))
        .route("/v1/executions/{id}/logs", get(logs))
}

/// The execution with this id or ARN, and proof that the caller may do `A` to it.
///
/// # Errors
/// 403, or 404 for those who may read executions of this host at all.
pub(super) async fn find<A: Action>(
    app: &App,
    caller: &Caller,
    id_or_arn: &str,
) -> Result<(Description, Permit<A>), Problem> {
    let Some(description) = app.engine()?.find(id_or_arn).await? else {
        authorize::<ReadExecution>(app, caller, &Resource::host()).await?;
        let shown = shown(id_or_arn);
        return Err(Problem::not_found(format!(
            "execution `{shown}` does not exist"
        )));
    };
    let resource = resource_of(&description)?;
    let permit = authorize::<A>(app, caller, &resource).await?;
    Ok((description, permit))
}

/// What policy is asked about an execution.
///
/// # Errors
/// 500 if the stored name is none.
pub(super) fn resource_of(description: &Description) -> Result<Resource, Problem> {
    let header = &description.start.header;
    let machine = machine_name(description)?;
    Ok(Resource::execution(&machine, header.id.as_str()))
}

/// What policy is asked about an execution's state machine.
///
/// # Errors
/// 500 if the stored name is none.
pub(super) fn machine_of(description: &Description) -> Result<Resource, Problem> {
    Ok(Resource::state_machine(&machine_name(description)?))
}

fn machine_name(description: &Description) -> Result<Name, Problem> {
    let name = &description.start.header.machine_name;
    Ok(Name::parse(name).map_err(|message| Error::Host(message.into()))?)
}

async fn start(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Traced(trace): Traced,
    parameters: Parameters,
    body: Unread,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let mut request = request::start(&body.start_request().await?).map_err(Problem::invalid)?;
    request.trace = trace;
    let resource = Resource::state_machine(&request.state_machine);
    let permit = authorize::<StartExecution>(&app, &caller, &resource).await?;
    let started = app.engine()?.start(permit, request).await?;
    Ok(created(started, |started| started.to_json()))
}

async fn stop(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Segments(id): Segments<String>,
    parameters: Parameters,
    body: Unread,
) -> Result<Json<Value>, Problem> {
    parameters.finish()?;
    let (description, permit) = find::<StopExecution>(&app, &caller, &id).await?;
    let request = body.optional_document().await?;
    let request = request::stop(request.as_ref()).map_err(Problem::invalid)?;
    let id = &description.start.header.id;
    let stopped = app
        .engine()?
        .stop(permit, id, request.error, request.cause)
        .await?;
    Ok(Json(json!({"stopDate": stopped.to_rfc3339()})))
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    mut parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let listing = listing::read(&app, &mut parameters)?;
    let limit = parameters.page_limit()?;
    parameters.finish()?;
    let Listing {
        machine,
        filter,
        cursor,
    } = listing;
    let resource = machine
        .as_ref()
        .map_or_else(Resource::host, Resource::state_machine);
    let permit = authorize::<ReadExecution>(&app, &caller, &resource).await?;
    let found = app
        .engine()?
        .executions(permit, filter, cursor, limit)
        .await?;
    let executions = found.items.iter().map(to_json).collect();
    let next = found.next.as_ref().map(listing::token);
    Ok(Json(page("executions", executions, next).into()))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Segments(id): Segments<String>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    parameters.finish()?;
    let (description, _permit) = find::<ReadExecution>(&app, &caller, &id).await?;
    Ok(Json(to_json(&description)))
}

async fn history(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Segments(id): Segments<String>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let (found, next) = history_page(&app, &caller, &id, parameters).await?;
    let events = found
        .events
        .iter()
        .map(asl::HistoryEvent::to_json)
        .collect();
    Ok(Json(page("events", events, next).into()))
}

/// What components wrote, by the pages of the history they led to: a page may be empty.
async fn logs(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Segments(id): Segments<String>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let (found, next) = history_page(&app, &caller, &id, parameters).await?;
    let line = |line: &LogLine| {
        json!({
            "at": line.at.to_rfc3339(),
            "state": line.state,
            "attempt": line.attempt,
            "stream": line.stream,
            "line": line.line,
        })
    };
    let lines = found.logs.iter().map(line).collect();
    Ok(Json(page("logs", lines, next).into()))
}

/// A page of history, and the token of the next one.
async fn history_page(
    app: &App,
    caller: &Caller,
    id: &str,
    mut parameters: Parameters,
) -> Result<(HistoryPage, Option<String>), Problem> {
    let cursor = parameters.optional("nextToken");
    let limit = parameters.page_limit()?;
    parameters.finish()?;
    let cursor = cursor
        .map(|token| parse_token(&token, parse_cursor))
        .transpose()?;
    let (description, permit) = find::<ReadExecution>(app, caller, id).await?;
    let id = &description.start.header.id;
    let cursor = cursor.unwrap_or_default();
    let found = app.engine()?.history(&permit, id, cursor, limit).await?;
    let next = found.has_more.then(|| cursor_token(found.next));
    Ok((found, next))
}

fn cursor_token(cursor: HistoryCursor) -> String {
    format!("{}.{}", cursor.record, cursor.skip)
}

fn parse_cursor(token: &str) -> Option<HistoryCursor> {
    let (record, skip) = token.split_once('.')?;
    Some(HistoryCursor {
        record: record.parse().ok()?,
        skip: skip.parse().ok()?,
        ..HistoryCursor::default()
    })
}

/// An execution in the service's words, with what only this host knows of it.
fn to_json(description: &Description) -> Value {
    let (header, summary) = (&description.start.header, &description.summary);
    let mut execution = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            execution.insert(name.to_owned(), value);
        }
    };
    let time = |at: Timestamp| json!(at.to_rfc3339());
    put("executionArn", Some(json!(header.arn)));
    put("id", Some(json!(header.id)));
    put("name", Some(json!(header.name)));
    put("stateMachineArn", Some(json!(header.machine_arn)));
    put("stateMachine", Some(json!(header.machine_name)));
    put("revision", Some(json!(description.start.machine.revision)));
    put("status", Some(json!(summary.status.as_str())));
    put("startDate", Some(time(header.started_at)));
    put("stopDate", summary.stopped_at.map(time));
    put("input", description.input.as_deref().cloned());
    put("output", description.output.as_deref().cloned());
    put("error", summary.error.as_ref().map(|error| json!(error)));
    put("cause", summary.cause.as_ref().map(|cause| json!(cause)));
    put("startedBy", Some(json!(header.principal)));
    put("actor", header.actor.as_ref().map(|actor| json!(actor)));
    Value::Object(execution)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_token_reads_back_as_written() {
        let cursor = HistoryCursor {
            record: 7,
            skip: 3,
            ..HistoryCursor::default()
        };
        assert_eq!(parse_cursor(&cursor_token(cursor)), Some(cursor));
        for token in ["", "7", "7.", ".3", "7.3.1", "-1.0", "99999999999.0"] {
            assert_eq!(parse_cursor(token), None, "{token}");
        }
    }
}
