//! Starting executions, also synchronous ones.

use auth::names::ServiceName;
use auth::policy::{ReadExecution, Resource, StartExecution};
use engine::{Created, Error, StartRequest};
use serde_json::{Map, Value, json};

use super::arn;
use super::call::{Answer, Call, seconds};
use super::executions::outcome;
use super::fault::Fault;
use super::input;
use super::members::{ANY, ARN, Members};

/// The service bills express executions by the started hundred milliseconds and 64 MB.
const BILLED_MS: i64 = 100;
const BILLED_MB: u64 = 64;

pub(super) async fn start(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let asked = Asked::read(&mut members);
    members.finish()?;
    let request = asked.request(&call)?;
    let resource = Resource::state_machine(&request.state_machine);
    let permit = call.permit::<StartExecution>(&resource).await?;
    let started = call.engine()?.start(permit, request).await;
    let started = started.map_err(|error| asked.fault(&call, error))?;
    let started = Created::into_inner(started);
    Ok(Answer::default()
        .with("executionArn", started.execution_arn)
        .with("startDate", seconds(started.start_date))
        .into_value())
}

pub(super) async fn start_sync(mut call: Call) -> Result<Value, Fault> {
    let mut members = call.take_members();
    let asked = Asked::read(&mut members);
    let included = members.word("includedData", &["ALL_DATA", "METADATA_ONLY"]);
    members.finish()?;
    let request = asked.request(&call)?;
    let resource = Resource::state_machine(&request.state_machine);
    let permit = call.permit::<StartExecution>(&resource).await?;
    let read = call.permit::<ReadExecution>(&resource).await?;
    let ended = call.engine()?.start_and_wait(permit, read, request).await;
    let ended = ended.map_err(|error| asked.fault(&call, error))?;
    let started_at = ended.start.header.started_at;
    let stopped_at = ended.summary.stopped_at.unwrap_or(started_at);
    let ran_ms = stopped_at.0.saturating_sub(started_at.0).max(1);
    let billed_ms = ran_ms.saturating_add(BILLED_MS - 1) / BILLED_MS * BILLED_MS;
    let with_data = included.as_deref() != Some("METADATA_ONLY");
    Ok(outcome(&ended, with_data)
        .with(
            "billingDetails",
            json!({"billedMemoryUsedInMB": BILLED_MB, "billedDurationInMilliseconds": billed_ms}),
        )
        .into_value())
}

/// What a start says.
struct Asked {
    /// Without the test case.
    arn: String,
    test_case: Option<String>,
    name: Option<String>,
    input: Option<String>,
}

impl Asked {
    fn read(members: &mut Members) -> Self {
        let arn = members.required("stateMachineArn", ARN);
        let name = members.text("name", 1..=80);
        let input = members.text("input", ANY);
        members.text("traceHeader", 0..=256);
        let (arn, test_case) = match arn.split_once('#') {
            Some((arn, test_case)) => (arn.to_owned(), Some(test_case.to_owned())),
            None => (arn, None),
        };
        Self {
            arn,
            test_case,
            name,
            input,
        }
    }

    fn request(&self, call: &Call) -> Result<StartRequest, Fault> {
        let target = arn::machine(call.aws(), &self.arn)?;
        let name = self
            .name
            .as_deref()
            .map(|name| ServiceName::parse(name).map_err(|_| Fault::invalid_name(name)));
        let input = match &self.input {
            Some(text) => input::parse(text).map_err(|message| invalid_input(&message))?,
            None => Value::Object(Map::new()),
        };
        Ok(StartRequest {
            qualifier: target.qualifier,
            name: name.transpose()?,
            mock_case: self.test_case.clone(),
            trace: call.trace,
            ..StartRequest::new(target.name, input)
        })
    }

    fn fault(&self, call: &Call, error: Error) -> Fault {
        match error {
            Error::Conflict(_) => {
                let machine = arn::machine(call.aws(), &self.arn).map(|target| target.name);
                let name = self.name.as_deref().unwrap_or_default();
                let arn = machine.map_or_else(
                    |_| name.to_owned(),
                    |machine| call.aws().execution_arn(&machine, name),
                );
                Fault::new(
                    "ExecutionAlreadyExists",
                    format!("Execution Already Exists: '{arn}'"),
                )
            }
            Error::TooLarge(message) => invalid_input(&message),
            Error::Invalid(_) => invalid_input(&error.to_string()),
            other => Fault::of_machine(&self.arn, other),
        }
    }
}

pub(super) fn invalid_input(message: &str) -> Fault {
    Fault::new(
        "InvalidExecutionInput",
        format!("Invalid State Machine Execution Input: '{message}'"),
    )
}
