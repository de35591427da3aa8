//! What is no longer kept: executions that ended long ago, and old links of the audit log.

use asl::{ExecutionId, Timestamp};
use async_trait::async_trait;

use crate::{Head, Key, StoreError};

/// An ended execution in the order in which they expire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ended {
    /// When it ended, or when it was last postponed.
    pub at: Timestamp,
    /// Which one.
    pub id: ExecutionId,
}

/// What a commit takes away. Doing any of it twice is no change.
#[derive(Clone, Debug, Default)]
pub struct Upkeep {
    /// Ended executions that nobody finds any more once this is written, with their names, their
    /// places in lists, and the payloads that no other execution has. The commit says in the
    /// audit log which. What is left of a large one is removed by naming it again, see
    /// [`Retention::leftovers`].
    pub expire: Vec<Ended>,
    /// Ended executions that are looked at again as if they had ended at the given time.
    pub postpone: Vec<(Ended, Timestamp)>,
    /// Takes away whole blocks of audit links up to this one, which becomes the anchor that the
    /// rest verifies from. The commit says so in the audit log.
    pub prune: Option<Head>,
    /// Revisions of state machines that nothing refers to. The commit says in the audit log which.
    pub revisions: Vec<Key>,
}

impl Upkeep {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        let Self {
            expire,
            postpone,
            prune,
            revisions,
        } = self;
        expire.is_empty() && postpone.is_empty() && prune.is_none() && revisions.is_empty()
    }
}

/// An ended execution, as far as its expiry goes.
#[derive(Clone, Debug)]
pub struct Expirable {
    /// Its place in the order.
    pub ended: Ended,
    /// Its ARN.
    pub arn: String,
    /// The name of its state machine.
    pub machine: String,
    /// Whether it was started by an execution that has not ended, which may still ask for it.
    pub is_held: bool,
}

/// From which end ended executions are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedOrder {
    /// From the one that ended first.
    OldestFirst,
    /// From the one that ended last.
    NewestFirst,
}

/// Ended executions, and how many there are.
#[derive(Clone, Debug)]
pub struct EndedPage {
    /// Those that were asked for.
    pub items: Vec<Expirable>,
    /// How many there are in all.
    pub count: u64,
}

/// Says what could be taken away. No call has an effect; what is told is durable. Taking away is
/// [`crate::Journal::commit`], so that it comes with its audit record.
#[async_trait]
pub trait Retention: Send + Sync {
    /// Ended executions beyond `beyond` in the order that is asked for, at most `limit`.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn ended(
        &self,
        order: EndedOrder,
        beyond: Option<Ended>,
        limit: usize,
    ) -> Result<EndedPage, StoreError>;

    /// The revision of a state machine that each execution refers to, in the order of their ids
    /// behind `after`, at most `limit`.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn revisions_used(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<(ExecutionId, Key)>, StoreError>;

    /// Executions that expired but still have records, at most `limit`.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn leftovers(&self, limit: usize) -> Result<Vec<Ended>, StoreError>;

    /// The last link of the last whole block of links that were sealed before `before`, of the
    /// first few blocks; `None` if the first is younger or the only one.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn prunable(&self, before: Timestamp) -> Result<Option<Head>, StoreError>;

    /// When the oldest link that is kept was sealed.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn oldest_link(&self) -> Result<Option<Timestamp>, StoreError>;
}
