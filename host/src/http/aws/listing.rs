//! Listing state machines and executions.

use asl::Status;
use auth::names::Name;
use auth::policy::{ReadExecution, ReadStateMachine, Resource};
use engine::{MachineType, Qualifier};
use ports::{Description, ExecutionFilter, ListCursor};
use serde_json::Value;

use super::call::{Answer, Call, seconds};
use super::fault::Fault;
use super::members::ARN;
use super::{arn, map_runs, page};
use crate::http::parameters::parse_execution_id;

/// In the order of the service's message.
const STATUSES: [&str; 6] = [
    "SUCCEEDED",
    "TIMED_OUT",
    "PENDING_REDRIVE",
    "ABORTED",
    "FAILED",
    "RUNNING",
];
const TOKEN_CHARACTERS_MAX: usize = 3096;

pub(super) async fn machines(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let limit = members.page_limit();
    let token = members.page_token();
    members.finish()?;
    let after = page::cursor("machines", token.as_deref(), |text| Name::parse(text).ok())?;
    let permit = call.permit::<ReadStateMachine>(&Resource::host()).await?;
    let found = call
        .engine()?
        .registered_machines(permit, after.as_ref(), limit.saturating_add(1));
    let (found, next) = page::cut("machines", found, limit, |(machine, _)| {
        machine.name.to_string()
    });
    let machines = found.iter().map(|(machine, registration)| {
        Answer::default()
            .with("stateMachineArn", machine.arn.as_str())
            .with("name", machine.name.as_str())
            .with("type", machine.settings.kind.as_str())
            .with("creationDate", seconds(registration.created_at()))
            .into_value()
    });
    Ok(Answer::default()
        .with("stateMachines", machines.collect::<Vec<_>>())
        .with_some("nextToken", next)
        .into_value())
}

pub(super) async fn executions(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let text = members.text("stateMachineArn", ARN);
    let map_run = members.text("mapRunArn", 1..=2000);
    let status = members.word("statusFilter", &STATUSES);
    members.word("redriveFilter", &["REDRIVEN", "NOT_REDRIVEN"]);
    let limit = members.page_limit();
    let token = members.text("nextToken", 1..=TOKEN_CHARACTERS_MAX);
    members.finish()?;
    let status = status.as_deref().map(parse_status);
    let text = match (text, map_run) {
        (Some(text), None) => text,
        (None, Some(map_run)) => {
            return map_runs::children(&call, &map_run, status, (token, limit)).await;
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(Fault::validation(
                "Must provide either a stateMachineArn or a mapRunArn",
            ));
        }
    };
    let target = arn::machine(call.aws(), &text)?;
    let resource = Resource::state_machine(&target.name);
    let permit = call.permit::<ReadExecution>(&resource).await?;
    let known = call.permit::<ReadStateMachine>(&resource).await?;
    let found = call.engine()?.registered(known, &target.name);
    let (machine, registration) = found.map_err(|error| Fault::of_machine(&text, error))?;
    let is_known = match &target.qualifier {
        None => true,
        Some(Qualifier::Version(number)) => registration.version(*number).is_some(),
        Some(Qualifier::Alias(alias)) => registration.alias(alias).is_some(),
    };
    if !is_known {
        return Err(Fault::machine_missing(&text));
    }
    if machine.settings.kind == MachineType::Express {
        return Err(Fault::type_not_supported());
    }
    let before = before(token.as_deref())?;
    if status == Some(None) {
        return Ok(listed(Vec::new(), None));
    }
    let filter = ExecutionFilter {
        machine_arn: Some(text),
        status: status.flatten(),
        ..ExecutionFilter::default()
    };
    let engine = call.engine()?;
    let found = engine.executions(permit, filter, before, limit).await?;
    let next = next_token(found.next);
    Ok(listed(found.items.iter().map(line).collect(), next))
}

/// Where a page of executions begins.
pub(super) fn before(token: Option<&str>) -> Result<Option<ListCursor>, Fault> {
    let parse = |text: &str| parse_execution_id(text).map(ListCursor::Before);
    page::cursor("executions", token, parse)
}

/// The token of the page that begins at a cursor.
pub(super) fn next_token(next: Option<ListCursor>) -> Option<String> {
    match next? {
        ListCursor::Before(id) => Some(page::token("executions", id.as_str())),
        ListCursor::Behind(_) => None,
    }
}

/// The ARNs of the version and the alias that an execution was started through.
pub(super) fn selected(answer: Answer, description: &Description) -> Answer {
    let (arn, selection) = (
        &description.start.header.machine_arn,
        &description.start.selection,
    );
    let version = selection.version.map(|version| format!("{arn}:{version}"));
    let alias = selection.alias.as_ref();
    let alias = alias.map(|alias| format!("{arn}:{alias}"));
    answer
        .with_some("stateMachineVersionArn", version)
        .with_some("stateMachineAliasArn", alias)
}

/// What stands of an execution in a list.
pub(super) fn line(description: &Description) -> Answer {
    let (header, summary) = (&description.start.header, &description.summary);
    let answer = Answer::default()
        .with("executionArn", header.arn.as_str())
        .with("stateMachineArn", map_runs::machine_arn(header))
        .with("name", header.name.as_str())
        .with("status", summary.status.as_str())
        .with("startDate", seconds(header.started_at))
        .with_some("stopDate", summary.stopped_at.map(seconds))
        .with("redriveCount", 0);
    selected(answer, description)
}

pub(super) fn listed(lines: Vec<Answer>, next: Option<String>) -> Value {
    let executions = lines.into_iter().map(Answer::into_value);
    Answer::default()
        .with("executions", executions.collect::<Vec<_>>())
        .with_some("nextToken", next)
        .into_value()
}

/// No execution of this host waits for a redrive.
fn parse_status(word: &str) -> Option<Status> {
    let statuses = [
        Status::Running,
        Status::Succeeded,
        Status::Failed,
        Status::TimedOut,
        Status::Aborted,
    ];
    statuses.into_iter().find(|status| status.as_str() == word)
}
