//! What happens around the calls of a store in memory: time that passes, disks that fail, hosts
//! that die. For simulations.

use async_trait::async_trait;
use ports::{Commit, CommitError, Receipt, StoreError};

use super::{Fault, MemoryStore, Tree};
use crate::prepare::Prepared;

/// What a simulation lets happen around the calls of a [`MemoryStore`]. A call that a crash falls
/// upon never returns.
#[async_trait]
pub trait Weather: Send + Sync {
    /// Passes between the asking for a commit and its writing. A commit whose asker goes away
    /// meanwhile is written all the same.
    async fn before_write(&self);

    /// Says what happens at the writing of a commit that passed the checks, instead of success.
    fn strikes(&self) -> Option<Fault>;

    /// Is told of a commit that has just become durable.
    fn written(&self, commit: &Commit, receipt: &Receipt);

    /// Passes between the writing of a commit and its answer.
    async fn before_answer(&self);

    /// Passes before and after the reading of what is durable.
    async fn around_read(&self);
}

/// A commit that the store has been given; it is written even if nobody waits for it any more.
pub(super) struct Handed<'a> {
    pub(super) store: &'a MemoryStore,
    pub(super) weather: &'a dyn Weather,
    pub(super) commit: Option<Commit>,
}

impl MemoryStore {
    /// Reads, while the host lives.
    pub(super) async fn reading<T: Send>(
        &self,
        read: impl FnOnce(&Tree) -> Result<T, StoreError> + Send,
    ) -> Result<T, StoreError> {
        self.around_read().await;
        let found = self.entries().and_then(read);
        self.around_read().await;
        found
    }

    async fn around_read(&self) {
        let Some(weather) = &self.weather else {
            return;
        };
        weather.around_read().await;
        self.unless_dead().await;
    }

    /// Never returns once the host is dead.
    async fn unless_dead(&self) {
        if self.host().is_dead {
            std::future::pending::<()>().await;
        }
    }
}

impl Handed<'_> {
    pub(super) async fn answered(mut self) -> Result<Receipt, CommitError> {
        self.weather.before_write().await;
        let written = self.write();
        self.store.unless_dead().await;
        self.weather.before_answer().await;
        written
    }

    fn write(&mut self) -> Result<Receipt, CommitError> {
        let commit = self.commit.take().unwrap_or_default();
        let prepared = Prepared::new(self.store.entries()?, commit.clone())?;
        let (result, is_written) = self.store.write_under(prepared, || self.weather.strikes());
        if let Some(receipt) = is_written {
            self.weather.written(&commit, &receipt);
        }
        result
    }
}

impl Drop for Handed<'_> {
    fn drop(&mut self) {
        if self.commit.is_some() {
            // Whoever asked has gone.
            let _ = self.write();
        }
    }
}
