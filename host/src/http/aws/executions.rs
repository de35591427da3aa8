//! Describing and stopping executions.

use asl::Status;
use auth::policy::{Action, Permit, ReadExecution, StopExecution};
use ports::Description;
use serde_json::{Value, json};

use super::call::{Answer, Call, seconds};
use super::fault::Fault;
use super::listing::selected;
use super::members::ARN;
use super::{arn, map_runs};

/// An execution by its ARN, and proof that the caller may do `A` to it.
///
/// # Errors
/// InvalidArn, AccessDeniedException, or ExecutionDoesNotExist for those who may read
/// executions of this host at all.
pub(super) async fn find<A: Action>(
    call: &Call,
    text: &str,
) -> Result<(Description, Permit<A>), Fault> {
    arn::execution(call.aws(), text)?;
    let found = crate::http::executions::find::<A>(&call.app, &call.caller, text).await;
    found.map_err(|problem| match problem.is_not_found() {
        true => Fault::execution_missing(text),
        false => problem.into(),
    })
}

pub(super) async fn describe(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let text = members.required("executionArn", ARN);
    let included = members.word("includedData", &["ALL_DATA", "METADATA_ONLY"]);
    members.finish()?;
    let (description, _permit) = find::<ReadExecution>(&call, &text).await?;
    let with_data = included.as_deref() != Some("METADATA_ONLY");
    let answer = outcome(&description, with_data)
        .with("redriveCount", 0)
        .with("redriveStatus", "NOT_REDRIVABLE")
        .with("redriveStatusReason", redrive_reason(&description));
    let answer = selected(answer, &description);
    Ok(map_runs::of_child(answer, &description).into_value())
}

pub(super) async fn stop(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let text = members.required("executionArn", ARN);
    let error = members.text("error", 0..=256);
    let cause = members.text("cause", 0..=32_768);
    members.finish()?;
    let (description, permit) = find::<StopExecution>(&call, &text).await?;
    let id = &description.start.header.id;
    let stopped = call.engine()?.stop(permit, id, error, cause).await?;
    Ok(Answer::default()
        .with("stopDate", seconds(stopped))
        .into_value())
}

/// What every description of one execution says.
pub(super) fn outcome(description: &Description, with_data: bool) -> Answer {
    let (header, summary) = (&description.start.header, &description.summary);
    let text = |value: &Value| value.to_string();
    let details = || json!({"included": with_data});
    let input = description.input.as_deref().filter(|_| with_data);
    let output = description.output.as_deref();
    let output_details = output.map(|_| details());
    Answer::default()
        .with("executionArn", header.arn.as_str())
        .with("stateMachineArn", map_runs::machine_arn(header))
        .with("name", header.name.as_str())
        .with("status", summary.status.as_str())
        .with("startDate", seconds(header.started_at))
        .with_some("stopDate", summary.stopped_at.map(seconds))
        .with_some("input", input.map(text))
        .with("inputDetails", details())
        .with_some("output", output.filter(|_| with_data).map(text))
        .with_some("outputDetails", output_details)
        .with_some("error", summary.error.clone())
        .with_some("cause", summary.cause.clone())
}

fn redrive_reason(description: &Description) -> String {
    let status = description.summary.status;
    match status {
        Status::Running | Status::Succeeded => {
            format!("Execution is {} and cannot be redriven", status.as_str())
        }
        Status::Failed | Status::TimedOut | Status::Aborted => {
            "This host does not redrive executions".to_owned()
        }
    }
}
