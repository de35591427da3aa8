//! `Wait`: a timer, for seconds or until a point in time.

use serde_json::Value;

use super::answer::after_seconds;
use super::quantity;
use super::step::{Fault, Outcome, Progress, Step};
use crate::definition::{State, StateKind, Wait, WaitUntil};
use crate::execution::{Frame, Waiting};
use crate::expression::{Expected, Expression};
use crate::path::Path;
use crate::scope::Scope;
use crate::{Failure, Timestamp};

pub(super) fn begin<'m>(
    step: &mut Step<'m>,
    frame: &mut Frame,
    state: &'m State,
    wait: &'m Wait,
) -> Outcome<'m> {
    let input = step.effective_input(frame, state)?;
    let at = step.at;
    let until = step.evaluate(frame, state, |scope| until(&wait.until, at, &input, scope))?;
    if until <= step.at {
        return end(step, frame, state);
    }
    frame.waiting = Waiting::Time(step.begin_timer(until));
    Ok(Progress::Waits)
}

/// Goes on once the time has come.
pub(super) fn end<'m>(step: &mut Step<'m>, frame: &mut Frame, state: &'m State) -> Outcome<'m> {
    let StateKind::Wait(wait) = &state.kind else {
        return Err(Fault::of_state(
            frame,
            Failure::runtime("The state is not a Wait state."),
        ));
    };
    let input = step.effective_input(frame, state)?;
    let exit = step.exit(frame, state, input, None)?;
    Ok(Progress::Leaves {
        exit,
        next: (&wait.next).into(),
    })
}

fn until(
    until: &WaitUntil,
    at: Timestamp,
    input: &Value,
    scope: &mut Scope<'_>,
) -> Result<Timestamp, Failure> {
    match until {
        WaitUntil::Seconds(seconds) => {
            let seconds = quantity::resolve("SecondsPath", seconds, input, scope)?;
            Ok(after_seconds(at, seconds))
        }
        WaitUntil::Timestamp(timestamp) => Ok(*timestamp),
        WaitUntil::TimestampAt(path) => timestamp(path, input, scope),
        WaitUntil::TimestampOf(expression) => timestamp_of(expression, scope),
    }
}

fn timestamp(path: &Path, input: &Value, scope: &mut Scope<'_>) -> Result<Timestamp, Failure> {
    let value = quantity::value("TimestampPath", path, input, scope)?;
    let timestamp = value.as_str().and_then(Timestamp::parse);
    timestamp.ok_or_else(|| {
        let value = quantity::shown(&value);
        Failure::runtime(format!(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: {path} == {value}"
        ))
    })
}

fn timestamp_of(expression: &Expression, scope: &mut Scope<'_>) -> Result<Timestamp, Failure> {
    let value = expression.value_of(Expected::String, scope)?;
    let timestamp = value.as_str().and_then(Timestamp::parse);
    let problem = "a text that is not a valid ISO-8601 extended offset date-time format string";
    timestamp.ok_or_else(|| expression.unfit(problem, &value))
}
