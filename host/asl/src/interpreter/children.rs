//! What Parallel branches and Map iterations share: beginning, reaching an end, and coming
//! together in their parent.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::step::{Fault, Outcome, Progress, Step};
use super::{map, map_run};
use crate::definition::{BlockId, State, StateKind};
use crate::execution::{Frame, Waiting};
use crate::history::{HistoryDetail, Iteration};
use crate::{Failure, FrameId, Payload};

impl Step<'_> {
    /// Puts a new strand in its first state's queue.
    pub(super) fn begin_child(
        &mut self,
        parent: &Frame,
        place: u32,
        block: BlockId,
        input: Payload,
        last_event: u64,
    ) -> Result<(), Fault> {
        let missing =
            || Fault::of_state(parent, Failure::runtime("A nested block does not exist."));
        let state = self.block(block).ok_or_else(missing)?.start_at.clone();
        let child = Frame {
            id: self.execution.new_frame(),
            parent: Some(parent.id),
            place,
            block,
            state,
            input,
            entered_at: self.at,
            entered_event: 0,
            retries: Vec::new(),
            last_event,
            before_entry: 0,
            variables: BTreeMap::new(),
            token: None,
            waiting: Waiting::Turn,
        };
        self.execution.frames.put(child);
        Ok(())
    }

    /// A strand has come to its end: its parent begins the next one, or has them all.
    pub(super) fn reach_end(&mut self, mut child: Frame, parent: FrameId, output: Payload) {
        let (place, last_event) = (child.place, child.last_event);
        child.waiting = Waiting::Siblings { output };
        self.execution.frames.put(child);
        let Some(mut parent) = self.execution.frames.take(parent) else {
            return;
        };
        let Waiting::Children(children) = &mut parent.waiting else {
            return self.execution.frames.put(parent);
        };
        children.done = children.done.saturating_add(1);
        let is_last = children.done >= children.total;
        let is_map = children.map.is_some();
        parent.last_event = if is_map {
            let iteration = Iteration {
                name: parent.state.clone(),
                index: place,
            };
            self.record(last_event, HistoryDetail::MapIterationSucceeded(iteration))
        } else {
            last_event
        };
        if is_last {
            self.gathered.push(parent.id);
        } else if is_map && let Err(fault) = map::begin_next(self, &mut parent, last_event) {
            return self.fail(parent, fault);
        }
        self.execution.frames.put(parent);
    }

    /// Makes the children's outputs the result of their parent's state.
    pub(super) fn gather(&mut self, parent: FrameId) {
        let Some(mut frame) = self.execution.frames.take(parent) else {
            return;
        };
        let outcome = match self.state(&frame) {
            Some(state) => gathered(self, &mut frame, state),
            None => Err(Fault::of_state(
                &frame,
                Failure::runtime("The state does not exist."),
            )),
        };
        self.settle(frame, outcome);
    }

    /// The outputs of a map run's children in order; the children are gone afterwards.
    fn take_run_outputs(&mut self, parent: &Frame) -> Vec<Payload> {
        let ids: Vec<FrameId> = self.execution.frames.children(parent.id).collect();
        let children = ids
            .into_iter()
            .filter_map(|id| self.execution.frames.take(id));
        let output = |child: Frame| match child.waiting {
            Waiting::Siblings { output } => Some(output),
            Waiting::Turn
            | Waiting::Task(_)
            | Waiting::Time(_)
            | Waiting::Delay(_)
            | Waiting::Children(_)
            | Waiting::Child { .. } => None,
        };
        children.filter_map(output).collect()
    }

    /// The outputs of the frame's children in order; the children are gone afterwards.
    fn take_outputs(&mut self, parent: &Frame) -> Result<Vec<Value>, Fault> {
        let ids: Vec<FrameId> = self.execution.frames.children(parent.id).collect();
        let mut outputs = Vec::new();
        let mut bytes = 0_usize;
        let bytes_max = self.payload_bytes_max();
        for id in ids {
            let Some(child) = self.execution.frames.take(id) else {
                continue;
            };
            let Waiting::Siblings { output } = child.waiting else {
                continue;
            };
            bytes = bytes.saturating_add(self.payload_bytes(output.value()).unwrap_or(bytes_max));
            if bytes <= bytes_max {
                outputs.push(output);
            }
        }
        if bytes > bytes_max {
            return Err(Fault::too_large(&parent.state));
        }
        Ok(outputs
            .into_iter()
            .map(|output| Arc::unwrap_or_clone(output.shared()))
            .collect())
    }
}

/// Leaves a Parallel or Map state with the outputs of its children.
pub(super) fn gathered<'m>(
    step: &mut Step<'m>,
    frame: &mut Frame,
    state: &'m State,
) -> Outcome<'m> {
    if frame.map_run().is_some() {
        let outputs = step.take_run_outputs(frame);
        return map_run::gathered(step, frame, state, outputs);
    }
    let outputs = step.take_outputs(frame)?;
    frame.waiting = Waiting::Turn;
    let (next, succeeded) = match &state.kind {
        StateKind::Parallel(parallel) => (&parallel.next, HistoryDetail::ParallelStateSucceeded),
        StateKind::Map(map) => (&map.next, HistoryDetail::MapStateSucceeded),
        StateKind::Task(_)
        | StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_) => {
            return Err(Fault::of_state(
                frame,
                Failure::runtime("The state has no nested blocks."),
            ));
        }
    };
    let exit = step.exit(frame, state, Arc::new(Value::Array(outputs)), None)?;
    // The strand goes on from where its last child stopped, not from this event.
    step.record(frame.last_event, succeeded);
    Ok(Progress::Leaves {
        exit,
        next: next.into(),
    })
}
