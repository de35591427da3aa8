//! Who is told of an execution's further events.
//!
//! Owns one channel for each execution that somebody follows, whether it is in memory or parked,
//! and nothing for all others. It does not know what is read when something was told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asl::ExecutionId;
use tokio::sync::watch;

/// The channels to those who follow.
#[derive(Default)]
pub(crate) struct Followers(Mutex<BTreeMap<ExecutionId, watch::Sender<u64>>>);

/// Is told when more of an execution's history is durable.
pub struct Follower {
    followers: Arc<Followers>,
    id: ExecutionId,
    news: watch::Receiver<u64>,
}

/// The execution has ended, or is left to the next host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the execution has ended, or is left to the next host")]
pub struct Gone;

impl Follower {
    /// Waits until more of the history is durable than was when this was last called.
    ///
    /// # Errors
    /// Nothing more will be told.
    pub async fn changed(&mut self) -> Result<(), Gone> {
        self.news.changed().await.map_err(|_| Gone)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut followers = self.followers.lock();
        // One that was told of the end has no channel any more; a later one is somebody else's.
        let is_last = |news: &watch::Sender<u64>| news.receiver_count() == 1;
        if self.news.has_changed().is_ok() && followers.get(&self.id).is_some_and(is_last) {
            followers.remove(&self.id);
        }
    }
}

impl Followers {
    /// Begins to follow; whoever does looks at the execution after this call.
    pub(crate) fn follow(self: &Arc<Self>, id: &ExecutionId) -> Follower {
        let mut followers = self.lock();
        let news = followers
            .entry(id.clone())
            .or_insert_with(|| watch::Sender::new(0));
        Follower {
            followers: Arc::clone(self),
            id: id.clone(),
            news: news.subscribe(),
        }
    }

    /// Tells of the last durable event.
    pub(crate) fn tell(&self, id: &ExecutionId, last_event: u64) {
        if let Some(news) = self.lock().get(id) {
            news.send_replace(last_event);
        }
    }

    /// Tells that nothing more will be told.
    pub(crate) fn end(&self, id: &ExecutionId) {
        self.lock().remove(id);
    }

    /// Tells the same of all executions but those that `is_here` names.
    pub(crate) fn end_others(&self, is_here: impl Fn(&ExecutionId) -> bool) {
        self.lock().retain(|id, _| is_here(id));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, watch::Sender<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ExecutionId {
        ExecutionId::parse("e-1").unwrap()
    }

    #[tokio::test]
    async fn what_was_told_before_wakes_nobody_and_what_is_told_after_does() {
        let followers = Arc::<Followers>::default();
        let mut first = followers.follow(&id());
        followers.tell(&id(), 1);
        let mut second = followers.follow(&id());
        assert_eq!(first.changed().await, Ok(()));
        assert_eq!(second.news.has_changed().ok(), Some(false));
        followers.tell(&id(), 2);
        assert_eq!(second.changed().await, Ok(()));
        followers.end(&id());
        // What was told last is heard before the end.
        assert_eq!(first.changed().await, Ok(()));
        assert_eq!(first.changed().await, Err(Gone));
        assert_eq!(second.changed().await, Err(Gone));
    }

    #[tokio::test]
    async fn nothing_is_kept_for_whoever_went_away() {
        let followers = Arc::<Followers>::default();
        let first = followers.follow(&id());
        let second = followers.follow(&id());
        drop(first);
        assert_eq!(followers.lock().len(), 1);
        drop(second);
        assert!(followers.lock().is_empty());
        let ended = followers.follow(&id());
        followers.end(&id());
        let _anew = followers.follow(&id());
        drop(ended);
        assert_eq!(followers.lock().len(), 1);
    }
}
