//! The table of frames, with the indexes that make each step cost its own size.
//!
//! Owns finding a frame by id, by effect, by parent and by whether it may go on, which timer is
//! due first, and remembers what changed since it was last asked. It does not know why a frame
//! changes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::frame::{Frame, FrameId, Waiting};
use crate::{EffectId, Timestamp};

/// Every frame of an execution.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Frames {
    /// Boxed, as frames are large and taking one out moves its neighbours.
    table: BTreeMap<FrameId, Box<Frame>>,
    by_effect: BTreeMap<EffectId, FrameId>,
    by_place: BTreeMap<(FrameId, u32), FrameId>,
    with_turn: BTreeSet<FrameId>,
    /// Those that wait for something that their host does.
    stirring: BTreeSet<FrameId>,
    deadlines: BTreeSet<(Timestamp, EffectId)>,
    changed: BTreeSet<FrameId>,
    removed: BTreeSet<FrameId>,
    /// Frames from here on are not in any record yet.
    first_unstored: FrameId,
}

impl Frames {
    /// The frames as a record left them: nothing counts as changed. `next` is the id that the
    /// next new frame will get.
    pub(crate) fn stored(frames: impl IntoIterator<Item = Frame>, next: FrameId) -> Self {
        let mut table = Self {
            first_unstored: next,
            ..Self::default()
        };
        for frame in frames {
            table.put(frame);
        }
        table.changed.clear();
        table
    }

    pub(crate) fn get(&self, id: FrameId) -> Option<&Frame> {
        self.table.get(&id).map(Box::as_ref)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Frame> {
        self.table.values().map(Box::as_ref)
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Whether any frame waits for something that its host does.
    pub(crate) fn is_stirring(&self) -> bool {
        !self.stirring.is_empty()
    }

    /// When the first timer of any frame is due.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// The frame that waits for `effect`.
    pub(crate) fn waiting_for(&self, effect: EffectId) -> Option<&Frame> {
        self.get(*self.by_effect.get(&effect)?)
    }

    /// The frame whose turn comes after `last`'s, going round.
    pub(crate) fn next_turn(&self, last: FrameId) -> Option<FrameId> {
        let after = self
            .with_turn
            .range((Bound::Excluded(last), Bound::Unbounded))
            .next();
        after.or_else(|| self.with_turn.first()).copied()
    }

    /// The children of `parent` in the order of their places.
    pub(crate) fn children(&self, parent: FrameId) -> impl DoubleEndedIterator<Item = FrameId> {
        self.by_place
            .range((parent, 0)..=(parent, u32::MAX))
            .map(|(_, child)| *child)
    }

    /// Takes a frame out to change it. It is gone unless [`Self::put`] back.
    pub(crate) fn take(&mut self, id: FrameId) -> Option<Frame> {
        let frame = *self.table.remove(&id)?;
        for effect in frame.effects() {
            self.by_effect.remove(&effect);
        }
        if let Some(parent) = frame.parent {
            self.by_place.remove(&(parent, frame.place));
        }
        self.with_turn.remove(&id);
        self.stirring.remove(&id);
        for deadline in frame.deadlines() {
            self.deadlines.remove(&(deadline.at, deadline.effect));
        }
        self.changed.remove(&id);
        if id < self.first_unstored {
            self.removed.insert(id);
        }
        Some(frame)
    }

    /// Puts a new or changed frame in.
    pub(crate) fn put(&mut self, frame: Frame) {
        let id = frame.id;
        for effect in frame.effects() {
            self.by_effect.insert(effect, id);
        }
        if let Some(parent) = frame.parent {
            self.by_place.insert((parent, frame.place), id);
        }
        if frame.waiting == Waiting::Turn {
            self.with_turn.insert(id);
        }
        if frame.is_stirring() {
            self.stirring.insert(id);
        }
        for deadline in frame.deadlines() {
            self.deadlines.insert((deadline.at, deadline.effect));
        }
        self.removed.remove(&id);
        self.changed.insert(id);
        self.table.insert(id, Box::new(frame));
    }

    /// Hands out the frames changed and the ids removed since the last call. `next` is the id
    /// that the next new frame will get.
    pub(crate) fn take_changes(&mut self, next: FrameId) -> (Vec<Frame>, Vec<FrameId>) {
        self.first_unstored = next;
        let changed = std::mem::take(&mut self.changed);
        let changed = changed
            .iter()
            .filter_map(|id| self.get(*id).cloned())
            .collect();
        let removed = std::mem::take(&mut self.removed).into_iter().collect();
        (changed, removed)
    }
}
