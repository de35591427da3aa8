//! Who may go next when room is scarce.
//!
//! Owns the order. Whoever wants room is counted by the host and by any number of narrower limits.
//! It waits first for one of these that is full, then, holding a place in each, for the host; at
//! both, principals take turns. So nobody holds up another whose limits have room. It does not
//! know what a limit is of, nor how anybody is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::claims::{Claims, Owner, Ticket};
use super::lines::{Change, Class, Lines};
use super::turns::Turns;

/// Those who wait for room and those who have it.
pub(super) struct Queue<L, T> {
    host: Host,
    lines: Lines<L>,
    waiting: BTreeMap<Ticket, Waiting<L, T>>,
    /// How many of each principal wait.
    waiting_of: BTreeMap<Arc<str>, usize>,
    picked: Vec<(Holding<L>, T)>,
    next: Ticket,
}

/// Room on the host, and those who have room everywhere else.
struct Host {
    max: usize,
    used: usize,
    /// INVARIANT: empty while the host has room.
    line: Turns<Arc<str>, Claims>,
}

struct Waiting<L, T> {
    owner: Owner,
    class: Class<L>,
    payload: T,
    /// Whether it has room everywhere but on the host.
    is_ready: bool,
}

/// A place in each limit; to be given back.
#[derive(Debug)]
pub(super) struct Holding<L>(Class<L>);

