//! An archive whose disk fails for a while, and a journal with damaged records.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use asl::{ExecutionId, Timestamp};
use async_trait::async_trait;
use ports::{
    Alarm, Alarms, Archive, AuditPage, Claim, Commit, CommitError, Description, ExecutionFilter,
    Fence, HistoryCursor, HistoryPage, HistoryPayloads, Journal, ListCursor, Page, Receipt,
    StoreError, StoredExecution,
};
use store::MemoryStore;

use crate::world::Script;

/// How often the next look for a name fails.
#[derive(Default)]
pub(crate) struct Unreadable(AtomicU32);

impl Unreadable {
    pub(crate) fn fail_next(&self, times: u32) {
        self.0.store(times, Ordering::SeqCst);
    }

    fn fails(&self) -> bool {
        let one_less = |left: u32| left.checked_sub(1);
        let before = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        before.is_ok()
    }
}

/// What the journal refuses, until that is changed.
#[derive(Default)]
pub(crate) enum Refused {
    /// Nothing.
    #[default]
    Nothing,
    /// Every step of an execution, as the disk is full.
    Steps,
    /// Whatever tells of this action, as the disk is full.
    Telling(&'static str),
    /// The next step of an execution, as that is said to belong to another host.
    NextStep,
}

impl Refused {
    fn refuses(&mut self, commit: &Commit) -> Result<(), CommitError> {
        let full = StoreError::Full {
            free_bytes: 0,
            reserve_bytes: 1,
        };
        match (&self, &commit.execution) {
            (Self::Steps, Some(_)) => Err(full.into()),
            (Self::Telling(action), _) if tells(commit, action) => Err(full.into()),
            (Self::NextStep, Some(step)) => {
                *self = Self::Nothing;
                Err(CommitError::Fenced(step.id.clone()))
            }
            (Self::Nothing | Self::Steps | Self::Telling(_) | Self::NextStep, _) => Ok(()),
        }
    }
}

/// Whether a commit puts an action on record.
fn tells(commit: &Commit, action: &str) -> bool {
    commit.audit.iter().any(|record| record.action == action)
}

/// The store's archive, as far as it can be read.
pub(crate) struct FlakyArchive {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) script: Arc<Script>,
}

#[async_trait]
impl Archive for FlakyArchive {
    async fn execution(&self, id: &ExecutionId) -> Result<Option<Description>, StoreError> {
        self.store.execution(id).await
    }

    async fn execution_named(
        &self,
        machine_arn: &str,
        name: &str,
    ) -> Result<Option<ExecutionId>, StoreError> {
        if self.script.unreadable.fails() {
            return Err(StoreError::Io("the disk failed, as asked for".into()));
        }
        self.store.execution_named(machine_arn, name).await
    }

    async fn executions(
        &self,
        filter: ExecutionFilter,
        cursor: Option<ListCursor>,
        limit: usize,
    ) -> Result<Page<Description, ListCursor>, StoreError> {
        self.store.executions(filter, cursor, limit).await
    }

    async fn history(
        &self,
        id: &ExecutionId,
        cursor: HistoryCursor,
        payloads: HistoryPayloads,
        limit: usize,
    ) -> Result<Option<HistoryPage>, StoreError> {
        self.store.history(id, cursor, payloads, limit).await
    }

    async fn audit(&self, after: u64, limit: usize) -> Result<AuditPage, StoreError> {
        self.store.audit(after, limit).await
    }
}

/// The store's journal, as far as its records are whole.
pub(crate) struct FlakyJournal {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) script: Arc<Script>,
}

#[async_trait]
impl Journal for FlakyJournal {
    async fn commit(&self, commit: Commit) -> Result<Receipt, CommitError> {
        let slow = *self.script.slow.lock().unwrap();
        if let Some((action, time)) = slow
            && tells(&commit, action)
        {
            tokio::time::sleep(time).await;
        }
        let refused = self.script.refused.lock().unwrap().refuses(&commit);
        refused?;
        self.store.commit(commit).await
    }

    async fn fence(&self) -> Result<Fence, StoreError> {
        self.store.fence().await
    }

    async fn claim(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<Claim>, StoreError> {
        self.store.claim(after, limit).await
    }

    async fn alarms(
        &self,
        until: Timestamp,
        after: Option<Alarm>,
        limit: usize,
    ) -> Result<Alarms, StoreError> {
        self.store.alarms(until, after, limit).await
    }

    async fn load(&self, id: &ExecutionId) -> Result<Option<StoredExecution>, StoreError> {
        if self.script.damaged.lock().unwrap().contains(id) {
            return Err(StoreError::Damaged {
                key: format!("x/{id}"),
                problem: "does not match its checksum".to_owned(),
            });
        }
        if let Some(left) = self.script.unread.lock().unwrap().get_mut(id)
            && *left > 0
        {
            *left -= 1;
            return Err(StoreError::Io("the disk failed, as asked for".into()));
        }
        // As from a disk, nothing is read at once.
        tokio::task::yield_now().await;
        self.store.load(id).await
    }
}
