//! `Parallel`: every branch at once, each with the same input.

use super::children::gathered;
use super::step::{Outcome, Progress, Step};
use crate::definition::{Parallel, State};
use crate::execution::{ChildrenWait, Frame, Waiting};
use crate::history::HistoryDetail;

pub(super) fn begin<'m>(
    step: &mut Step<'m>,
    frame: &mut Frame,
    state: &'m State,
    parallel: &'m Parallel,
) -> Outcome<'m> {
    let input = step.effective_input(frame, state)?;
    let input = step.keep_once(&[&frame.input], input, &frame.state)?;
    step.record_next(frame, HistoryDetail::ParallelStateStarted);
    let total = u32::try_from(parallel.branches.len()).unwrap_or(u32::MAX);
    frame.waiting = Waiting::Children(ChildrenWait {
        total,
        started: total,
        done: 0,
        map: None,
    });
    for (place, block) in (0_u32..).zip(&parallel.branches) {
        step.begin_child(frame, place, *block, input.clone(), frame.last_event)?;
    }
    if total == 0 {
        return gathered(step, frame, state);
    }
    Ok(Progress::Waits)
}
