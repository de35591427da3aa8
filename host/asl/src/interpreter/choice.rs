//! `Choice`: the first rule that matches decides where to go.

use super::step::{Fault, Onward, Outcome, Progress, Step};
use crate::Failure;
use crate::definition::{Choice, State};
use crate::execution::Frame;

pub(super) fn begin<'m>(
    step: &mut Step<'m>,
    frame: &Frame,
    state: &'m State,
    choice: &'m Choice,
) -> Outcome<'m> {
    let input = step.effective_input(frame, state)?;
    let picked = step.evaluate(frame, state, |context, budget| {
        choice.pick(&input, context, budget)
    })?;
    let next = picked.ok_or_else(|| Fault::of_state(frame, no_choice_matched()))?;
    let output = step.output(frame, state, input, None)?;
    Ok(Progress::Leaves {
        output,
        next: Onward::State(next),
    })
}

fn no_choice_matched() -> Failure {
    Failure {
        error: "States.NoChoiceMatched".to_owned(),
        cause: "Failed to transition out of the state. The state does not point to a next state."
            .to_owned(),
    }
}
