//! What executions come to does not depend on what befell their hosts.

use std::collections::BTreeMap;

use asl::{HistoryDetail, HistoryEvent, Status};
use serde_json::Value;

use super::{Verdict, holds};

/// What became of one execution that a client started.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) status: Status,
    pub(crate) error: Option<String>,
    pub(crate) output: Option<Value>,
    /// Its events without times, numbers and tokens.
    pub(crate) steps: Vec<String>,
    /// Whether an attempt of it, or of what it started, was cut off by the end of a host.
    pub(crate) was_interrupted: bool,
    /// How many strands it had, and whether some were cut short.
    pub(crate) strands: Strands,
}

/// How comparable the steps of an execution are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strands {
    /// One after another.
    One,
    /// Several at once, in any order.
    Several,
    /// Some were cut short, wherever they stood.
    Cut,
}

impl Strands {
    pub(crate) fn of(events: &[HistoryEvent]) -> Self {
        let of = |event: &HistoryEvent| match &event.detail {
            HistoryDetail::ParallelStateFailed
            | HistoryDetail::MapStateFailed
            | HistoryDetail::MapRunFailed(_)
            | HistoryDetail::MapRunAborted
            | HistoryDetail::StateAborted(_)
            | HistoryDetail::MapIterationAborted(_) => Self::Cut,
            HistoryDetail::ParallelStateStarted | HistoryDetail::MapStateStarted { .. } => {
                Self::Several
            }
            _ => Self::One,
        };
        events.iter().map(of).max().unwrap_or(Self::One)
    }
}

/// What befell the hosts changed neither what an execution came to nor the steps on the way,
/// unless an attempt that may not be made twice was cut off.
pub(crate) fn as_undisturbed(name: &str, disturbed: &Outcome, undisturbed: &Outcome) -> Verdict {
    holds(
        !undisturbed.was_interrupted,
        "interrupted only where a host ended",
        || format!("`{name}` was interrupted where no host ended"),
    )?;
    if disturbed.was_interrupted {
        return Ok(());
    }
    let is_prefix = match disturbed.strands.max(undisturbed.strands) {
        Strands::One => undisturbed.steps.starts_with(&disturbed.steps),
        Strands::Several => is_part(&disturbed.steps, &undisturbed.steps),
        Strands::Cut => true,
    };
    holds(
        is_prefix,
        "history is a prefix of the uninterrupted run",
        || {
            let steps = disturbed.steps.iter().zip(&undisturbed.steps);
            let differ = steps.clone().find(|(one, other)| one != other);
            format!("`{name}`: {differ:?}")
        },
    )?;
    if !disturbed.status.is_terminal() || !undisturbed.status.is_terminal() {
        return Ok(());
    }
    let end = |outcome: &Outcome| {
        (
            outcome.status,
            outcome.error.clone(),
            outcome.output.clone(),
        )
    };
    let ends = (end(disturbed), end(undisturbed));
    holds(
        ends.0 == ends.1,
        "the end is that of the uninterrupted run",
        || format!("`{name}`: {:?}, uninterrupted {:?}", ends.0, ends.1),
    )
}

/// Whether each step is one of the whole, as often as there.
fn is_part(steps: &[String], whole: &[String]) -> bool {
    let mut left: BTreeMap<&String, usize> = BTreeMap::new();
    whole
        .iter()
        .for_each(|step| *left.entry(step).or_default() += 1);
    steps.iter().all(|step| {
        let left = left.entry(step).or_default();
        let is_there = *left > 0;
        *left = left.saturating_sub(1);
        is_there
    })
}

/// An event without what differs from run to run.
pub(crate) fn step(event: &HistoryEvent) -> String {
    let name = match &event.detail {
        HistoryDetail::StateEntered { name, .. } | HistoryDetail::StateExited { name, .. } => name,
        HistoryDetail::MapIterationStarted(iteration)
        | HistoryDetail::MapIterationSucceeded(iteration) => &iteration.name,
        _ => "",
    };
    format!("{} {name}", event.detail.event_type())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: Status, steps: &[&str]) -> Outcome {
        Outcome {
            status,
            error: None,
            output: None,
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            was_interrupted: false,
            strands: Strands::One,
        }
    }

    #[test]
    fn another_end_and_other_steps_are_found() {
        let whole = outcome(Status::Succeeded, &["a", "b"]);
        let check = |disturbed: &Outcome| as_undisturbed("e", disturbed, &whole);
        assert!(check(&whole).is_ok());
        assert!(check(&outcome(Status::Running, &["a"])).is_ok());
        assert!(check(&outcome(Status::Running, &["b"])).is_err());
        assert!(check(&outcome(Status::Succeeded, &["a", "b", "b"])).is_err());
        assert!(check(&outcome(Status::Failed, &["a", "b"])).is_err());
        let other = Outcome {
            output: Some(Value::Null),
            ..whole.clone()
        };
        assert!(check(&other).is_err());
    }

    #[test]
    fn a_branched_one_may_take_its_steps_in_another_order_but_no_others() {
        let branched = |status, steps: &[&str]| Outcome {
            strands: Strands::Several,
            ..outcome(status, steps)
        };
        let whole = branched(Status::Succeeded, &["a", "b", "c"]);
        let check = |disturbed: &Outcome| as_undisturbed("e", disturbed, &whole);
        assert!(check(&branched(Status::Running, &["c", "a"])).is_ok());
        assert!(check(&branched(Status::Running, &["c", "c"])).is_err());
    }

    #[test]
    fn only_an_interruption_excuses_and_only_where_a_host_ended() {
        let interrupted = Outcome {
            was_interrupted: true,
            ..outcome(Status::Failed, &["x"])
        };
        let whole = outcome(Status::Succeeded, &["a"]);
        assert!(as_undisturbed("e", &interrupted, &whole).is_ok());
        assert!(as_undisturbed("e", &whole, &interrupted).is_err());
    }
}
