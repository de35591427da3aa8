//! Where an error goes: retry, catch, or up to the state around it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::data::Told;
use super::step::{Exit, Fault, Onward, Step};
use crate::Status;
use crate::definition::{Catcher, Flow, Jitter, Retrier, State, StateKind};
use crate::execution::{Frame, Waiting};
use crate::history::{HistoryDetail, Iteration, StateType};

impl<'m> Step<'m> {
    /// Handles an error raised in the frame's state, innermost state first.
    pub(super) fn fail(&mut self, mut frame: Frame, mut fault: Fault) {
        if fault.is("States.Runtime") {
            return self.fail_at_once(frame, fault);
        }
        loop {
            let state = self.state(&frame);
            if frame.map_run().is_some() {
                let failed = HistoryDetail::MapRunFailed(fault.to_detail());
                self.record_next(&mut frame, failed);
            }
            self.abort_children(&frame, frame.last_event);
            frame.waiting = Waiting::Turn;
            self.record_evaluation_failed(&mut frame, &mut fault);
            if let Some(delay_ms) =
                state.and_then(|state| self.retry_delay(&mut frame, state, &fault))
            {
                frame.waiting = Waiting::Delay(self.begin_timer(self.at.plus_ms(delay_ms)));
                return self.execution.frames.put(frame);
            }
            self.record_failed(&mut frame, state);
            match state.and_then(|state| self.catch(&frame, state, &fault)) {
                Some(Ok((exit, next))) => return self.leave(frame, exit, Onward::State(next)),
                Some(Err(other)) if other.is("States.Runtime") => {
                    return self.fail_at_once(frame, other);
                }
                Some(Err(other)) => fault = other,
                None => {}
            }
            let Some(parent) = frame
                .parent
                .and_then(|parent| self.execution.frames.take(parent))
            else {
                return self.end(Status::Failed, frame.last_event, fault.to_detail(), None);
            };
            frame = self.fail_strand(&frame, state, parent);
        }
    }

    /// Ends the execution where the frame stands: nothing may catch `States.Runtime`, and of the
    /// states around it nothing is told.
    fn fail_at_once(&mut self, mut frame: Frame, mut fault: Fault) {
        if frame.map_run().is_some() {
            let failed = HistoryDetail::MapRunFailed(fault.to_detail());
            self.record_next(&mut frame, failed);
        }
        self.record_evaluation_failed(&mut frame, &mut fault);
        let last_event = frame.last_event;
        self.execution.frames.put(frame);
        self.abandon_all();
        self.end(Status::Failed, last_event, fault.to_detail(), None);
    }

    /// Ends a strand with an error; its parent's next event follows the strand's last.
    fn fail_strand(&mut self, strand: &Frame, state: Option<&State>, mut parent: Frame) -> Frame {
        let last_event = strand.last_event;
        if is_map(&parent) {
            let iteration = Iteration {
                name: parent.state.clone(),
                index: strand.place,
            };
            self.record(last_event, HistoryDetail::MapIterationFailed(iteration));
        }
        if state.is_some_and(|state| matches!(state.kind, StateKind::Task(_))) {
            self.record(last_event, HistoryDetail::StateAborted(StateType::Task));
        }
        parent.last_event = last_event;
        parent
    }

    /// Puts on record, once, that an expression of the frame's state has no value.
    fn record_evaluation_failed(&mut self, frame: &mut Frame, fault: &mut Fault) {
        if let Some(location) = fault.location.take() {
            let detail = HistoryDetail::EvaluationFailed {
                state: frame.state.clone(),
                location,
                error: fault.to_detail(),
            };
            frame.last_event = self.record(frame.before_entry, detail);
        }
    }

    fn record_failed(&mut self, frame: &mut Frame, state: Option<&State>) {
        match state.map(|state| &state.kind) {
            Some(StateKind::Parallel(_)) => {
                self.record_next(frame, HistoryDetail::ParallelStateFailed)
            }
            Some(StateKind::Map(_)) => self.record_next(frame, HistoryDetail::MapStateFailed),
            Some(
                StateKind::Task(_)
                | StateKind::Pass(_)
                | StateKind::Choice(_)
                | StateKind::Wait(_)
                | StateKind::Succeed
                | StateKind::Fail(_),
            )
            | None => {}
        }
    }

    /// How long to wait before the state is tried again, if its first matching retrier has
    /// attempts left.
    pub(super) fn retry_delay(
        &self,
        frame: &mut Frame,
        state: &State,
        fault: &Fault,
    ) -> Option<i64> {
        let (retriers, _) = handlers(state);
        let place = retrier_for(state, fault)?;
        let retrier = retriers.get(place)?;
        frame.retries.resize(retriers.len(), 0);
        let retried = frame.retries.get_mut(place)?;
        if u64::from(*retried) >= retrier.max_attempts {
            return None;
        }
        let delay_ms = retrier.delay_ms(*retried);
        *retried = retried.saturating_add(1);
        let delay_ms = match retrier.jitter {
            Jitter::None => delay_ms,
            Jitter::Full => self.random_up_to(delay_ms),
        };
        Some(i64::try_from(delay_ms).unwrap_or(i64::MAX))
    }

