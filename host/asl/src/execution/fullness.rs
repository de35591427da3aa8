//! When a record tells all of an execution rather than what changed.
//!
//! Owns how far the records since the last such one may grow: so that reading an execution back
//! costs its own size, however often it changed, and writing it costs no more than twice as much.

/// Records that are always told by their changes after one that told all.
const RECORDS_MIN: u32 = 64;
/// How many times the frames there are may have been written before all of them are again.
const TIMES: usize = 2;

/// What was written since the last record that told all, or since the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fullness {
    records: u32,
    /// Frames that were written or removed; at least one for each record.
    frames: usize,
}

impl Fullness {
    /// Whether the next record of an execution with so many frames is to tell all.
    pub(super) fn is_due(self, frames: usize) -> bool {
        self.records >= RECORDS_MIN && self.frames >= frames.saturating_mul(TIMES)
    }

    /// Counts a record that changed so many frames; one that told all begins anew.
    pub(super) fn count(&mut self, is_full: bool, frames: usize) {
        *self = match is_full {
            true => Self::default(),
            false => Self {
                records: self.records.saturating_add(1),
                frames: self.frames.saturating_add(frames.max(1)),
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many records, each of which changes one of `frames` frames.
    fn full(records: usize, frames: usize) -> Vec<usize> {
        let mut since = Fullness::default();
        let mut full = Vec::new();
        for number in 0..records {
            let is_full = since.is_due(frames);
            full.extend(is_full.then_some(number));
            since.count(is_full, 1);
        }
        full
    }

    #[test]
    fn a_small_execution_is_told_in_full_once_in_a_while() {
        assert_eq!(full(200, 1), [64, 129, 194]);
        assert_eq!(full(64, 1), Vec::<usize>::new());
    }

    #[test]
    fn a_large_one_is_told_in_full_once_it_was_written_twice() {
        assert_eq!(full(4_500, 1_000), [2_000, 4_001]);
    }

    #[test]
    fn records_that_change_no_frame_count() {
        let mut since = Fullness::default();
        (0..100).for_each(|_| since.count(false, 0));
        assert!(since.is_due(50));
        assert!(!since.is_due(51));
    }
}
