//! Room for attempts, shared out fairly: on this host, under a role, for a component under a role,
//! of a state machine.
//!
//! Owns that freed room reaches whoever is next, and that whoever goes away leaves at once. The
//! order is [`queue`]'s. It does not know what an attempt is, nor who asks.

mod claims;
mod demand;
mod lines;
mod queue;
mod turns;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use auth::authority::AuthorityVersion;
use tokio::sync::oneshot;

use crate::authority::Authority;
use claims::Ticket;
use queue::{Holding, Queue};

pub(crate) use claims::{Owner, Stage};
pub use demand::MachineLimits;
pub(crate) use demand::{Demand, Limit};
pub(crate) use turns::Turns;

/// Room for attempts.
pub(crate) struct Room {
    queue: Mutex<Standing>,
}

/// Those who wait, and under which authority their limits are.
struct Standing {
    queue: Queue<Limit, oneshot::Sender<Slots>>,
    /// The latest one that was heard of.
    under: AuthorityVersion,
}

impl Standing {
    /// The limits of a demand. One made under an authority that has passed does not bring back
    /// what was in force then.
    fn limits_of(&mut self, demand: &Demand) -> Vec<(Limit, usize)> {
        let is_stale = demand.under < self.under;
        self.under = self.under.max(demand.under);
        let limits = demand.limits.iter();
        let in_force = limits.map(|(limit, max)| {
            let known = is_stale.then(|| self.queue.max_of(limit)).flatten();
            (limit.clone(), known.unwrap_or(*max))
        });
        in_force.collect()
    }
}

/// The right to run one attempt now, within every limit that counts it; dropped, somebody else's.
pub(crate) struct Slots {
    room: Arc<Room>,
    holding: Holding<Limit>,
}

/// A place among those who wait; resolves to room. Dropped, it is given up.
pub(crate) struct Place {
    room: Arc<Room>,
    ticket: Ticket,
    picked: oneshot::Receiver<Slots>,
}

impl Room {
    /// Room for so many attempts at once.
    pub(crate) fn new(attempts_running_max: usize) -> Self {
        Self {
            queue: Mutex::new(Standing {
                queue: Queue::new(attempts_running_max),
                under: AuthorityVersion(0),
            }),
        }
    }

    /// Takes room, if there is some for this demand; nobody who waits could have had it.
    pub(crate) fn try_take(self: &Arc<Self>, demand: &Demand) -> Option<Arc<Slots>> {
        let holding = self.with(|standing| {
            let limits = standing.limits_of(demand);
            standing.queue.try_take(&limits)
        })?;
        Some(Arc::new(Slots {
            room: Arc::clone(self),
            holding,
        }))
    }

    /// Waits for room.
    pub(crate) fn wait(self: &Arc<Self>, demand: Demand) -> Place {
        let (sender, picked) = oneshot::channel();
        Place {
            ticket: self.with(|standing| {
                let limits = standing.limits_of(&demand);
                standing.queue.join(demand.owner, &limits, sender)
            }),
            room: Arc::clone(self),
            picked,
        }
    }

    /// Puts the limits of a changed authority in force; attempts under way count in them.
    pub(crate) fn put_in_force(self: &Arc<Self>, authority: &Authority) {
        self.with(|standing| {
            standing.under = standing.under.max(authority.version);
            let queue = &mut standing.queue;
            let limits: Vec<_> = queue.limits().cloned().collect();
            for limit in limits {
                if let Some(max) = limit.max_under(authority) {
                    queue.change(&limit, max);
                }
            }
        });
    }

    /// How many attempts wait, and how many of them are this principal's.
    pub(crate) fn waiting(&self, principal: &str) -> (usize, usize) {
        let queue = &self.lock().queue;
        (queue.waiting(), queue.waiting_of(principal))
    }

    /// How many attempts wait, and how many run.
    pub(crate) fn load(&self) -> (usize, usize) {
        let queue = &self.lock().queue;
        (queue.waiting(), queue.running())
    }

    /// Changes the queue, then tells whoever was picked.
    fn with<R>(self: &Arc<Self>, change: impl FnOnce(&mut Standing) -> R) -> R {
        let (result, picked) = {
            let mut standing = self.lock();
            let result = change(&mut standing);
            (result, standing.queue.take_picked())
        };
        for (holding, sender) in picked {
            let room = Arc::clone(self);
            // Whoever went away meanwhile drops the slots, which lets the next one go.
            let _ = sender.send(Slots { room, holding });
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        self.room
            .with(|standing| standing.queue.give_back(&self.holding));
    }
}

impl Future for Place {
    type Output = Arc<Slots>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Arc<Slots>> {
        match Pin::new(&mut self.picked).poll(context) {
            Poll::Ready(Ok(slots)) => Poll::Ready(Arc::new(slots)),
            // INVARIANT: the sender stays in the queue until it is sent to, or this place is dropped.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let ticket = self.ticket;
        self.room.with(|standing| standing.queue.leave(ticket));
    }
}

#[cfg(test)]
mod tests;
