//! The service's shape of a Task's events, which depends on what the Task calls.

use serde_json::{Value, json};

use super::{data, object, seconds, text};
use crate::history::{Called, TaskEvent};

pub(super) fn event_type(called: &Called, event: &TaskEvent) -> &'static str {
    match called {
        Called::Service { .. } => match event {
            TaskEvent::Scheduled { .. } => "TaskScheduled",
            TaskEvent::Started { .. } => "TaskStarted",
            TaskEvent::Submitted { .. } => "TaskSubmitted",
            TaskEvent::Succeeded { .. } => "TaskSucceeded",
            TaskEvent::Failed(_) => "TaskFailed",
            TaskEvent::TimedOut(_) => "TaskTimedOut",
        },
        Called::LambdaFunction { .. } => match event {
            TaskEvent::Scheduled { .. } => "LambdaFunctionScheduled",
            TaskEvent::Started { .. } | TaskEvent::Submitted { .. } => "LambdaFunctionStarted",
            TaskEvent::Succeeded { .. } => "LambdaFunctionSucceeded",
            TaskEvent::Failed(_) => "LambdaFunctionFailed",
            TaskEvent::TimedOut(_) => "LambdaFunctionTimedOut",
        },
        Called::Activity { .. } => match event {
            TaskEvent::Scheduled { .. } => "ActivityScheduled",
            TaskEvent::Started { .. } | TaskEvent::Submitted { .. } => "ActivityStarted",
            TaskEvent::Succeeded { .. } => "ActivitySucceeded",
            TaskEvent::Failed(_) => "ActivityFailed",
            TaskEvent::TimedOut(_) => "ActivityTimedOut",
        },
    }
}

pub(super) fn member(called: &Called, event: &TaskEvent) -> Option<(&'static str, Value)> {
    let (name, members) = match called {
        Called::Service {
            resource_type,
            resource,
        } => service(resource_type, resource, event),
        Called::LambdaFunction { arn } => function(arn, event)?,
        Called::Activity { arn } => activity(arn, event)?,
    };
    Some((name, object(members)))
}

type Members = Vec<(&'static str, Value)>;

fn service(resource_type: &str, resource: &str, event: &TaskEvent) -> (&'static str, Members) {
    let mut members = vec![
        ("resourceType", json!(resource_type)),
        ("resource", json!(resource)),
    ];
    let name = match event {
        TaskEvent::Scheduled {
            region,
            input,
            timeout_seconds,
            heartbeat_seconds,
            role_arn,
        } => {
            members.extend([("region", json!(region)), ("parameters", text(input))]);
            members.extend(seconds("timeoutInSeconds", *timeout_seconds));
            members.extend(seconds("heartbeatInSeconds", *heartbeat_seconds));
            members.extend(credentials(role_arn.as_deref()));
            "taskScheduledEventDetails"
        }
        TaskEvent::Started { .. } => "taskStartedEventDetails",
        TaskEvent::Submitted { output } => {
            members.extend(data("output", output));
            "taskSubmittedEventDetails"
        }
        TaskEvent::Succeeded { output } => {
            members.extend(data("output", output));
            "taskSucceededEventDetails"
        }
        TaskEvent::Failed(error) => {
            members.extend(error.members());
            "taskFailedEventDetails"
        }
        TaskEvent::TimedOut(error) => {
            members.extend(error.members());
            "taskTimedOutEventDetails"
        }
    };
    (name, members)
}

fn credentials(role_arn: Option<&str>) -> Option<(&'static str, Value)> {
    role_arn.map(|arn| ("taskCredentials", json!({ "roleArn": arn })))
}

fn function(arn: &str, event: &TaskEvent) -> Option<(&'static str, Members)> {
    Some(match event {
        TaskEvent::Scheduled {
            input,
            timeout_seconds,
            role_arn,
            ..
        } => {
            let mut members = vec![("resource", json!(arn))];
            members.extend(data("input", input));
            members.extend(seconds("timeoutInSeconds", *timeout_seconds));
            members.extend(credentials(role_arn.as_deref()));
            ("lambdaFunctionScheduledEventDetails", members)
        }
        TaskEvent::Started { .. } | TaskEvent::Submitted { .. } => return None,
        TaskEvent::Succeeded { output } => (
            "lambdaFunctionSucceededEventDetails",
            data("output", output).into(),
        ),
        TaskEvent::Failed(error) => (
            "lambdaFunctionFailedEventDetails",
            error.members().collect(),
        ),
        TaskEvent::TimedOut(error) => (
            "lambdaFunctionTimedOutEventDetails",
            error.members().collect(),
        ),
    })
}

fn activity(arn: &str, event: &TaskEvent) -> Option<(&'static str, Members)> {
    Some(match event {
        TaskEvent::Scheduled {
            input,
            timeout_seconds,
            heartbeat_seconds,
            ..
        } => {
            let mut members = vec![("resource", json!(arn))];
            members.extend(data("input", input));
            members.extend(seconds("timeoutInSeconds", *timeout_seconds));
            members.extend(seconds("heartbeatInSeconds", *heartbeat_seconds));
            ("activityScheduledEventDetails", members)
        }
        TaskEvent::Started { worker } => {
            let worker = worker.iter().map(|worker| ("workerName", json!(worker)));
            ("activityStartedEventDetails", worker.collect())
        }
        TaskEvent::Submitted { .. } => return None,
        TaskEvent::Succeeded { output } => (
            "activitySucceededEventDetails",
            data("output", output).into(),
        ),
        TaskEvent::Failed(error) => ("activityFailedEventDetails", error.members().collect()),
        TaskEvent::TimedOut(error) => ("activityTimedOutEventDetails", error.members().collect()),
    })
}
