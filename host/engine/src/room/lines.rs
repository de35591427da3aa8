//! The lines at the narrower limits: how many have a place in each, and who waits for one.
//!
//! Owns the counts and that a line is stood in by principals in turn. It does not know the host's
//! own limit, nor when anybody may go on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::claims::{Claims, Owner, Ticket};
use super::turns::Turns;

/// The narrower limits that count somebody; always in the same order.
pub(super) type Class<L> = Arc<[L]>;

/// The narrower limits, and those who wait for them.
pub(super) struct Lines<L> {
    limits: BTreeMap<L, Counted<L>>,
    /// INVARIANT: whoever stands in line at a limit finds it full, and a limit that is not full has
    /// no line; so whenever somebody could go on, somebody does.
    stuck: BTreeMap<Pair<L>, Stuck<L>>,
}

/// A narrower limit.
struct Counted<L> {
    max: usize,
    used: usize,
    /// How many have a place in it or wait for something; without any it is forgotten.
    known: usize,
    line: Turns<Arc<str>, Turns<Class<L>, ()>>,
}

/// All of one principal that the same limits count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair<L> {
    principal: Arc<str>,
    class: Class<L>,
}

/// A pair that waits, and the full limit in whose line it stands.
struct Stuck<L> {
    at: L,
    claims: Claims,
}

/// How a limit changed.
pub(super) enum Change {
    /// It has more room than before.
    Grown,
    /// It has less room than places that are taken.
    Overdrawn,
    /// Neither.
    None,
}

impl<L> Default for Lines<L> {
    fn default() -> Self {
        Self {
            limits: BTreeMap::new(),
            stuck: BTreeMap::new(),
        }
    }
}

