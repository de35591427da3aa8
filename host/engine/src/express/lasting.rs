//! Names of attempts that are the same when an execution runs again from its beginning.
//!
//! Effects are numbered in the order in which strands take their turns, which depends on time.
//! An attempt's place does not: its strand, its state, which of the strand's visits to it, and
//! which attempt of that visit.

use std::collections::BTreeMap;

use asl::{EffectId, Place};
use sha2::{Digest as _, Sha256};

/// The visits of each strand to each state that made an attempt, counted.
#[derive(Default)]
pub(super) struct Visits(BTreeMap<(Vec<u32>, String), Visit>);

/// The last visit of a strand to a state: what tells it from others in this run, and which it is.
struct Visit {
    mark: u64,
    number: u32,
}

impl Visits {
    /// What an attempt is called. To be asked once for each, in the order of a strand's attempts.
    pub(super) fn effect(&mut self, place: Place, attempt: u32) -> EffectId {
        let Place {
            strand,
            state,
            visit: mark,
        } = place;
        let mut hash = Sha256::new();
        for part in &strand {
            hash.update(part.to_be_bytes());
        }
        hash.update([0]);
        hash.update(&state);
        let visit = self
            .0
            .entry((strand, state))
            .or_insert(Visit { mark, number: 0 });
        if visit.mark != mark {
            visit.mark = mark;
            visit.number = visit.number.saturating_add(1);
        }
        hash.update([0]);
        hash.update(visit.number.to_be_bytes());
        hash.update(attempt.to_be_bytes());
        let digest = hash.finalize();
        let first = digest.iter().take(8);
        let number = first.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        // A number that every reader of JSON takes.
        EffectId(number >> 11)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(strand: &[u32], state: &str, visit: u64) -> Place {
        Place {
            strand: strand.to_vec(),
            state: state.to_owned(),
            visit,
        }
    }

    #[test]
    fn an_attempt_has_the_same_name_in_whatever_order_strands_take_their_turns() {
        let (mut first, mut again) = (Visits::default(), Visits::default());
        let left = first.effect(place(&[0, 0], "A", 4), 1);
        let right = first.effect(place(&[1, 0], "A", 5), 1);
        assert_eq!(again.effect(place(&[1, 0], "A", 4), 1), right);
        assert_eq!(again.effect(place(&[0, 0], "A", 9), 1), left);
        assert_ne!(left, right);
    }

    #[test]
    fn visits_and_attempts_have_names_of_their_own() {
        let mut visits = Visits::default();
        let mut names = vec![
            visits.effect(place(&[0], "A", 4), 1),
            visits.effect(place(&[0], "A", 4), 2),
            visits.effect(place(&[0], "B", 7), 1),
            visits.effect(place(&[0], "A", 9), 1),
            visits.effect(place(&[0], "A", 9), 2),
        ];
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 5);
    }
}
