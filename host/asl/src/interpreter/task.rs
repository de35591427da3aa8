//! `Task`: one attempt at a time, of a component, a worker or an integration.

use std::sync::Arc;

use serde_json::Value;

use super::answer::after_seconds;
use super::step::{Fault, Outcome, Progress, Step};
use super::{callable, fail, quantity};
use crate::definition::{Call, Integration, Quantity, State, StateKind, Task};
use crate::execution::{Frame, TaskWait, Waiting};
use crate::history::{Called, ErrorDetail, HistoryDetail, Provenance, TaskEvent};
use crate::{AttemptFacts, Effect, Failure, TaskPhase, TaskToken};

/// Which of an attempt's timers fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    Timeout,
    Heartbeat,
}

pub(super) fn begin<'m>(
    step: &mut Step<'m>,
    frame: &mut Frame,
    state: &'m State,
    task: &'m Task,
) -> Outcome<'m> {
    let effect = step.execution.new_effect();
    if task.call.has_token() {
        let token = TaskToken::new(&step.execution.header().id, effect, step.seed);
        frame.token = Some(token.to_string());
    }
    let timeout = limit(
        step,
        frame,
        state,
        "TimeoutSecondsPath",
        task.timeout.as_ref(),
    )?;
    let heartbeat = task.heartbeat.as_ref();
    let heartbeat = limit(step, frame, state, "HeartbeatSecondsPath", heartbeat)?;
    let input = step.effective_input(frame, state)?;
    callable::check(task, &input, &step.absent)
        .map_err(|failure| Fault::of_state(frame, failure))?;
    let role_arn = role_arn(step, frame, state, task, &input)?;
    let input = step.keep_once(&[&frame.input], input, &frame.state)?;
    let called = called(&task.call, &task.resource);
    let event = TaskEvent::Scheduled {
        region: region(&step.execution.header().arn).to_owned(),
        input: input.clone(),
        timeout_seconds: timeout,
        heartbeat_seconds: heartbeat,
        role_arn: role_arn.clone(),
    };
    let detail = HistoryDetail::Task {
        called: called.clone(),
        event,
    };
    step.record_next(frame, detail);
    let place = step.effects.len();
    let timeout = timeout.map(|seconds| step.begin_timer(after_seconds(step.at, seconds)));
    frame.waiting = Waiting::Task(TaskWait {
        effect,
        phase: TaskPhase::Scheduled,
        resource: task.resource.clone(),
        role_arn,
        input,
        called,
        timeout,
        heartbeat: None,
        heartbeat_seconds: heartbeat,
    });
    // A worker's heartbeats are counted from when it takes the task.
    if task.call != Call::Activity {
        begin_heartbeat(step, frame);
    }
    step.effects
        .splice(place..place, frame.task_run().map(Effect::RunTask));
    Ok(Progress::Waits)
}

/// Records that the attempt's code is about to run, or that a worker took the task.
pub(super) fn started(
    step: &mut Step<'_>,
    frame: &mut Frame,
    facts: Option<AttemptFacts>,
    worker: Option<String>,
) {
    let attempt = frame.attempt();
    let Waiting::Task(task) = &mut frame.waiting else {
        return;
    };
    task.phase = TaskPhase::Started;
    let is_activity = matches!(task.called, Called::Activity { .. });
    let detail = HistoryDetail::Task {
        called: task.called.clone(),
        event: TaskEvent::Started { worker },
    };
    let provenance = facts.map(|facts| Provenance::Attempt {
        role: facts.role,
        role_revision: facts.role_revision,
        component: facts.component,
        component_version: facts.version,
        component_digest: facts.digest,
        attempt,
    });
    frame.last_event = step.record_with(frame.last_event, detail, provenance);
    if is_activity {
        begin_heartbeat(step, frame);
    }
}

/// Records that what was called accepted the work, and waits on for whoever answers it.
pub(super) fn submitted<'m>(
    step: &mut Step<'m>,
    frame: &mut Frame,
    output: Arc<Value>,
) -> Outcome<'m> {
    let Waiting::Task(task) = &mut frame.waiting else {
        return Ok(Progress::Waits);
    };
    task.phase = TaskPhase::Submitted;
    let wait = task.clone();
    let output = step.keep(output, result_name(&wait))?;
    record(step, frame, &wait, TaskEvent::Submitted { output });
    Ok(Progress::Waits)
}

/// Begins to count anew until the next sign of life.
pub(super) fn heartbeat(step: &mut Step<'_>, frame: &mut Frame) {
    begin_heartbeat(step, frame);
}

