//! A store without a disk, with the same keys, checks and order as the real one, that can be
//! told to fail or to crash. For simulations: nothing survives the process.

mod weather;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asl::{ExecutionId, Timestamp};
use async_trait::async_trait;
use auth::names::Digest;
use bytes::Bytes;
use ports::{
    Alarm, Alarms, Archive, AuditPage, Backup, Backups, Catalogue, Chain, Claim, Commit,
    CommitError, Description, Document, Ended, EndedOrder, EndedPage, ExecutionFilter, Fence, Head,
    HistoryCursor, HistoryPage, HistoryPayloads, Journal, Key, Kind, ListCursor, Page, Receipt,
    Retention, StoreError, StoredExecution,
};
use sled::IVec;

use crate::backup::Export;
use crate::entries::{Entries, Order};
use crate::ledger::Ledger;
use crate::prepare::Prepared;
use crate::read;
use crate::staged::Staged;
use weather::Handed;
pub use weather::Weather;

/// What happens at a commit instead of its success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk fails: nothing is written, and this and every later commit is an error; what
    /// was durable can still be read.
    Fail,
    /// The disk fails while it syncs: this and every later commit is an error, though what was
    /// written turns out to be durable.
    FailLate,
    /// The host dies before the write is synced: the commit is lost and every call fails.
    CrashBefore,
    /// The host dies after the write is synced but before the answer: the commit is durable
    /// and every call fails.
    CrashAfter,
    /// The disk has no room: nothing is written, and this commit alone is an error.
    Full,
}

/// A store in memory. [`Self::reopen`] is what the next host finds.
pub struct MemoryStore {
    chain: Arc<dyn Chain>,
    tree: Arc<Tree>,
    fence: Fence,
    weather: Option<Arc<dyn Weather>>,
    host: Mutex<Host>,
}

/// What one opening of the store knows.
struct Host {
    ledger: Ledger,
    commits: u64,
    fault: Option<(u64, Fault)>,
    refuses_writes: Option<StoreError>,
    is_dead: bool,
}

impl MemoryStore {
    /// Makes an empty store.
    pub fn new(chain: Arc<dyn Chain>) -> Self {
        Self::open(chain, Arc::default())
            .expect("an empty tree holds nothing that could be damaged")
    }

    /// Ends this opening, if it has not died yet, and opens what is durable again, under the
    /// next fence and without faults to come.
    ///
    /// # Errors
    /// What is durable does not fit together.
    pub fn reopen(&self) -> Result<Self, StoreError> {
        self.host().is_dead = true;
        Self::open(Arc::clone(&self.chain), Arc::clone(&self.tree))
    }

    /// Makes the `commit`th commit of this opening, counted from 1, end with `fault`. Commits
    /// that a check refuses do not count.
    pub fn fault_at(&self, commit: u64, fault: Fault) {
        self.host().fault = Some((commit, fault));
    }

    /// How many commits of this opening passed the checks.
    pub fn commits(&self) -> u64 {
        self.host().commits
    }

    fn open(chain: Arc<dyn Chain>, tree: Arc<Tree>) -> Result<Self, StoreError> {
        let (ledger, staged) = Ledger::open(&*tree, Arc::clone(&chain))?;
        tree.write(staged);
        let fence = ledger.fence();
        let host = Host {
            ledger,
            commits: 0,
            fault: None,
            refuses_writes: None,
            is_dead: false,
        };
        Ok(Self {
            chain,
            tree,
            fence,
            weather: None,
            host: Mutex::new(host),
        })
    }

    /// The same store, whose calls this weather falls upon.
    pub fn under(self, weather: Arc<dyn Weather>) -> Self {
        let weather = Some(weather);
        Self { weather, ..self }
    }

    /// Ends this opening as a crash does.
    pub fn crash(&self) {
        self.host().is_dead = true;
    }

