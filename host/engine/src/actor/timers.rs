//! The timers one execution has open.

use std::collections::{BTreeMap, BTreeSet};

use asl::{EffectId, Timestamp};

/// Open timers, by time and by name.
#[derive(Default)]
pub(super) struct Timers {
    by_time: BTreeSet<(Timestamp, EffectId)>,
    by_effect: BTreeMap<EffectId, Timestamp>,
}

impl Timers {
    pub(super) fn add(&mut self, at: Timestamp, effect: EffectId) {
        self.by_time.insert((at, effect));
        self.by_effect.insert(effect, at);
    }

    pub(super) fn remove(&mut self, effect: EffectId) {
        if let Some(at) = self.by_effect.remove(&effect) {
            self.by_time.remove(&(at, effect));
        }
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the first one that is due.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<EffectId> {
        let (_, effect) = *self.by_time.first().filter(|(at, _)| *at <= now)?;
        self.remove(effect);
        Some(effect)
    }
}
