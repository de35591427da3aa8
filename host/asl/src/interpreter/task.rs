//! `Task`: one attempt of a component at a time.

use std::sync::Arc;

use serde_json::Value;

use super::answer::after_seconds;
use super::seconds;
use super::step::{Fault, Outcome, Progress, Step};
use crate::definition::{Seconds, State, StateKind, Task};
use crate::execution::{Frame, TaskWait, Waiting};
use crate::history::{Called, ErrorDetail, HistoryDetail, Provenance, TaskEvent};
use crate::{AttemptFacts, Effect, Failure, TaskPhase};

pub(super) fn begin<'m>(
    step: &mut Step<'m>,
    frame: &mut Frame,
    state: &'m State,
    task: &'m Task,
) -> Outcome<'m> {
    let timeout = limit(
        step,
        frame,
        state,
        "TimeoutSecondsPath",
        task.timeout.as_ref(),
    )?;
    let heartbeat = limit(
        step,
        frame,
        state,
        "HeartbeatSecondsPath",
        task.heartbeat.as_ref(),
    )?;
    let input = step.effective_input(frame, state)?;
    let input = step.keep_once(&[&frame.input], input, &frame.state)?;
    let called = called(&task.resource);
    let event = TaskEvent::Scheduled {
        region: region(&step.execution.header().arn).to_owned(),
        input: input.clone(),
        timeout_seconds: timeout,
        heartbeat_seconds: heartbeat,
    };
    step.record_next(
        frame,
        HistoryDetail::Task {
            called: called.clone(),
            event,
        },
    );
    let effect = step.execution.new_effect();
    let first = [timeout, heartbeat].into_iter().flatten().min();
    let wait = TaskWait {
        effect,
        phase: TaskPhase::Scheduled,
        resource: task.resource.clone(),
        role_arn: task
            .credentials
            .as_ref()
            .map(|credentials| credentials.role_arn.clone()),
        input,
        called,
        timeout: None,
        is_heartbeat: first.is_some() && first == heartbeat && first != timeout,
    };
    let place = step.effects.len();
    let timeout = first.map(|seconds| step.begin_timer(after_seconds(step.at, seconds)));
    frame.waiting = Waiting::Task(TaskWait { timeout, ..wait });
    step.effects
        .splice(place..place, frame.task_run().map(Effect::RunTask));
    Ok(Progress::Waits)
}

/// Records that the attempt's code is about to run.
pub(super) fn started(step: &mut Step<'_>, frame: &mut Frame, facts: AttemptFacts) {
    let attempt = frame.attempt();
    let Waiting::Task(task) = &mut frame.waiting else {
        return;
    };
    task.phase = TaskPhase::Started;
    let detail = HistoryDetail::Task {
        called: task.called.clone(),
        event: TaskEvent::Started,
    };
    let provenance = Provenance::Attempt {
        role: facts.role,
        role_revision: facts.role_revision,
        component: facts.component,
        component_version: facts.version,
        component_digest: facts.digest,
        attempt,
    };
    frame.last_event = step.record_with(frame.last_event, detail, Some(provenance));
}

/// Goes on with what the attempt returned.
pub(super) fn succeeded<'m>(
    step: &mut Step<'m>,
    frame: &mut Frame,
    state: &'m State,
    output: Value,
) -> Outcome<'m> {
    let (StateKind::Task(task), Some(wait)) = (&state.kind, close(step, frame)) else {
        return Err(Fault::of_state(
            frame,
            Failure::runtime("The state is not a Task state."),
        ));
    };
    let result = match step.keep(Arc::new(output), result_name(&wait)) {
        Ok(result) => result,
        Err(fault) => {
            record(step, frame, &wait, TaskEvent::Failed(fault.to_detail()));
            return Err(fault);
        }
    };
    record(
        step,
        frame,
        &wait,
        TaskEvent::Succeeded {
            output: result.clone(),
        },
    );
    let output = step.output(frame, state, result.shared(), Some(&result))?;
    Ok(Progress::Leaves {
        output,
        next: (&task.next).into(),
    })
}

/// The error of an attempt that failed.
pub(super) fn failed(
    step: &mut Step<'_>,
    frame: &mut Frame,
    error: String,
    cause: String,
) -> Fault {
    let fault = Fault::new(error, cause);
    if let Some(wait) = close(step, frame) {
        record(step, frame, &wait, TaskEvent::Failed(fault.to_detail()));
    }
    fault
}

/// The error of an attempt that ran out of time.
pub(super) fn timed_out(step: &mut Step<'_>, frame: &mut Frame) -> Fault {
    let mut fault = Fault {
        error: Some("States.Timeout".to_owned()),
        cause: None,
        is_heartbeat: false,
    };
    let Waiting::Task(task) = &mut frame.waiting else {
        return fault;
    };
    // The timer that fired needs no cancelling.
    task.timeout = None;
    fault.is_heartbeat = task.is_heartbeat;
    step.cancel(task.effect);
    if let Some(wait) = close(step, frame) {
        let ErrorDetail { error, .. } = fault.to_detail();
        record(
            step,
            frame,
            &wait,
            TaskEvent::TimedOut(ErrorDetail { error, cause: None }),
        );
    }
    fault
}

/// Stops waiting for the attempt, and its timer with it.
fn close(step: &mut Step<'_>, frame: &mut Frame) -> Option<TaskWait> {
    match std::mem::replace(&mut frame.waiting, Waiting::Turn) {
        Waiting::Task(task) => {
            if let Some(timeout) = task.timeout {
                step.cancel(timeout.effect);
            }
            Some(task)
        }
        other @ (Waiting::Turn
        | Waiting::Time(_)
        | Waiting::Delay(_)
        | Waiting::Children(_)
        | Waiting::Siblings { .. }) => {
            frame.waiting = other;
            None
        }
    }
}

fn record(step: &mut Step<'_>, frame: &mut Frame, wait: &TaskWait, event: TaskEvent) {
    step.record_next(
        frame,
        HistoryDetail::Task {
            called: wait.called.clone(),
            event,
        },
    );
}

fn limit(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    field: &str,
    seconds: Option<&Seconds>,
) -> Result<Option<u64>, Fault> {
    let Some(seconds) = seconds else {
        return Ok(None);
    };
    let input = step.selected_input(frame, state)?;
    step.evaluate(frame, state, |context, budget| {
        seconds::resolve(field, seconds, &input, context, budget)
    })
    .map(Some)
}

/// What the service's history calls the resource.
fn called(resource: &str) -> Called {
    let service = |resource_type: &str, resource: &str| Called::Service {
        resource_type: resource_type.to_owned(),
        resource: resource.to_owned(),
    };
    if resource.starts_with("arn:aws:lambda:") {
        return Called::LambdaFunction {
            arn: resource.to_owned(),
        };
    }
    let integration = resource
        .strip_prefix("arn:aws:states:")
        .and_then(|rest| rest.splitn(3, ':').nth(2));
    match integration.and_then(|integration| integration.rsplit_once(':')) {
        Some((resource_type, action)) => service(resource_type, action),
        None => service(
            "component",
            resource.strip_prefix("component:").unwrap_or(resource),
        ),
    }
}

/// What the service's words for a result over its quota call the Task.
fn result_name(wait: &TaskWait) -> &str {
    match &wait.called {
        Called::Service { resource_type, .. } if resource_type != "component" => resource_type,
        Called::Service { .. } | Called::LambdaFunction { .. } => &wait.resource,
    }
}

/// The fourth part of an ARN.
fn region(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}
