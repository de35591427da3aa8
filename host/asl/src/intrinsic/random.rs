//! Randomness that a seed decides.
//!
//! Owns two generators: one for the host's own draws, and the service's for seeds that
//! definitions give. It does not know where seeds come from.

use sha2::{Digest as _, Sha256};

/// A stream of numbers, the same for the same seed (SplitMix64).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream that does not tell the seed: what is drawn from it may be shown to anyone.
    pub(crate) fn drawn_from(seed: u64) -> Self {
        let digest = Sha256::digest(format!("random {seed}"));
        let bits = digest.iter().take(8);
        Self(bits.fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
    }

    /// The next number of the stream.
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Evenly distributed within `0..bound`.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let scaled = (u128::from(self.next_u64()) * u128::from(bound)) >> 64;
        u32::try_from(scaled).unwrap_or(0)
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let (high, low) = (self.next_u64(), self.next_u64());
        let time_high = 0x4000 | (high & 0x0fff);
        let clock = 0x8000 | ((low >> 48) & 0x3fff);
        format!(
            "{:08x}-{:04x}-{time_high:04x}-{clock:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            low & 0xffff_ffff_ffff,
        )
    }
}

/// The stream that the service draws from where a definition gives a seed (that of
/// `java.util.Random`, so seeded results are the service's).
#[derive(Debug)]
pub(super) struct Seeded(u64);

const MULTIPLIER: u64 = 0x5_deec_e66d;
const MASK: u64 = (1 << 48) - 1;

impl Seeded {
    pub(super) fn new(seed: i64) -> Self {
        Self((seed.cast_unsigned() ^ MULTIPLIER) & MASK)
    }

    /// The next 32 bits of the stream.
    pub(super) fn next_i32(&mut self) -> i32 {
        self.bits(32).cast_signed()
    }

    /// The next 31 bits of the stream.
    pub(super) fn next_u31(&mut self) -> u32 {
        self.bits(31)
    }

    fn bits(&mut self, count: u32) -> u32 {
        self.0 = self.0.wrapping_mul(MULTIPLIER).wrapping_add(0xb) & MASK;
        u32::try_from(self.0 >> (48 - count)).unwrap_or(0)
    }
}
