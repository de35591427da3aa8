//! Where an attempt stands, told apart from every other one whenever the execution runs.

use super::Execution;
use crate::EffectId;

/// Where an attempt stands in its execution. Strand and state are the same in whatever order the
/// strands of an execution take their turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which branch or iteration, of which, up to the execution itself.
    pub strand: Vec<u32>,
    /// The Task state.
    pub state: String,
    /// Tells one visit of the strand to the state from another.
    pub visit: u64,
}

impl Execution {
    /// Where the attempt that `effect` asked for stands, if an answer to it would be listened to.
    pub fn place(&self, effect: EffectId) -> Option<Place> {
        let frame = self.frames.waiting_for(effect)?;
        let parents = std::iter::successors(Some(frame), |frame| self.frames.get(frame.parent?));
        Some(Place {
            strand: parents.map(|frame| frame.place).collect(),
            state: frame.state.clone(),
            visit: frame.entered_event,
        })
    }
}
