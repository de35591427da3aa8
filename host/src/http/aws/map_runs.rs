//! Map runs: describing and listing them and their children.

use asl::{Header, MapRunChild, Status};
use auth::policy::{ReadExecution, Resource};
use engine::{Error, MapRun, MapRunCounts};
use ports::Description;
use serde_json::{Value, json};

use super::call::{Answer, Call, seconds};
use super::executions::find;
use super::fault::Fault;
use super::listing::{before, line, listed, next_token};
use super::members::ARN;
use super::{arn, page};

/// The lengths of a map run's ARN.
const MAP_RUN_ARN: std::ops::RangeInclusive<usize> = 1..=2000;

pub(super) async fn describe(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let text = members.required("mapRunArn", MAP_RUN_ARN);
    members.finish()?;
    let run = found(&call, &text).await?;
    let line = &run.line;
    Ok(Answer::default()
        .with("mapRunArn", line.arn.as_str())
        .with("executionArn", run.execution_arn.as_str())
        .with("status", line.status.as_str())
        .with("startDate", seconds(line.started_at))
        .with_some("stopDate", line.stopped_at.map(seconds))
        .with("maxConcurrency", run.max_concurrency)
        .with("toleratedFailureCount", run.tolerated_failure_count)
        .with(
            "toleratedFailurePercentage",
            run.tolerated_failure_percentage,
        )
        .with("itemCounts", counts(&run.items))
        .with("executionCounts", counts(&run.executions))
        .with("redriveCount", 0)
        .into_value())
}

pub(super) async fn list(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let text = members.required("executionArn", ARN);
    let limit = members.page_limit();
    let token = members.page_token();
    members.finish()?;
    let first = page::cursor("map-runs", token.as_deref(), |text| {
        text.parse::<usize>().ok()
    })?;
    let first = first.unwrap_or(0);
    let (description, permit) = find::<ReadExecution>(&call, &text).await?;
    let header = &description.start.header;
    let runs = call.engine()?.map_runs(&permit, &header.id).await?;
    let behind = first.saturating_add(limit);
    let next = (runs.len() > behind).then(|| page::token("map-runs", &behind.to_string()));
    let lines = runs.iter().skip(first).take(limit).map(|run| {
        Answer::default()
            .with("executionArn", header.arn.as_str())
            .with("mapRunArn", run.arn.as_str())
            .with("stateMachineArn", header.machine_arn.as_str())
            .with("startDate", seconds(run.started_at))
            .with_some("stopDate", run.stopped_at.map(seconds))
            .into_value()
    });
    Ok(Answer::default()
        .with("mapRuns", lines.collect::<Vec<_>>())
        .with_some("nextToken", next)
        .into_value())
}

/// A map run keeps the limits it began with; whoever asks for others is told so.
pub(super) async fn update(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let text = members.required("mapRunArn", MAP_RUN_ARN);
    members.finish()?;
    found(&call, &text).await?;
    Err(Fault::validation(
        "Map Runs of this host keep the limits they were started with, UpdateMapRun is not supported",
    ))
}

/// A page of a map run's children, as ListExecutions answers it; of none where it asks for a
/// status that no execution of this host has.
pub(super) async fn children(
    call: &Call,
    text: &str,
    status: Option<Option<Status>>,
    (token, limit): (Option<String>, usize),
) -> Result<Value, Fault> {
    let name = arn::map_run(call.aws(), text)?;
    let resource = Resource::state_machine(&name);
    let permit = call.permit::<ReadExecution>(&resource).await?;
    let before = before(token.as_deref())?;
    if status == Some(None) {
        found(call, text).await?;
        return Ok(listed(Vec::new(), None));
    }
    let engine = call.engine()?;
    let found = engine
        .map_run_children(&permit, (text, status.flatten()), before, limit)
        .await;
    let found = found.map_err(|error| missing(text, error))?;
    let next = next_token(found.next);
    let lines = found.items.iter().map(|(description, items)| {
        of_child(line(description), description).with("itemCount", *items)
    });
    Ok(listed(lines.collect(), next))
}

/// Adds what is told of children only.
pub(super) fn of_child(answer: Answer, description: &Description) -> Answer {
    let child = description.start.header.map_run.as_ref();
    answer.with_some("mapRunArn", child.map(|child| child.arn.as_str()))
}

/// The ARN of an execution's state machine; that of a child has the map's label.
pub(super) fn machine_arn(header: &Header) -> String {
    match &header.map_run {
        Some(child) => MapRunChild::machine_arn_of(&child.arn),
        None => header.machine_arn.clone(),
    }
}

async fn found(call: &Call, text: &str) -> Result<MapRun, Fault> {
    let name = arn::map_run(call.aws(), text)?;
    let resource = Resource::state_machine(&name);
    let permit = call.permit::<ReadExecution>(&resource).await?;
    let run = call.engine()?.map_run(&permit, text).await;
    run.map_err(|error| missing(text, error))
}

fn missing(text: &str, error: Error) -> Fault {
    match error {
        Error::NotFound(_) => Fault::resource_missing(text),
        other => other.into(),
    }
}

fn counts(counts: &MapRunCounts) -> Value {
    json!({
        "pending": counts.pending,
        "running": counts.running,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "timedOut": counts.timed_out,
        "aborted": counts.aborted,
        "total": counts.total(),
        "resultsWritten": counts.results_written,
        "failuresNotRedrivable": 0,
        "pendingRedrive": 0,
    })
}
