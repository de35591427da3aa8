//! One state, tested on its own: the service's `TestState`.
//!
//! Owns what may be asked of which state, what a mock must look like, and what is told of the
//! outcome. What the state does is the interpreter's. It does not know who asks.

mod allowance;
mod checks;
mod context;
mod notes;
mod report;
mod request;
mod schema;
mod tested;

use allowance::Allowance;

use crate::interpreter;
use crate::jsonata::Evaluator;
pub(crate) use notes::{Notes, Stage};
pub(crate) use report::{Details, Handling, MapFields, stages};
pub use report::{Ending, Inspection, Level};
pub use request::{Configuration, ErrorOutput, FieldValidation, Mock, Refusal, Request, Setting};
pub(crate) use request::{Outcome, Trial};
pub(crate) use tested::{STATE_NAME, Tested};

/// Runs one state with a mock in place of its work. Pure: the same arguments always give the
/// same answer. Waits take no time.
///
/// # Errors
/// The definition is none, or the state cannot be tested as asked. That the state fails is an
/// answer.
pub fn inspect(
    request: &Request,
    setting: &Setting,
    evaluator: &dyn Evaluator,
) -> Result<Inspection, Refusal> {
    let name = request.state_name.as_deref();
    let tested = Tested::parse(&request.definition, name, evaluator)?;
    let trial = checks::read(request, &tested, setting)?;
    interpreter::inspect(&tested, trial, &Allowance::new(evaluator))
}

#[cfg(test)]
mod tests;
