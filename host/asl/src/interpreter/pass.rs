//! `Pass`: a fixed result, or the input shaped by its fields.

use std::sync::Arc;

use super::step::{Outcome, Progress, Step};
use crate::definition::{Pass, State};
use crate::execution::Frame;

pub(super) fn begin<'m>(
    step: &mut Step<'m>,
    frame: &Frame,
    state: &'m State,
    pass: &'m Pass,
) -> Outcome<'m> {
    let result = match &pass.result {
        Some(result) => Arc::new(result.clone()),
        None => step.effective_input(frame, state)?,
    };
    let exit = step.exit(frame, state, result, None)?;
    Ok(Progress::Leaves {
        exit,
        next: (&pass.next).into(),
    })
}
