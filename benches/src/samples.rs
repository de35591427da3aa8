//! Sums up values that were measured many times.

use anyhow::{Result, ensure};

/// Measured values, the smallest first; there is at least one.
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// # Errors
    /// There is no value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Result<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        ensure!(!values.is_empty(), "nothing was measured");
        values.sort_unstable_by(f64::total_cmp);
        Ok(Self(values))
    }

    /// The value in the middle, or the mean of the two there.
    pub(crate) fn median(&self) -> f64 {
        let (below, above) = ((self.0.len() - 1) / 2, self.0.len() / 2);
        f64::midpoint(self.value(below), self.value(above))
    }

    /// The smallest value that at least this part of all values do not exceed.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place among some millions"
        )]
        let place = (self.0.len() as f64 * part).ceil() as usize;
        self.value(place.clamp(1, self.0.len()) - 1)
    }

    pub(crate) fn min(&self) -> f64 {
        self.value(0)
    }

    pub(crate) fn max(&self) -> f64 {
        self.value(self.0.len() - 1)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    fn value(&self, place: usize) -> f64 {
        self.0.get(place).copied().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_values_in_any_order() {
        assert_eq!(Samples::of([3.0, 1.0, 2.0]).unwrap().median(), 2.0);
        assert_eq!(Samples::of([4.0, 1.0, 2.0, 3.0]).unwrap().median(), 2.5);
        assert_eq!(Samples::of([7.0]).unwrap().median(), 7.0);
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let hundred = Samples::of((1..=100).map(f64::from)).unwrap();
        assert_eq!(hundred.quantile(0.99), 99.0);
        assert_eq!(hundred.quantile(1.0), 100.0);
        assert_eq!(hundred.quantile(0.0), 1.0);
        assert_eq!(Samples::of([5.0]).unwrap().quantile(0.99), 5.0);
    }

    #[test]
    fn the_spread_is_from_the_smallest_to_the_largest() {
        let samples = Samples::of([2.0, 9.0, 4.0]).unwrap();
        assert_eq!(
            (samples.min(), samples.max(), samples.count()),
            (2.0, 9.0, 3)
        );
    }

    #[test]
    fn nothing_has_no_middle() {
        assert!(Samples::of([]).is_err());
    }
}
