//! Holds what was told against what is shown.
//!
//! Owns the rules. Whatever breaks one is named, as many as there are. It knows neither hosts
//! nor faults.

mod told;
mod whole;

use std::fmt;

use crate::facts::Fact;
use crate::found::Found;
use crate::machines;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Which.
    pub promise: &'static str,
    /// How.
    pub how: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.promise, self.how)
    }
}

/// What is wrong with what a host shows, once everything on it has come to an end.
pub fn check(facts: &[Fact], found: &Found) -> Vec<Loss> {
    let mut losses = kept(facts, found);
    for refused in &found.refused {
        losses.push(loss("everything can be read", refused));
    }
    for (id, execution) in &found.executions {
        if let Err(reason) = machines::ends_well(execution) {
            let how = format!("{id} is {}: {reason}", execution.description);
            losses.push(loss("every execution comes to its end", how));
        }
    }
    losses
}

/// What is wrong with what a host shows, whether or not everything has ended and can be read.
pub fn kept(facts: &[Fact], found: &Found) -> Vec<Loss> {
    let mut losses = whole::check(found);
    told::check(facts, found, &mut losses);
    losses
}

fn loss(promise: &'static str, how: impl fmt::Display) -> Loss {
    Loss {
        promise,
        how: how.to_string(),
    }
}

/// Fails with every loss.
///
/// # Panics
/// Something was lost.
#[track_caller]
pub fn expect_none(losses: &[Loss], of: &str) {
    let lines: Vec<_> = losses.iter().map(Loss::to_string).collect();
    assert!(
        losses.is_empty(),
        "{of}: {} broken promises\n{}",
        lines.len(),
        lines.join("\n")
    );
}

#[cfg(test)]
mod tests;