fn begin_heartbeat(step: &mut Step<'_>, frame: &mut Frame) {
    let Waiting::Task(task) = &mut frame.waiting else {
        return;
    };
    if let Some(old) = task.heartbeat.take() {
        step.cancel(old.effect);
    }
    let seconds = task.heartbeat_seconds;
    task.heartbeat = seconds.map(|seconds| step.begin_timer(after_seconds(step.at, seconds)));
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
    let exit = step.exit(frame, state, result.shared(), Some(&result))?;
    Ok(Progress::Leaves {
        exit,
        next: (&task.next).into(),
    })
}

/// The error of an attempt that failed; a name or cause that is empty was not given.
pub(super) fn failed(
    step: &mut Step<'_>,
    frame: &mut Frame,
    error: String,
    cause: String,
) -> Fault {
    let given = |text: String| (!text.is_empty()).then_some(text);
    let fault = Fault {
        error: given(error),
        cause: given(cause),
        is_heartbeat: false,
        location: None,
    };
    if let Some(wait) = close(step, frame) {
        record(step, frame, &wait, TaskEvent::Failed(fault.to_detail()));
    }
    fault
}

/// The error of an attempt that ran out of time, or gave no sign of life for too long.
pub(super) fn timed_out(step: &mut Step<'_>, frame: &mut Frame, timer: Timer) -> Fault {
    let fault = Fault {
        error: Some("States.Timeout".to_owned()),
        cause: None,
        is_heartbeat: timer == Timer::Heartbeat,
        location: None,
    };
    let Waiting::Task(task) = &mut frame.waiting else {
        return fault;
    };
    // The timer that fired needs no cancelling.
    match timer {
        Timer::Timeout => task.timeout = None,
        Timer::Heartbeat => task.heartbeat = None,
    }
    step.cancel(task.effect);
    if let Some(wait) = close(step, frame) {
        let ErrorDetail { error, .. } = fault.to_detail();
        let detail = ErrorDetail { error, cause: None };
        record(step, frame, &wait, TaskEvent::TimedOut(detail));
    }
    fault
}

/// Stops waiting for the attempt, and its timers with it.
fn close(step: &mut Step<'_>, frame: &mut Frame) -> Option<TaskWait> {
    match std::mem::replace(&mut frame.waiting, Waiting::Turn) {
        Waiting::Task(task) => {
            for timer in [task.timeout, task.heartbeat].into_iter().flatten() {
                step.cancel(timer.effect);
            }
            Some(task)
        }
        other @ (Waiting::Turn
        | Waiting::Time(_)
        | Waiting::Delay(_)
        | Waiting::Children(_)
        | Waiting::Child { .. }
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
    seconds: Option<&Quantity>,
) -> Result<Option<u64>, Fault> {
    let Some(seconds) = seconds else {
        return Ok(None);
    };
    let input = step.selected_input(frame, state)?;
    step.evaluate(frame, state, |scope| {
        quantity::resolve(field, seconds, &input, scope)
    })
    .map(Some)
}

fn role_arn(
    step: &mut Step<'_>,
    frame: &Frame,
    state: &State,
    task: &Task,
    input: &Value,
) -> Result<Option<String>, Fault> {
    let Some(credentials) = &task.credentials else {
        return Ok(None);
    };
    step.evaluate(frame, state, |scope| {
        fail::resolve("RoleArn.$", &credentials.role_arn, input, scope)
    })
    .map(Some)
}

/// What the service's history calls the resource.
fn called(call: &Call, resource: &str) -> Called {
    let arn = resource.to_owned();
    match call {
        Call::Component => Called::Service {
            resource_type: "component".to_owned(),
            resource: resource
                .strip_prefix("component:")
                .map_or(arn, str::to_owned),
        },
        Call::Function(_) => Called::LambdaFunction { arn },
        Call::Activity => Called::Activity { arn },
        Call::Integration(Integration {
            service,
            action,
            pattern,
        }) => Called::Service {
            resource_type: service.clone(),
            resource: format!("{action}{}", pattern.suffix()),
        },
    }
}

/// What the service's words for a result over its quota call the Task.
fn result_name(wait: &TaskWait) -> &str {
    match &wait.called {
        Called::Service { resource_type, .. } if resource_type != "component" => resource_type,
        Called::Service { .. } | Called::LambdaFunction { .. } | Called::Activity { .. } => {
            &wait.resource
        }
    }
}

/// The fourth part of an ARN.
fn region(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}
