//! All chance of a simulation, from one seed.

use std::ops::RangeInclusive;

/// A sequence of throws. Each purpose has a lane of its own, so that one more throw here changes
/// nothing there.
pub(crate) struct Dice(fastrand::Rng);

impl Dice {
    pub(crate) fn new(seed: u64, lane: &str) -> Self {
        Self(fastrand::Rng::with_seed(hash(&[&seed.to_string(), lane])))
    }

    pub(crate) fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0.u64(range)
    }

    pub(crate) fn one_in(&mut self, sides: u64) -> bool {
        self.0.u64(0..sides) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.0.usize(0..among.len())]
    }
}

/// A number that depends on every part, and on nothing else (FNV-1a, then mixed).
pub(crate) fn hash(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    let sum = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (sum ^ (sum >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}