    /// The output and next state of the first matching catcher.
    pub(super) fn catch(
        &mut self,
        frame: &Frame,
        state: &'m State,
        fault: &Fault,
    ) -> Option<Result<(Exit, &'m str), Fault>> {
        let (_, catchers) = handlers(state);
        let catcher = catchers.get(catcher_for(state, fault)?)?;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let caught = json!({ "Error": text(&fault.error), "Cause": text(&fault.cause) });
        let exit = self.exit_caught(frame, state, catcher, Arc::new(caught));
        Some(exit.map(|exit| (exit, catcher.next.as_str())))
    }

    fn exit_caught(
        &mut self,
        frame: &Frame,
        state: &State,
        catcher: &Catcher,
        caught: Arc<Value>,
    ) -> Result<Exit, Fault> {
        let fields = (catcher.output.as_ref(), catcher.assign.as_ref());
        let about = Arc::clone(&caught);
        let exit = self.exit_by(frame, state, fields, (caught, Told::error_output(&about)))?;
        match &state.flow {
            Flow::Jsonata(_) => Ok(exit),
            Flow::JsonPath(_) => {
                let merged = catcher.result_path.merge(&frame.input.shared(), about);
                let merged = merged.map_err(|failure| Fault::of_state(frame, failure))?;
                let output = self.keep_once(&[&frame.input, &exit.output], merged, &frame.state)?;
                Ok(Exit { output, ..exit })
            }
        }
    }
}

/// Which of the state's retriers an error is for: the first that matches.
pub(super) fn retrier_for(state: &State, fault: &Fault) -> Option<usize> {
    let (retriers, _) = handlers(state);
    let mut lists = retriers.iter().map(|retrier| &retrier.error_equals);
    lists.position(|names| fault.matches(names))
}

/// Which of the state's catchers an error is for: the first that matches.
pub(super) fn catcher_for(state: &State, fault: &Fault) -> Option<usize> {
    let (_, catchers) = handlers(state);
    let mut lists = catchers.iter().map(|catcher| &catcher.error_equals);
    lists.position(|names| fault.matches(names))
}

/// How many retriers the state has.
pub(super) fn retriers(state: &State) -> usize {
    handlers(state).0.len()
}

/// Whether states of the kind can be retried, which are those with a result of their own.
pub(crate) fn can_retry(state: &State) -> bool {
    match &state.kind {
        StateKind::Task(_) | StateKind::Parallel(_) | StateKind::Map(_) => true,
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_) => false,
    }
}

/// Whether the frame's children are iterations with events of their own.
pub(super) fn is_map(frame: &Frame) -> bool {
    match &frame.waiting {
        Waiting::Children(children) => {
            let map = children.map.as_ref();
            map.is_some_and(|map| map.run.is_none())
        }
        Waiting::Turn
        | Waiting::Task(_)
        | Waiting::Time(_)
        | Waiting::Delay(_)
        | Waiting::Child { .. }
        | Waiting::Siblings { .. } => false,
    }
}

/// The state's `Retry` and `Catch`.
fn handlers(state: &State) -> (&[Retrier], &[Catcher]) {
    match &state.kind {
        StateKind::Task(task) => (&task.retry, &task.catch),
        StateKind::Parallel(parallel) => (&parallel.retry, &parallel.catch),
        StateKind::Map(map) => (&map.retry, &map.catch),
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_) => (&[], &[]),
    }
}

impl Retrier {
    /// `IntervalSeconds` × `BackoffRate` to the power of the retries so far, within `MaxDelaySeconds`.
    fn delay_ms(&self, retried: u32) -> u64 {
        let exponent = i32::try_from(retried).unwrap_or(i32::MAX);
        #[expect(
            clippy::cast_precision_loss,
            reason = "intervals are far below 2^53 seconds"
        )]
        let seconds = self.interval_seconds as f64 * self.backoff_rate.powi(exponent);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, as meant"
        )]
        let delay_ms = (seconds * 1000.0) as u64;
        let max_ms = self
            .max_delay_seconds
            .map(|seconds| seconds.saturating_mul(1000));
        max_ms.map_or(delay_ms, |max_ms| delay_ms.min(max_ms))
    }
}

impl Fault {
    /// Whether an `ErrorEquals` list matches. Nothing matches `States.Runtime`; `States.ALL`
    /// matches results over the quota (recorded, against the service's documentation).
    fn matches(&self, names: &[String]) -> bool {
        if self.is("States.Runtime") {
            return false;
        }
        names.iter().any(|name| match name.as_str() {
            "States.ALL" => true,
            "States.TaskFailed" => !self.is("States.Timeout"),
            "States.HeartbeatTimeout" if self.is_heartbeat => true,
            name => self.is(name),
        })
    }
}

#[cfg(test)]
mod tests;
