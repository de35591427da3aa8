//! Which refusals are told: the first of its kind at once, then one a minute with their number.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use asl::Timestamp;

use super::Scarce;

const SILENCE_MS: i64 = 60_000;
/// Kinds that are remembered; while there are more, those beyond are not told of.
const KINDS_MAX: usize = 1_000;

/// What was refused to whom.
#[derive(Default)]
pub(super) struct Refusals {
    kinds: Mutex<BTreeMap<(Arc<str>, Scarce), Told>>,
}

struct Told {
    at: Timestamp,
    untold: u64,
}

impl Refusals {
    /// Notes a refusal; how many are to be told of, if it is time to.
    pub(super) fn note(&self, (whom, what): (&str, Scarce), now: Timestamp) -> Option<u64> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |told: &Told| (now.0 - told.at.0).abs() >= SILENCE_MS;
        let key = (Arc::from(whom), what);
        if let Some(told) = kinds.get_mut(&key) {
            told.untold += 1;
            if !is_over(told) {
                return None;
            }
            told.at = now;
            return Some(std::mem::take(&mut told.untold));
        }
        if kinds.len() >= KINDS_MAX {
            kinds.retain(|_, told| !is_over(told));
        }
        if kinds.len() >= KINDS_MAX {
            return None;
        }
        let told = Told { at: now, untold: 0 };
        kinds.insert(key, told);
        Some(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(refusals: &Refusals, seconds: i64, whom: &str, expected: Option<u64>) {
        let at = Timestamp(seconds * 1_000);
        assert_eq!(refusals.note((whom, Scarce::Executions), at), expected);
    }

    #[test]
    fn a_flood_of_refusals_is_told_once_a_minute() {
        let refusals = Refusals::default();
        check(&refusals, 0, "p", Some(1));
        check(&refusals, 1, "p", None);
        check(&refusals, 59, "p", None);
        check(&refusals, 59, "q", Some(1));
        check(&refusals, 60, "p", Some(3));
        check(&refusals, 61, "p", None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let refusals = Refusals::default();
        for number in 0..KINDS_MAX {
            check(&refusals, 0, &number.to_string(), Some(1));
        }
        check(&refusals, 1, "one-more", None);
        check(&refusals, 61, "one-more", Some(1));
    }
}
