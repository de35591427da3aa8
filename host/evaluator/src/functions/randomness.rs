//! Functions that draw from the request's seed.

use std::cell::Cell;

use jsonata_core::evaluator::{EvaluatorError, HostFnResult};
use jsonata_core::value::JValue;

use super::{exactly, number, undefined};

/// Numbers that follow from a seed (SplitMix64).
pub(super) struct Randomness(Cell<u64>);

impl Randomness {
    pub(super) const fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to but not including 1.
    fn fraction(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let bits = (self.next() >> 11) as f64;
        bits / 9_007_199_254_740_992.0
    }

    /// `$random([seed])`: a number from 0 up to but not including 1; the same for the same seed.
    pub(super) fn random(&self, arguments: &[JValue]) -> HostFnResult {
        let [seed] = exactly::<1>("random", arguments)?;
        let fraction = if seed.is_undefined() {
            self.fraction()
        } else {
            let seed = number("random", 1, seed)?;
            Self::new((seed + 0.0).to_bits()).fraction()
        };
        Ok(JValue::from_f64(fraction))
    }

    /// `$uuid()`: a version 4 UUID.
    pub(super) fn uuid(&self, arguments: &[JValue]) -> HostFnResult {
        let [] = exactly::<0>("uuid", arguments)?;
        let bits = (u128::from(self.next()) << 64) | u128::from(self.next());
        let versioned = (bits & !(0xf << 76)) | (0x4 << 76);
        let bits = (versioned & !(0b11 << 62)) | (0b10 << 62);
        let part = |shift: u32, digits: u32| (bits >> shift) & ((1 << (4 * digits)) - 1);
        Ok(JValue::string(format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 8),
            part(80, 4),
            part(64, 4),
            part(48, 4),
            part(0, 12)
        )))
    }

    /// `$shuffle(array)`: the items in another order.
    pub(super) fn shuffle(&self, arguments: &[JValue]) -> HostFnResult {
        let [value] = exactly::<1>("shuffle", arguments)?;
        if value.is_undefined() {
            return undefined();
        }
        let Some(items) = value.as_array() else {
            return Ok(JValue::array(vec![value.clone()]));
        };
        let mut items = items.clone();
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1)?);
        }
        Ok(JValue::array(items))
    }

    /// A whole number from 0 up to but not including `end`.
    fn below(&self, end: usize) -> Result<usize, EvaluatorError> {
        let product = u128::from(self.next()) * u128::try_from(end).unwrap_or(1);
        usize::try_from(product >> 64)
            .map_err(|error| EvaluatorError::EvaluationError(error.to_string()))
    }
}
