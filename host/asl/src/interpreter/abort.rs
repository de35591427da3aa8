//! Cutting strands short: a sibling failed, or the execution ended around them.

use super::error::is_map;
use super::passage::kind;
use super::step::Step;
use crate::FrameId;
use crate::execution::{Frame, Waiting};
use crate::history::{HistoryDetail, Iteration, StateType};

impl Step<'_> {
    /// Ends every strand below the frame; the events follow `previous`.
    pub(super) fn abort_children(&mut self, frame: &Frame, previous: u64) {
        let mut open = self.take_children(frame);
        while let Some((strand, iteration)) = open.pop() {
            if let (Some(iteration), false) = (iteration, has_ended(&strand)) {
                self.record(previous, HistoryDetail::MapIterationAborted(iteration));
            }
            self.abort_strand(&strand, previous);
            open.extend(self.take_children(&strand));
        }
    }

    /// Ends every strand without a word in the history.
    pub(super) fn abandon_all(&mut self) {
        let strands = self.execution.frames.iter().map(|strand| strand.id);
        let strands: Vec<FrameId> = strands.collect();
        for strand in strands {
            let strand = self.execution.frames.take(strand);
            for effect in strand.iter().flat_map(Frame::effects) {
                self.cancel(effect);
            }
        }
    }

    /// Ends every strand; gives the event that the execution's last one follows.
    pub(super) fn abort_all(&mut self) -> u64 {
        let root = self
            .execution
            .frames
            .iter()
            .find(|frame| frame.parent.is_none())
            .map(|root| root.id);
        let Some(root) = root.and_then(|root| self.execution.frames.take(root)) else {
            return 0;
        };
        self.abort_strand(&root, root.last_event);
        self.abort_children(&root, root.last_event);
        root.last_event
    }

    fn abort_strand(&mut self, strand: &Frame, previous: u64) {
        for effect in strand.effects() {
            self.cancel(effect);
        }
        let is_in_state = match &strand.waiting {
            Waiting::Turn | Waiting::Child { .. } | Waiting::Siblings { .. } => false,
            Waiting::Task(_) | Waiting::Time(_) | Waiting::Delay(_) | Waiting::Children(_) => true,
        };
        let Some(state) = self.state(strand).filter(|_| is_in_state) else {
            return;
        };
        if strand.map_run().is_some() {
            self.record(previous, HistoryDetail::MapRunAborted);
        }
        match kind(state) {
            kind @ (StateType::Task | StateType::Wait | StateType::Parallel | StateType::Map) => {
                self.record(previous, HistoryDetail::StateAborted(kind));
            }
            StateType::Pass | StateType::Choice | StateType::Succeed | StateType::Fail => {}
        }
    }

    /// Takes the frame's children out, the last one first.
    fn take_children(&mut self, frame: &Frame) -> Vec<(Frame, Option<Iteration>)> {
        let is_map = is_map(frame);
        let ids: Vec<FrameId> = self.execution.frames.children(frame.id).rev().collect();
        let strands = ids
            .into_iter()
            .filter_map(|id| self.execution.frames.take(id));
        let iteration = |strand: &Frame| Iteration {
            name: frame.state.clone(),
            index: strand.place,
        };
        let pair = |strand: Frame| {
            let iteration = is_map.then(|| iteration(&strand));
            (strand, iteration)
        };
        strands.map(pair).collect()
    }
}

fn has_ended(strand: &Frame) -> bool {
    matches!(strand.waiting, Waiting::Siblings { .. })
}