    fn host(&self) -> MutexGuard<'_, Host> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tree, while the host lives.
    fn entries(&self) -> Result<&Tree, StoreError> {
        match self.host().is_dead {
            true => Err(StoreError::Closed),
            false => Ok(&self.tree),
        }
    }

    fn write(&self, commit: Prepared) -> Result<Receipt, CommitError> {
        self.write_under(commit, || None).0
    }

    /// What the asker is told, and what was written.
    fn write_under(
        &self,
        commit: Prepared,
        strikes: impl FnOnce() -> Option<Fault>,
    ) -> (Result<Receipt, CommitError>, Option<Receipt>) {
        let mut host = self.host();
        let before = host.ledger.mark();
        match self.staged(&mut host, commit) {
            Err(refused) => (Err(refused), None),
            Ok((staged, receipt)) => {
                let fault = host.due_fault().or_else(strikes);
                let result = host.strike(fault).map(|()| receipt).map_err(Into::into);
                let is_lost = matches!(fault, Some(Fault::Fail | Fault::CrashBefore | Fault::Full));
                if fault == Some(Fault::Full) {
                    host.ledger.back_to(before);
                }
                if !is_lost {
                    self.tree.write(staged);
                }
                (result, (!is_lost).then_some(receipt))
            }
        }
    }

    /// What a commit changes, if it passes the checks.
    fn staged(&self, host: &mut Host, commit: Prepared) -> Result<(Staged, Receipt), CommitError> {
        if host.is_dead {
            return Err(StoreError::Closed.into());
        }
        if let Some(error) = &host.refuses_writes {
            return Err(error.clone().into());
        }
        let mut staged = Staged::default();
        let receipt = host.ledger.admit(&*self.tree, &mut staged, commit)?;
        host.ledger.stage_state(&mut staged);
        host.commits += 1;
        Ok((staged, receipt))
    }
}

impl Host {
    fn due_fault(&self) -> Option<Fault> {
        let (at, fault) = self.fault?;
        (at == self.commits).then_some(fault)
    }

    /// Lets a fault have its effect on this and every later commit.
    fn strike(&mut self, fault: Option<Fault>) -> Result<(), StoreError> {
        match fault {
            None => Ok(()),
            Some(Fault::Fail | Fault::FailLate) => {
                let error = StoreError::Io("the disk failed, as asked for".into());
                self.refuses_writes = Some(error.clone());
                Err(error)
            }
            Some(Fault::CrashBefore | Fault::CrashAfter) => {
                self.is_dead = true;
                Err(StoreError::Closed)
            }
            Some(Fault::Full) => Err(StoreError::Full {
                free_bytes: 0,
                reserve_bytes: 1,
            }),
        }
    }
}

/// What is durable.
#[derive(Default)]
struct Tree(Mutex<BTreeMap<IVec, IVec>>);

impl Tree {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<IVec, IVec>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, staged: Staged) {
        let staged = staged.finish();
        let mut tree = self.lock();
        tree.extend(staged.parts);
        for (key, value) in staged.changes {
            match value {
                Some(value) => drop(tree.insert(key, value)),
                None => drop(tree.remove(&key)),
            }
        }
    }
}

impl Entries for Tree {
    fn entry(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        Ok(self.lock().get(key).cloned())
    }

    fn range(
        &self,
        range: Range<Vec<u8>>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(IVec, IVec)>, StoreError> {
        if range.start >= range.end {
            return Ok(Vec::new());
        }
        let tree = self.lock();
        let range = tree.range(IVec::from(range.start)..IVec::from(range.end));
        let copy = |(key, value): (&IVec, &IVec)| (key.clone(), value.clone());
        Ok(match order {
            Order::Forward => range.take(limit).map(copy).collect(),
            Order::Backward => range.rev().take(limit).map(copy).collect(),
        })
    }
}

#[async_trait]
impl Journal for MemoryStore {
    async fn commit(&self, commit: Commit) -> Result<Receipt, CommitError> {
        let Some(weather) = &self.weather else {
            return self.write(Prepared::new(self.entries()?, commit)?);
        };
        let handed = Handed {
            store: self,
            weather: weather.as_ref(),
            commit: Some(commit),
        };
        handed.answered().await
    }

