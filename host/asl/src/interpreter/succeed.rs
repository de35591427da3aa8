//! `Succeed`: the end of a strand, with input and output fields.

use super::step::{Onward, Outcome, Progress, Step};
use crate::definition::State;
use crate::execution::Frame;

pub(super) fn begin<'m>(step: &mut Step<'m>, frame: &Frame, state: &'m State) -> Outcome<'m> {
    let input = step.effective_input(frame, state)?;
    let exit = step.exit(frame, state, input, None)?;
    Ok(Progress::Leaves {
        exit,
        next: Onward::End,
    })
}
