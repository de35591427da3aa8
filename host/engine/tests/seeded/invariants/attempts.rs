//! A component runs on a durable record, once.

use std::collections::BTreeSet;

use asl::{Execution, TaskPhase};

use super::{Verdict, holds};

/// One run of a component's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Which host ran it.
    pub(crate) life: usize,
    pub(crate) began_ms: u64,
    pub(crate) is_over: bool,
}

/// At the moment a component is run the store holds that its attempt started, admitted at least
/// as often as it ran. The attempt may have been cancelled since, which whoever runs it has yet
/// to hear of.
pub(crate) fn is_on_record(
    (stored, was_started): (Option<&Execution>, bool),
    key: &str,
    (admitted, begun): (usize, usize),
) -> Verdict {
    let effect = effect_of(key);
    let attempt = stored
        .zip(effect)
        .and_then(|(stored, effect)| stored.attempt(effect));
    let phase = attempt.map(|attempt| attempt.phase);
    holds(
        was_started && phase != Some(TaskPhase::Scheduled),
        "no attempt without a durable record",
        || format!("{key} runs, and the store has it as {phase:?}"),
    )?;
    holds(
        begun < admitted,
        "no attempt without a durable admission",
        || {
            format!(
                "{key} runs for time {}, admitted {admitted} times",
                begun + 1
            )
        },
    )
}

/// A key is run by one host at a time, again only by a later host, and by none if that may harm.
pub(crate) fn is_run_once(earlier: &[Run], key: &str, life: usize, is_idempotent: bool) -> Verdict {
    let Some(last) = earlier.last() else {
        return Ok(());
    };
    holds(is_idempotent, "a rerun that may harm is not made", || {
        format!("{key} ran on host {} and again on host {life}", last.life)
    })?;
    holds(
        last.life < life && last.is_over,
        "a key is run once by each host",
        || format!("{key} ran on host {} and again on host {life}", last.life),
    )
}

/// Only a component that says that it is harmless is on record as run again.
pub(crate) fn may_rerun(component: &str) -> Verdict {
    holds(
        component != "once",
        "a rerun that may harm is not decided",
        || format!("`{component}` is admitted to run again"),
    )
}

/// Where an attempt is made, every key but those of reruns stands for an admission of its own: a
/// rerun has the key of its first run.
pub(crate) fn keeps_its_key(key: &str, keys: usize, (admitted, reruns): (usize, usize)) -> Verdict {
    let first_ones = admitted.saturating_sub(reruns);
    holds(keys <= first_ones, "a rerun carries its key", || {
        format!("{key} is one of {keys} keys, {first_ones} attempts began")
    })
}

/// What is run more often than it has keys was admitted to run again, on record.
pub(crate) fn is_rerun_on_record(
    key: &str,
    (begun, keys): (usize, usize),
    reruns: usize,
) -> Verdict {
    let again = begun.saturating_sub(keys);
    holds(again <= reruns, "no rerun is silent", || {
        format!("{key}: {again} reruns, {reruns} of them on record")
    })
}

/// A component runs for an express execution between its start and its end.
pub(crate) fn is_started_and_not_ended(key: &str, records: usize) -> Verdict {
    holds(
        records == 1,
        "an express execution acts between its start and its end",
        || format!("{key} runs where {records} records are durable"),
    )
}

/// An express execution that runs again makes its attempts under the keys of before, as far as it
/// gets.
pub(crate) fn has_the_same_keys(
    key: &str,
    keys: &BTreeSet<String>,
    other: &BTreeSet<String>,
) -> Verdict {
    holds(
        keys.is_subset(other) || other.is_subset(keys),
        "a run again has the same keys",
        || format!("{key}: {keys:?}, and on another host {other:?}"),
    )
}

/// An idempotency key names an execution and one of its effects.
fn effect_of(key: &str) -> Option<asl::EffectId> {
    let (_, effect) = key.rsplit_once('-')?;
    effect.parse().ok().map(asl::EffectId)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(life: usize, is_over: bool) -> Run {
        Run {
            life,
            began_ms: 0,
            is_over,
        }
    }

    #[test]
    fn a_run_without_a_record_is_found() {
        assert!(is_on_record((None, true), "e-1", (1, 0)).is_ok());
        assert!(is_on_record((None, false), "e-1", (1, 0)).is_err());
        assert!(is_on_record((None, true), "e-1", (1, 1)).is_err());
    }

    #[test]
    fn a_rerun_under_another_key_or_off_the_record_is_found() {
        assert!(keeps_its_key("e-1", 1, (1, 0)).is_ok());
        assert!(keeps_its_key("e-1", 1, (2, 1)).is_ok());
        assert!(keeps_its_key("e-2", 2, (2, 1)).is_err());
        assert!(keeps_its_key("e-2", 2, (2, 0)).is_ok());
        assert!(is_rerun_on_record("e-1", (1, 1), 0).is_ok());
        assert!(is_rerun_on_record("e-1", (2, 1), 1).is_ok());
        assert!(is_rerun_on_record("e-1", (2, 1), 0).is_err());
        assert!(may_rerun("steady").is_ok());
        assert!(may_rerun("once").is_err());
    }

    #[test]
    fn an_express_execution_that_acts_out_of_its_time_or_under_other_keys_is_found() {
        assert!(is_started_and_not_ended("e-1", 1).is_ok());
        assert!(is_started_and_not_ended("e-1", 0).is_err());
        assert!(is_started_and_not_ended("e-1", 2).is_err());
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        let check = |one: &[&str], other: &[&str]| {
            has_the_same_keys("e-1", &keys(one), &keys(other)).is_ok()
        };
        assert!(check(&["a"], &["a", "b"]));
        assert!(check(&["a", "b"], &["a"]));
        assert!(!check(&["a", "c"], &["a", "b"]));
        assert!(!check(&["c"], &["a"]));
    }

    #[test]
    fn a_second_run_on_one_host_or_of_what_may_not_rerun_is_found() {
        assert!(is_run_once(&[], "e-1", 0, false).is_ok());
        assert!(is_run_once(&[run(0, true)], "e-1", 1, true).is_ok());
        assert!(is_run_once(&[run(0, true)], "e-1", 0, true).is_err());
        assert!(is_run_once(&[run(0, false)], "e-1", 1, true).is_err());
        assert!(is_run_once(&[run(0, true)], "e-1", 1, false).is_err());
    }
}