impl<L: Ord + Clone> Lines<L> {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.limits.is_empty() && self.stuck.is_empty()
    }

    /// The limits that count anybody.
    pub(super) fn limits(&self) -> impl Iterator<Item = &L> {
        self.limits.keys()
    }

    /// How many a limit that counts somebody lets go at once.
    pub(super) fn max_of(&self, limit: &L) -> Option<usize> {
        self.limits.get(limit).map(|counted| counted.max)
    }

    /// The class of one more whom these limits count.
    pub(super) fn class_of(&mut self, limits: &[(L, usize)]) -> Class<L> {
        for (limit, max) in limits {
            let counted = self.limits.entry(limit.clone()).or_insert_with(|| Counted {
                max: *max,
                used: 0,
                known: 0,
                line: Turns::default(),
            });
            counted.known += 1;
        }
        limits.iter().map(|(limit, _)| limit.clone()).collect()
    }

    /// One of a class neither has a place nor waits any more.
    pub(super) fn forget(&mut self, class: &[L]) {
        for limit in class {
            let Some(counted) = self.limits.get_mut(limit) else {
                continue;
            };
            counted.known = counted.known.saturating_sub(1);
            if counted.known == 0 {
                self.limits.remove(limit);
            }
        }
    }

    /// Changes how many a limit that counts somebody lets go at once.
    pub(super) fn change(&mut self, limit: &L, max: usize) -> Change {
        let Some(counted) = self.limits.get_mut(limit) else {
            return Change::None;
        };
        let before = std::mem::replace(&mut counted.max, max);
        match max {
            max if max > before => Change::Grown,
            // Whoever had to step back did so when it became smaller.
            max if max < before && max < counted.used => Change::Overdrawn,
            _ => Change::None,
        }
    }

    /// The first limit of a class that has no room.
    pub(super) fn full_of(&self, class: &Class<L>) -> Option<L> {
        let is_full = |limit: &&L| {
            let counted = self.limits.get(*limit);
            counted.is_some_and(|counted| counted.used >= counted.max)
        };
        class.iter().find(is_full).cloned()
    }

    /// Takes a place in each limit.
    pub(super) fn occupy(&mut self, class: &Class<L>) {
        for limit in class.iter() {
            if let Some(counted) = self.limits.get_mut(limit) {
                counted.used += 1;
            }
        }
    }

    /// Gives a place in each limit back; whoever waits for one is to be let go on.
    pub(super) fn vacate(&mut self, class: &Class<L>) {
        for limit in class.iter() {
            if let Some(counted) = self.limits.get_mut(limit) {
                counted.used = counted.used.saturating_sub(1);
            }
        }
    }

    /// Stands in line at a limit that is full.
    pub(super) fn stand(&mut self, owner: &Owner, class: Class<L>, limit: L, ticket: Ticket) {
        let pair = Pair {
            principal: Arc::clone(&owner.principal),
            class,
        };
        if let Some(stuck) = self.stuck.get_mut(&pair) {
            stuck.claims.add(owner, ticket);
            return;
        }
        self.enter(&limit, &pair);
        let mut claims = Claims::default();
        claims.add(owner, ticket);
        self.stuck.insert(pair, Stuck { at: limit, claims });
    }

    /// Stands in line no longer.
    pub(super) fn leave(&mut self, owner: &Owner, class: &Class<L>, ticket: Ticket) {
        let pair = Pair {
            principal: Arc::clone(&owner.principal),
            class: Arc::clone(class),
        };
        if let Some(stuck) = self.stuck.get_mut(&pair) {
            stuck.claims.remove(owner, ticket);
            if stuck.claims.is_empty() {
                self.dissolve(&pair);
            }
        }
    }

    /// Whoever goes on, if the limit has room: it then has a place in each of its limits. Those
    /// for whom another limit is full move to that one's line.
    pub(super) fn next(&mut self, limit: &L) -> Option<Ticket> {
        loop {
            let pair = self.first_in_line(limit)?;
            if let Some(other) = self.full_of(&pair.class) {
                self.exit(limit, &pair);
                self.enter(&other, &pair);
                if let Some(stuck) = self.stuck.get_mut(&pair) {
                    stuck.at = other;
                }
                continue;
            }
            let stuck = self.stuck.get_mut(&pair)?;
            let ticket = stuck.claims.pop();
            match stuck.claims.is_empty() {
                true => self.dissolve(&pair),
                false => self.pass(limit, &pair),
            }
            self.occupy(&pair.class);
            return ticket;
        }
    }

    /// Whose turn it is at a limit that has room.
    fn first_in_line(&self, limit: &L) -> Option<Pair<L>> {
        let counted = self.limits.get(limit)?;
        if counted.used >= counted.max {
            return None;
        }
        let principal = counted.line.first()?;
        let class = counted.line.peek(principal)?.first()?;
        Some(Pair {
            principal: Arc::clone(principal),
            class: Arc::clone(class),
        })
    }

    /// A pair that was served goes to the back of the line.
    fn pass(&mut self, limit: &L, pair: &Pair<L>) {
        let Some(counted) = self.limits.get_mut(limit) else {
            return;
        };
        if let Some(classes) = counted.line.of(&pair.principal) {
            classes.pass(&pair.class);
        }
        counted.line.pass(&pair.principal);
    }

    /// A pair of which nobody waits any more leaves its line.
    fn dissolve(&mut self, pair: &Pair<L>) {
        if let Some(stuck) = self.stuck.remove(pair) {
            self.exit(&stuck.at, pair);
        }
    }

    fn enter(&mut self, limit: &L, pair: &Pair<L>) {
        if let Some(counted) = self.limits.get_mut(limit) {
            counted.line.join(&pair.principal).join(&pair.class);
        }
    }

    fn exit(&mut self, limit: &L, pair: &Pair<L>) {
        let Some(counted) = self.limits.get_mut(limit) else {
            return;
        };
        let Some(classes) = counted.line.of(&pair.principal) else {
            return;
        };
        classes.leave(&pair.class);
        if classes.is_empty() {
            counted.line.leave(&pair.principal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_overdrawn_once_each_time_it_becomes_smaller() {
        let mut lines = Lines::default();
        let class = lines.class_of(&[('r', 3)]);
        for _ in 0..3 {
            lines.occupy(&class);
        }
        assert!(matches!(lines.change(&'r', 3), Change::None));
        assert!(matches!(lines.change(&'r', 2), Change::Overdrawn));
        assert!(matches!(lines.change(&'r', 2), Change::None));
        assert!(matches!(lines.change(&'r', 1), Change::Overdrawn));
        assert!(matches!(lines.change(&'r', 1), Change::None));
        assert!(matches!(lines.change(&'r', 2), Change::Grown));
        lines.vacate(&class);
        assert!(matches!(lines.change(&'r', 2), Change::None));
    }
}
