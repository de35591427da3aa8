//! One measured figure beside the limit it is compared with and the targets it is held to.
//!
//! Owns their shape, also as JSON. It does not know how anything is measured or shown.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::samples::Samples;

/// Something that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    /// What the values are counted in.
    pub(crate) unit: String,
    pub(crate) median: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) p99: Option<f64>,
    /// How far apart the rounds of one run were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rounds: Option<Spread>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<Limit>,
    /// The median as a multiple of the limit, or of what else is named as its base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) targets: Vec<Target>,
}

/// The values of single rounds, from the smallest to the largest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) count: usize,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// What the machine can do at best, in the figure's unit, measured just before and just after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Limit {
    pub(crate) what: String,
    pub(crate) before: f64,
    pub(crate) after: f64,
}

/// What a figure should come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) of: Part,
    pub(crate) bound: Bound,
    pub(crate) value: f64,
    /// Whose target it is.
    pub(crate) why: String,
    pub(crate) is_met: bool,
}

/// The part of a figure that a target is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    Median,
    P99,
    Ratio,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtMost,
    AtLeast,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, unit: &str, median: f64) -> Self {
        Self {
            name: name.into(),
            unit: unit.to_owned(),
            median,
            p99: None,
            rounds: None,
            limit: None,
            ratio: None,
            targets: Vec::new(),
        }
    }

    /// The median of rounds, with their spread.
    ///
    /// # Errors
    /// There was no round.
    pub(crate) fn of_rounds(
        name: impl Into<String>,
        unit: &str,
        rounds: impl IntoIterator<Item = f64>,
    ) -> Result<Self> {
        let rounds = Samples::of(rounds)?;
        Ok(Self::new(name, unit, rounds.median()).spread(&rounds))
    }

    /// The median and 99th percentile of single values.
    ///
    /// # Errors
    /// There was no value.
    pub(crate) fn of_values(
        name: impl Into<String>,
        unit: &str,
        values: impl IntoIterator<Item = f64>,
    ) -> Result<Self> {
        let values = Samples::of(values)?;
        let mut figure = Self::new(name, unit, values.median());
        figure.p99 = Some(values.quantile(0.99));
        Ok(figure)
    }

    pub(crate) fn spread(mut self, rounds: &Samples) -> Self {
        self.rounds = Some(Spread {
            count: rounds.count(),
            min: rounds.min(),
            max: rounds.max(),
        });
        self
    }

    /// Compares it with the mean of what a limit was before and after.
    pub(crate) fn limit(mut self, what: impl Into<String>, before: f64, after: f64) -> Self {
        self.ratio = Some(self.median / f64::midpoint(before, after));
        self.limit = Some(Limit {
            what: what.into(),
            before,
            after,
        });
        self
    }

    pub(crate) fn at_most(self, part: Part, value: f64, why: &str) -> Self {
        self.target(part, Bound::AtMost, value, why)
    }

    pub(crate) fn at_least(self, part: Part, value: f64, why: &str) -> Self {
        self.target(part, Bound::AtLeast, value, why)
    }

    fn target(mut self, of: Part, bound: Bound, value: f64, why: &str) -> Self {
        let measured = match of {
            Part::Median => Some(self.median),
            Part::P99 => self.p99,
            Part::Ratio => self.ratio,
        };
        let is_met = measured.is_some_and(|measured| match bound {
            Bound::AtMost => measured <= value,
            Bound::AtLeast => measured >= value,
        });
        self.targets.push(Target {
            of,
            bound,
            value,
            why: why.to_owned(),
            is_met,
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_figure_as_json_has_only_what_was_measured() {
        let plain = Figure::new("idle", "MiB", 27.0);
        let shown = serde_json::to_value(&plain).unwrap();
        assert_eq!(
            shown,
            json!({"name": "idle", "unit": "MiB", "median": 27.0})
        );
        assert_eq!(serde_json::from_value::<Figure>(shown).unwrap(), plain);
    }

    #[test]
    fn a_whole_figure_as_json() {
        let rounds = Samples::of([90.0, 100.0, 110.0]).unwrap();
        let figure = Figure::of_values("rate", "/s", [90.0, 100.0, 110.0]).unwrap();
        let figure = figure.spread(&rounds).limit("disk", 190.0, 210.0);
        let figure = figure.at_least(Part::Median, 125.0, "ahead of peers");
        let figure = figure.at_most(Part::Ratio, 1.5, "promised");
        let shown = serde_json::to_value(&figure).unwrap();
        assert_eq!(
            shown,
            json!({
                "name": "rate", "unit": "/s", "median": 100.0, "p99": 110.0,
                "rounds": {"count": 3, "min": 90.0, "max": 110.0},
                "limit": {"what": "disk", "before": 190.0, "after": 210.0},
                "ratio": 0.5,
                "targets": [
                    {"of": "median", "bound": "at_least", "value": 125.0, "why": "ahead of peers", "is_met": false},
                    {"of": "ratio", "bound": "at_most", "value": 1.5, "why": "promised", "is_met": true},
                ],
            })
        );
        assert_eq!(serde_json::from_value::<Figure>(shown).unwrap(), figure);
    }

    #[test]
    fn a_target_for_what_was_not_measured_is_missed() {
        let figure = Figure::new("rate", "/s", 1.0).at_most(Part::P99, 2.0, "promised");
        assert!(figure.targets.iter().all(|target| !target.is_met));
    }
}
