//! `Wait`: a timer, for seconds or until a point in time.

use serde_json::Value;

use super::answer::after_seconds;
use super::seconds;
use super::step::{Fault, Outcome, Progress, Step};
use crate::budget::Budget;
use crate::definition::{State, StateKind, Wait, WaitUntil};
use crate::execution::{Frame, Waiting};
use crate::path::Path;
use crate::{Failure, Timestamp};

pub(super) fn begin<'m>(
    step: &mut Step<'m>,
    frame: &mut Frame,
    state: &'m State,
    wait: &'m Wait,
) -> Outcome<'m> {
    let input = step.effective_input(frame, state)?;
    let at = step.at;
    let until = step.evaluate(frame, state, |context, budget| {
        until(&wait.until, at, &input, context, budget)
    })?;
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
    let output = step.output(frame, state, input, None)?;
    Ok(Progress::Leaves {
        output,
        next: (&wait.next).into(),
    })
}

fn until(
    until: &WaitUntil,
    at: Timestamp,
    input: &Value,
    context: &Value,
    budget: &mut Budget,
) -> Result<Timestamp, Failure> {
    match until {
        WaitUntil::Seconds(seconds) => {
            let seconds = seconds::resolve("SecondsPath", seconds, input, context, budget)?;
            Ok(after_seconds(at, seconds))
        }
        WaitUntil::Timestamp(timestamp) => Ok(*timestamp),
        WaitUntil::TimestampAt(path) => timestamp(path, input, context, budget),
    }
}

fn timestamp(
    path: &Path,
    input: &Value,
    context: &Value,
    budget: &mut Budget,
) -> Result<Timestamp, Failure> {
    let value = seconds::value("TimestampPath", path, input, context, budget)?;
    let timestamp = value.as_str().and_then(Timestamp::parse);
    timestamp.ok_or_else(|| {
        let value = seconds::shown(&value);
        Failure::runtime(format!(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: {path} == {value}"
        ))
    })
}
