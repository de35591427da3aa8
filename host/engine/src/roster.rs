//! Which executions are in memory, and how to reach them.
//!
//! Owns that an execution is in memory at most once: whoever takes one up or leaves goes through
//! its lane. It does not know why an execution comes or goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asl::ExecutionId;
use auth::names::Name;
use tokio::sync::{OwnedMutexGuard, mpsc};

use crate::actor::Message;

/// How to reach an execution in memory.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) mailbox: mpsc::Sender<Message>,
    /// The state machine's name.
    pub(crate) machine: Name,
}

/// The executions in memory, and those on their way in or out.
#[derive(Default)]
pub(crate) struct Roster {
    running: Mutex<BTreeMap<ExecutionId, Running>>,
    lanes: Mutex<BTreeMap<ExecutionId, Arc<tokio::sync::Mutex<()>>>>,
}

/// The right to bring one execution into memory or out of it; held by one at a time.
pub(crate) struct Lane<'a> {
    roster: &'a Roster,
    id: ExecutionId,
    held: Option<OwnedMutexGuard<()>>,
}

impl Roster {
    pub(crate) fn find(&self, id: &ExecutionId) -> Option<Running> {
        lock(&self.running).get(id).cloned()
    }

    pub(crate) fn is_here(&self, id: &ExecutionId) -> bool {
        lock(&self.running).contains_key(id)
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.running).len()
    }

    pub(crate) fn add(&self, id: ExecutionId, running: Running) {
        lock(&self.running).insert(id, running);
    }

    pub(crate) fn remove(&self, id: &ExecutionId) {
        lock(&self.running).remove(id);
    }

    /// Waits for its turn to bring the execution in or out.
    pub(crate) async fn enter(&self, id: &ExecutionId) -> Lane<'_> {
        // Made before waiting: whoever stops waiting clears up as well.
        let mut lane = Lane {
            roster: self,
            id: id.clone(),
            held: None,
        };
        lane.held = Some(self.lane(id).lock_owned().await);
        lane
    }

    fn lane(&self, id: &ExecutionId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(lock(&self.lanes).entry(id.clone()).or_default())
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        self.held = None;
        let mut lanes = lock(&self.roster.lanes);
        // Whoever waits for the lane holds it too, and took hold of it under this lock.
        let is_unused = |lane: &Arc<_>| Arc::strong_count(lane) == 1;
        if lanes.get(&self.id).is_some_and(is_unused) {
            lanes.remove(&self.id);
        }
    }
}

fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn id(text: &str) -> ExecutionId {
        ExecutionId::parse(text).unwrap()
    }

    #[tokio::test]
    async fn one_at_a_time_is_in_a_lane_and_none_is_kept() {
        let (roster, id, other) = (Roster::default(), id("e-1"), id("e-2"));
        let first = roster.enter(&id).await;
        drop(roster.enter(&other).await);
        let mut second = std::pin::pin!(roster.enter(&id));
        assert!(timeout(Duration::ZERO, &mut second).await.is_err());
        drop(first);
        let second = second.await;
        assert_eq!(lock(&roster.lanes).len(), 1);
        drop(second);
        assert!(lock(&roster.lanes).is_empty());
    }

    #[tokio::test]
    async fn whoever_stops_waiting_keeps_no_lane() {
        let (roster, id) = (Roster::default(), id("e-1"));
        for is_first_to_go in [true, false] {
            let held = roster.enter(&id).await;
            let mut waiting = Box::pin(roster.enter(&id));
            assert!(timeout(Duration::ZERO, &mut waiting).await.is_err());
            match is_first_to_go {
                true => drop((waiting, held)),
                false => drop((held, waiting)),
            }
            assert!(lock(&roster.lanes).is_empty());
        }
    }
}
