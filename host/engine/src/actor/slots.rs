//! Room for attempts: on this host, under a role, for a component under a role.

use std::sync::Arc;

use auth::authority::AttemptPermit;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::authority::Authority;
use crate::shared::Shared;

/// The right to run one attempt now, within every limit that counts it.
pub(crate) struct Slots {
    _held: [OwnedSemaphorePermit; 3],
}

/// The limits that count one attempt: of the component under its role, of the role, of the host.
pub(crate) struct Lanes([Arc<Semaphore>; 3]);

impl Lanes {
    pub(super) fn of(shared: &Shared, authority: &Authority, permit: &AttemptPermit) -> Self {
        let slots = |limit: u64| {
            usize::try_from(limit)
                .unwrap_or(Semaphore::MAX_PERMITS)
                .min(Semaphore::MAX_PERMITS)
        };
        let own = permit.capabilities().limits.concurrency();
        let role = permit.role();
        let granted = authority.role(role).map_or(own, |revision| {
            revision.facts.role().grants().limits.concurrency()
        });
        Self([
            shared.slots(role, Some(permit.digest()), slots(own)),
            shared.slots(role, None, slots(granted)),
            Arc::clone(&shared.attempts),
        ])
    }

    /// Takes a slot of each limit, if all have one.
    pub(super) fn try_take(&self) -> Option<Arc<Slots>> {
        let [component, role, host] = &self.0;
        let held = [
            Arc::clone(component).try_acquire_owned().ok()?,
            Arc::clone(role).try_acquire_owned().ok()?,
            Arc::clone(host).try_acquire_owned().ok()?,
        ];
        Some(Arc::new(Slots { _held: held }))
    }

    /// Waits for a slot of each limit, the scarcest first; always in this order, so that no two
    /// attempts wait for each other.
    pub(super) async fn take(self) -> Option<Arc<Slots>> {
        let [component, role, host] = self.0;
        let held = [
            component.acquire_owned().await.ok()?,
            role.acquire_owned().await.ok()?,
            host.acquire_owned().await.ok()?,
        ];
        Some(Arc::new(Slots { _held: held }))
    }
}