    async fn fence(&self) -> Result<Fence, StoreError> {
        self.reading(|_| Ok(self.fence)).await
    }

    async fn claim(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<Claim>, StoreError> {
        self.reading(|tree| read::claim(tree, self.fence, after.as_ref(), limit))
            .await
    }

    async fn alarms(
        &self,
        until: Timestamp,
        after: Option<Alarm>,
        limit: usize,
    ) -> Result<Alarms, StoreError> {
        self.reading(|tree| read::alarms(tree, until, after.as_ref(), limit))
            .await
    }

    async fn load(&self, id: &ExecutionId) -> Result<Option<StoredExecution>, StoreError> {
        self.reading(|tree| read::load(tree, id)).await
    }
}

#[async_trait]
impl Backups for MemoryStore {
    async fn backup(&self) -> Result<Option<Box<dyn Backup>>, StoreError> {
        let entries = self.entries()?.lock().clone();
        let copy = Tree(Mutex::new(entries));
        Ok(Some(Box::new(Export::new(copy))))
    }
}

#[async_trait]
impl Catalogue for MemoryStore {
    async fn documents(
        &self,
        kind: Kind,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Vec<Document>, StoreError> {
        self.reading(|tree| read::documents(tree, kind, after.as_ref(), limit))
            .await
    }

    async fn blob(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        self.reading(|tree| read::blob(tree, digest)).await
    }
}

#[async_trait]
impl Archive for MemoryStore {
    async fn execution(&self, id: &ExecutionId) -> Result<Option<Description>, StoreError> {
        self.reading(|tree| read::execution(tree, id)).await
    }

    async fn execution_named(
        &self,
        machine_arn: &str,
        name: &str,
    ) -> Result<Option<ExecutionId>, StoreError> {
        self.reading(|tree| read::execution_named(tree, machine_arn, name))
            .await
    }

    async fn executions(
        &self,
        filter: ExecutionFilter,
        cursor: Option<ListCursor>,
        limit: usize,
    ) -> Result<Page<Description, ListCursor>, StoreError> {
        self.reading(|tree| read::executions(tree, &filter, cursor.as_ref(), limit))
            .await
    }

    async fn history(
        &self,
        id: &ExecutionId,
        cursor: HistoryCursor,
        payloads: HistoryPayloads,
        limit: usize,
    ) -> Result<Option<HistoryPage>, StoreError> {
        self.reading(|tree| read::history(tree, id, cursor, payloads, limit))
            .await
    }

    async fn audit(&self, after: u64, limit: usize) -> Result<AuditPage, StoreError> {
        self.reading(|tree| read::audit(tree, after, limit)).await
    }
}

#[async_trait]
impl Retention for MemoryStore {
    async fn ended(
        &self,
        order: EndedOrder,
        beyond: Option<Ended>,
        limit: usize,
    ) -> Result<EndedPage, StoreError> {
        read::ended(self.entries()?, order, beyond.as_ref(), limit)
    }

    async fn revisions_used(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<(ExecutionId, Key)>, StoreError> {
        read::revisions_used(self.entries()?, after.as_ref(), limit)
    }

    async fn leftovers(&self, limit: usize) -> Result<Vec<Ended>, StoreError> {
        read::leftovers(self.entries()?, limit)
    }

    async fn prunable(&self, before: Timestamp) -> Result<Option<Head>, StoreError> {
        read::prunable(self.entries()?, before)
    }

    async fn oldest_link(&self) -> Result<Option<Timestamp>, StoreError> {
        read::oldest_link(self.entries()?)
    }
}

#[cfg(test)]
mod tests;
