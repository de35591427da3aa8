//! Tasks that somebody outside works on: handing them to workers, and taking answers by token.

use std::ops::RangeInclusive;

use auth::policy::{
    Action, GetActivityTask, Permit, Resource, SendTaskFailure, SendTaskHeartbeat, SendTaskSuccess,
};
use engine::{Error, Full, TaskError, WaitingTask};
use serde_json::Value;

use super::arn::{activity, activity_missing};
use super::call::{Answer, Call};
use super::fault::Fault;
use super::input;
use super::members::ARN;

/// When a worker that found no room may ask again.
const WORKERS_RETRY_AFTER_S: u64 = 2;
const TOKEN: RangeInclusive<usize> = 1..=2048;
const OUTPUT: RangeInclusive<usize> = 0..=262_144;

pub(super) async fn get_activity_task(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let arn = members.required("activityArn", ARN);
    let worker = members.text("workerName", 1..=80);
    members.finish()?;
    let name = activity(call.aws(), &arn)?;
    let resource = Resource::activity(&name);
    let permit = call.permit::<GetActivityTask>(&resource).await?;
    let found = call.engine()?.activity_task(permit, name, worker).await;
    let found = found.map_err(|error| match error {
        TaskError::Engine(Error::NotFound(_)) => activity_missing(&arn),
        other => other.into(),
    })?;
    let answer = match found {
        Some(task) => Answer::default()
            .with("taskToken", task.token)
            .with("input", task.input),
        None => Answer::default(),
    };
    Ok(answer.into_value())
}

pub(super) async fn succeed(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let token = members.required("taskToken", TOKEN);
    let output = members.required("output", OUTPUT);
    members.finish()?;
    let (task, permit) = waiting::<SendTaskSuccess>(&call, &token).await?;
    let output = parse(&output)?;
    call.engine()?
        .send_task_success(permit, task, output)
        .await?;
    Ok(Answer::default().into_value())
}

pub(super) async fn fail(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let token = members.required("taskToken", TOKEN);
    let error = members.text("error", 0..=256);
    let cause = members.text("cause", 0..=32_768);
    members.finish()?;
    let (task, permit) = waiting::<SendTaskFailure>(&call, &token).await?;
    call.engine()?
        .send_task_failure(permit, task, error, cause)
        .await?;
    Ok(Answer::default().into_value())
}

pub(super) async fn heartbeat(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let token = members.required("taskToken", TOKEN);
    members.finish()?;
    let (task, permit) = waiting::<SendTaskHeartbeat>(&call, &token).await?;
    call.engine()?.send_task_heartbeat(permit, task).await?;
    Ok(Answer::default().into_value())
}

/// The Task that a token is for, and proof that the caller may do `A` to it.
async fn waiting<A: Action>(call: &Call, token: &str) -> Result<(WaitingTask, Permit<A>), Fault> {
    let task = call.engine()?.waiting_task(token).await?;
    let permit = call.permit::<A>(&task.resource()).await?;
    Ok((task, permit))
}

fn parse(output: &str) -> Result<Value, Fault> {
    let message = match output.trim_ascii().is_empty() {
        true => "Invalid output.".to_owned(),
        false => match input::parse(output) {
            Ok(output) => return Ok(output),
            Err(message) => message,
        },
    };
    Err(Fault::new(
        "InvalidOutput",
        format!("Invalid Output: '{message}'"),
    ))
}

impl From<TaskError> for Fault {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::InvalidToken => Self::invalid_token(),
            TaskError::TimedOut => Self::new(
                "TaskTimedOut",
                "Task Timed Out: 'Provided task does not exist anymore'",
            ),
            TaskError::TooManyWorkers(Full::Host) => Self::new(
                "ActivityWorkerLimitExceeded",
                "The maximum number of workers concurrently polling for activity tasks has been reached.",
            )
            .with_retry_after(WORKERS_RETRY_AFTER_S),
            TaskError::TooManyWorkers(Full::Share) => Self::new(
                "ThrottlingException",
                "you have your share of the workers that may wait for activity tasks",
            )
            .with_retry_after(WORKERS_RETRY_AFTER_S),
            TaskError::Engine(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_any_json_and_nothing_else() {
        for text in ["{}", "\"x\"", "1", "null"] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in ["", "x", "{", "{'a': 1}"] {
            assert_eq!(parse(text).unwrap_err().told().1, "InvalidOutput", "{text}");
        }
    }

    #[test]
    fn a_worker_too_many_learns_whose_limit_it_met() {
        for (full, code) in [
            (Full::Share, "ThrottlingException"),
            (Full::Host, "ActivityWorkerLimitExceeded"),
        ] {
            assert_eq!(Fault::from(TaskError::TooManyWorkers(full)).told().1, code);
        }
    }

    #[test]
    fn a_token_that_is_spent_and_one_that_is_none_are_told_apart() {
        let told = |error| {
            let fault = Fault::from(error);
            (fault.told().1, fault.told().2.to_owned())
        };
        assert_eq!(
            told(TaskError::InvalidToken),
            ("InvalidToken", "Invalid Token: 'Invalid token'".to_owned())
        );
        assert_eq!(told(TaskError::TimedOut).0, "TaskTimedOut");
    }
}
