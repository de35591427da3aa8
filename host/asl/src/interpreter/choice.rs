//! `Choice`: the first rule that matches decides where to go.

use super::data::Told;
use super::step::{Fault, Onward, Outcome, Progress, Step};
use crate::Failure;
use crate::definition::{Choice, Flow, Picked, State};
use crate::execution::Frame;

pub(super) fn begin<'m>(
    step: &mut Step<'m>,
    frame: &Frame,
    state: &'m State,
    choice: &'m Choice,
) -> Outcome<'m> {
    let input = step.effective_input(frame, state)?;
    let picked = step.evaluate(frame, state, |scope| choice.pick(&input, scope))?;
    let (next, output, assign) = match picked {
        Picked::Rule(rule) => (
            rule.next.as_str(),
            rule.output.as_ref(),
            rule.assign.as_ref(),
        ),
        Picked::Default(next) => {
            let output = match &state.flow {
                Flow::JsonPath(_) => None,
                Flow::Jsonata(flow) => flow.output.as_ref(),
            };
            (next, output, state.assign.as_ref())
        }
        Picked::Nothing => return Err(Fault::of_state(frame, no_choice_matched())),
    };
    let fields = (output, assign);
    let told = Told::default();
    let mut exit = step.exit_by(frame, state, fields, (input.clone(), told))?;
    if let Flow::JsonPath(_) = &state.flow {
        let output = step.evaluate(frame, state, |scope| {
            state.flow.output(&frame.input.shared(), input, scope)
        })?;
        exit.output = step.keep_once(&[&frame.input, &exit.output], output, &frame.state)?;
    }
    Ok(Progress::Leaves {
        exit,
        next: Onward::State(next),
    })
}

/// The service's own words; the specification would call it `States.NoChoiceMatched`.
fn no_choice_matched() -> Failure {
    Failure::new(
        "States.Runtime",
        "Failed to transition out of the state. The state does not point to a next state.",
    )
}
