//! Room for attempts: on this host, under a role, for a component under a role.

use std::sync::Arc;

use auth::authority::{AttemptPermit, EgressPermit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::authority::Authority;
use crate::shared::Shared;

/// The right to run one attempt now, within every limit that counts it.
pub(crate) struct Slots {
    _held: Vec<OwnedSemaphorePermit>,
}

/// The limits that count one attempt, the scarcest first: of the component under its role, if it
/// runs one, of the role, of the host.
pub(crate) struct Lanes(Vec<Arc<Semaphore>>);

impl Lanes {
    pub(super) fn of(shared: &Shared, authority: &Authority, permit: &AttemptPermit) -> Self {
        let own = permit.capabilities().limits.concurrency();
        let role = permit.role();
        let granted = authority.role(role).map_or(own, |revision| {
            revision.facts.role().grants().limits.concurrency()
        });
        Self(vec![
            shared.slots(role, Some(permit.digest()), slots(own)),
            shared.slots(role, None, slots(granted)),
            Arc::clone(&shared.attempts),
        ])
    }

    pub(super) fn of_request(shared: &Shared, permit: &EgressPermit) -> Self {
        let granted = permit.limits().concurrency();
        Self(vec![
            shared.slots(permit.role(), None, slots(granted)),
            Arc::clone(&shared.attempts),
        ])
    }

    /// Takes a slot of each limit, if all have one.
    pub(super) fn try_take(&self) -> Option<Arc<Slots>> {
        let held = self.0.iter();
        let held = held.map(|limit| Arc::clone(limit).try_acquire_owned().ok());
        let held = held.collect::<Option<_>>()?;
        Some(Arc::new(Slots { _held: held }))
    }

    /// Waits for a slot of each limit, the scarcest first; always in this order, so that no two
    /// attempts wait for each other.
    pub(super) async fn take(self) -> Option<Arc<Slots>> {
        let mut held = Vec::with_capacity(self.0.len());
        for limit in self.0 {
            held.push(limit.acquire_owned().await.ok()?);
        }
        Some(Arc::new(Slots { _held: held }))
    }
}

fn slots(limit: u64) -> usize {
    usize::try_from(limit)
        .unwrap_or(Semaphore::MAX_PERMITS)
        .min(Semaphore::MAX_PERMITS)
}