impl<L: Ord + Clone, T> Queue<L, T> {
    pub(super) fn new(host_max: usize) -> Self {
        Self {
            host: Host {
                max: host_max,
                used: 0,
                line: Turns::default(),
            },
            lines: Lines::default(),
            waiting: BTreeMap::new(),
            waiting_of: BTreeMap::new(),
            picked: Vec::new(),
            next: 0,
        }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many of a principal wait.
    pub(super) fn waiting_of(&self, principal: &str) -> usize {
        self.waiting_of.get(principal).copied().unwrap_or(0)
    }

    /// How many have room.
    pub(super) fn running(&self) -> usize {
        self.host.used
    }

    /// The narrower limits that count anybody.
    pub(super) fn limits(&self) -> impl Iterator<Item = &L> {
        self.lines.limits()
    }

    /// How many a limit that counts somebody lets go at once.
    pub(super) fn max_of(&self, limit: &L) -> Option<usize> {
        self.lines.max_of(limit)
    }

    /// Those who were given room since this was asked last; each is to be told.
    pub(super) fn take_picked(&mut self) -> Vec<(Holding<L>, T)> {
        std::mem::take(&mut self.picked)
    }

    /// Takes room at once, if every limit has some.
    pub(super) fn try_take(&mut self, limits: &[(L, usize)]) -> Option<Holding<L>> {
        let class = self.class_of(limits);
        if self.host.used >= self.host.max || self.lines.full_of(&class).is_some() {
            self.lines.forget(&class);
            return None;
        }
        self.lines.occupy(&class);
        self.host.used += 1;
        Some(Holding(class))
    }

    /// Waits for room. Whoever can have it at once is among the picked.
    pub(super) fn join(&mut self, owner: Owner, limits: &[(L, usize)], payload: T) -> Ticket {
        let class = self.class_of(limits);
        let ticket = self.next;
        self.next += 1;
        let full = self.lines.full_of(&class);
        let is_ready = full.is_none();
        match full {
            Some(limit) => self.lines.stand(&owner, Arc::clone(&class), limit, ticket),
            None => {
                self.lines.occupy(&class);
                self.host.line.join(&owner.principal).add(&owner, ticket);
            }
        }
        *self
            .waiting_of
            .entry(Arc::clone(&owner.principal))
            .or_default() += 1;
        let waiting = Waiting {
            owner,
            class,
            payload,
            is_ready,
        };
        self.waiting.insert(ticket, waiting);
        self.fill();
        ticket
    }

    /// Waits no longer; nothing happens to one that was picked.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        let Some(waiting) = self.take_waiting(ticket) else {
            return;
        };
        let Waiting { owner, class, .. } = &waiting;
        match waiting.is_ready {
            true => {
                self.host.leave(owner, ticket);
                self.vacate(class);
            }
            false => self.lines.leave(owner, class, ticket),
        }
        self.lines.forget(class);
    }

    /// Gives room back.
    pub(super) fn give_back(&mut self, holding: &Holding<L>) {
        self.host.used = self.host.used.saturating_sub(1);
        self.vacate(&holding.0);
        self.lines.forget(&holding.0);
        self.fill();
    }

    /// Changes how many a limit lets go at once; whoever has room is counted in it as before.
    pub(super) fn change(&mut self, limit: &L, max: usize) {
        match self.lines.change(limit, max) {
            Change::Grown => self.promote(limit),
            Change::Overdrawn => self.demote(limit),
            Change::None => {}
        }
        self.fill();
    }

    /// The class of one more whom these limits count; they hold for everybody from here on.
    fn class_of(&mut self, limits: &[(L, usize)]) -> Class<L> {
        for (limit, max) in limits {
            self.change(limit, *max);
        }
        self.lines.class_of(limits)
    }

    fn take_waiting(&mut self, ticket: Ticket) -> Option<Waiting<L, T>> {
        let waiting = self.waiting.remove(&ticket)?;
        let principal = &waiting.owner.principal;
        if let Some(count) = self.waiting_of.get_mut(principal) {
            *count -= 1;
            if *count == 0 {
                self.waiting_of.remove(principal);
            }
        }
        Some(waiting)
    }

    fn vacate(&mut self, class: &Class<L>) {
        self.lines.vacate(class);
        for limit in class.iter() {
            self.promote(limit);
        }
    }

    /// Lets those who wait for a limit go on to wait for the host, for as long as it has room.
    fn promote(&mut self, limit: &L) {
        while let Some(ticket) = self.lines.next(limit) {
            if let Some(waiting) = self.waiting.get_mut(&ticket) {
                waiting.is_ready = true;
                let owner = &waiting.owner;
                self.host.line.join(&owner.principal).add(owner, ticket);
            }
        }
    }

    /// Sends those who wait for the host back to wait for a limit that became smaller, and lets as
    /// many go on again as it has room for.
    fn demote(&mut self, limit: &L) {
        let ready = self.waiting.iter_mut();
        let ready = ready.filter(|(_, waiting)| waiting.is_ready && waiting.class.contains(limit));
        let mut vacated = BTreeSet::from([limit.clone()]);
        for (ticket, waiting) in ready {
            waiting.is_ready = false;
            let Waiting { owner, class, .. } = waiting;
            self.host.leave(owner, *ticket);
            self.lines.vacate(class);
            vacated.extend(class.iter().cloned());
            let (class, limit) = (Arc::clone(class), limit.clone());
            self.lines.stand(owner, class, limit, *ticket);
        }
        for limit in &vacated {
            self.promote(limit);
        }
    }

    /// Picks those who have room everywhere else for as long as the host has.
    fn fill(&mut self) {
        while self.host.used < self.host.max {
            let Some(ticket) = self.host.next() else {
                return;
            };
            if let Some(waiting) = self.take_waiting(ticket) {
                self.host.used += 1;
                self.picked.push((Holding(waiting.class), waiting.payload));
            }
        }
    }
}

impl Host {
    fn next(&mut self) -> Option<Ticket> {
        let principal = Arc::clone(self.line.first()?);
        let claims = self.line.of(&principal)?;
        let ticket = claims.pop();
        match claims.is_empty() {
            true => self.line.leave(&principal),
            false => self.line.pass(&principal),
        }
        ticket
    }

    fn leave(&mut self, owner: &Owner, ticket: Ticket) {
        if let Some(claims) = self.line.of(&owner.principal) {
            claims.remove(owner, ticket);
            if claims.is_empty() {
                self.line.leave(&owner.principal);
            }
        }
    }
}

#[cfg(test)]
mod tests;
