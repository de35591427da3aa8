//! Entering and leaving states, and reaching the end of a strand.

use super::step::{Exit, Fault, Onward, Outcome, Progress, Step};
use super::{choice, fail, map, parallel, pass, succeed, task, wait};
use crate::definition::{State, StateKind};
use crate::execution::{Frame, Waiting};
use crate::history::{HistoryDetail, StateType};
use crate::{Failure, Payload, Status};

impl<'m> Step<'m> {
    /// Enters the state the frame has come to.
    pub(super) fn enter(&mut self, mut frame: Frame) {
        let Some(state) = self.state(&frame) else {
            let fault = Fault::of_state(&frame, Failure::runtime("The state does not exist."));
            return self.fail(frame, fault);
        };
        let (kind, name, input) = (kind(state), frame.state.clone(), frame.input.clone());
        frame.before_entry = frame.last_event;
        self.record_next(
            &mut frame,
            HistoryDetail::StateEntered { kind, name, input },
        );
        frame.entered_at = self.at;
        frame.entered_event = frame.last_event;
        let outcome = begin(self, &mut frame, state);
        self.settle(frame, outcome);
    }

    /// Puts into effect what a state made of its turn.
    pub(super) fn settle(&mut self, frame: Frame, outcome: Outcome<'m>) {
        match outcome {
            Ok(Progress::Waits) => self.execution.frames.put(frame),
            Ok(Progress::Leaves { exit, next }) => self.leave(frame, exit, next),
            Err(fault) => self.fail(frame, fault),
        }
    }

    /// Leaves the frame's state for the next one or the end of the strand.
    pub(super) fn leave(&mut self, mut frame: Frame, exit: Exit, next: Onward<'_>) {
        let Exit { output, assigned } = exit;
        if let Some(state) = self.state(&frame) {
            let detail = HistoryDetail::StateExited {
                kind: kind(state),
                name: frame.state.clone(),
                output: output.clone(),
                assigned: assigned.clone(),
            };
            self.record_next(&mut frame, detail);
        }
        frame.variables.extend(assigned);
        frame.retries = Vec::new();
        frame.token = None;
        match next {
            Onward::State(name) => {
                name.clone_into(&mut frame.state);
                frame.input = output;
                frame.entered_event = 0;
                frame.waiting = Waiting::Turn;
                self.execution.frames.put(frame);
            }
            Onward::End => match frame.parent {
                Some(parent) => self.reach_end(frame, parent, output),
                None => self.succeed(&frame, output),
            },
        }
    }

    fn succeed(&mut self, root: &Frame, output: Payload) {
        self.record(
            root.last_event,
            HistoryDetail::ExecutionSucceeded {
                output: output.clone(),
            },
        );
        self.execution.standing.output = Some(output);
        self.close(Status::Succeeded);
    }
}

/// Begins the work of a state that is entered or retried.
pub(super) fn begin<'m>(step: &mut Step<'m>, frame: &mut Frame, state: &'m State) -> Outcome<'m> {
    match &state.kind {
        StateKind::Task(task) => task::begin(step, frame, state, task),
        StateKind::Pass(pass) => pass::begin(step, frame, state, pass),
        StateKind::Choice(choice) => choice::begin(step, frame, state, choice),
        StateKind::Wait(wait) => wait::begin(step, frame, state, wait),
        StateKind::Succeed => succeed::begin(step, frame, state),
        StateKind::Fail(fail) => Err(fail::raise(step, frame, state, fail)),
        StateKind::Parallel(parallel) => parallel::begin(step, frame, state, parallel),
        StateKind::Map(map) => map::begin(step, frame, state, map),
    }
}

/// The kind as event types name it.
pub(super) fn kind(state: &State) -> StateType {
    match &state.kind {
        StateKind::Task(_) => StateType::Task,
        StateKind::Pass(_) => StateType::Pass,
        StateKind::Choice(_) => StateType::Choice,
        StateKind::Wait(_) => StateType::Wait,
        StateKind::Succeed => StateType::Succeed,
        StateKind::Fail(_) => StateType::Fail,
        StateKind::Parallel(_) => StateType::Parallel,
        StateKind::Map(_) => StateType::Map,
    }
}
