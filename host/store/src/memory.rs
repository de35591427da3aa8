//! A store without a disk, with the same keys, checks and order as the real one, that can be
//! told to fail or to crash. For simulations: nothing survives the process.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asl::{ExecutionId, Timestamp};
use async_trait::async_trait;
use auth::names::Digest;
use bytes::Bytes;
use ports::{
    Alarm, Alarms, Archive, Catalogue, Chain, Claim, Commit, CommitError, Description, Document,
    ExecutionFilter, Fence, Head, HistoryCursor, HistoryPage, Journal, Key, Kind, Page, Receipt,
    Sealed, StoreError, StoredExecution,
};
use sled::IVec;

use crate::entries::{Entries, Order};
use crate::ledger::Ledger;
use crate::prepare::Prepared;
use crate::read;
use crate::staged::Staged;

/// What happens at a commit instead of its success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk fails: nothing is written, and this and every later commit is an error; what
    /// was durable can still be read.
    Fail,
    /// The host dies before the write is synced: the commit is lost and every call fails.
    CrashBefore,
    /// The host dies after the write is synced but before the answer: the commit is durable
    /// and every call fails.
    CrashAfter,
}

/// A store in memory. [`Self::reopen`] is what the next host finds.
pub struct MemoryStore {
    chain: Arc<dyn Chain>,
    tree: Arc<Tree>,
    fence: Fence,
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
            host: Mutex::new(host),
        })
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
        let mut host = self.host();
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
        let fault = host
            .fault
            .filter(|(at, _)| *at == host.commits)
            .map(|(_, fault)| fault);
        match fault {
            None => {
                self.tree.write(staged);
                Ok(receipt)
            }
            Some(Fault::Fail) => {
                let error = StoreError::Io("the disk failed, as asked for".into());
                host.refuses_writes = Some(error.clone());
                Err(error.into())
            }
            Some(Fault::CrashBefore) => {
                host.is_dead = true;
                Err(StoreError::Closed.into())
            }
            Some(Fault::CrashAfter) => {
                host.is_dead = true;
                self.tree.write(staged);
                Err(StoreError::Closed.into())
            }
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
        self.write(Prepared::new(commit)?)
    }

    async fn fence(&self) -> Result<Fence, StoreError> {
        self.entries()?;
        Ok(self.fence)
    }

    async fn claim(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<Claim>, StoreError> {
        read::claim(self.entries()?, self.fence, after.as_ref(), limit)
    }

    async fn alarms(
        &self,
        until: Timestamp,
        after: Option<Alarm>,
        limit: usize,
    ) -> Result<Alarms, StoreError> {
        read::alarms(self.entries()?, until, after.as_ref(), limit)
    }

    async fn load(&self, id: &ExecutionId) -> Result<Option<StoredExecution>, StoreError> {
        read::load(self.entries()?, id)
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
        read::documents(self.entries()?, kind, after.as_ref(), limit)
    }

    async fn blob(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        read::blob(self.entries()?, digest)
    }
}

#[async_trait]
impl Archive for MemoryStore {
    async fn execution(&self, id: &ExecutionId) -> Result<Option<Description>, StoreError> {
        read::execution(self.entries()?, id)
    }

    async fn execution_named(
        &self,
        machine_arn: &str,
        name: &str,
    ) -> Result<Option<ExecutionId>, StoreError> {
        read::execution_named(self.entries()?, machine_arn, name)
    }

    async fn executions(
        &self,
        filter: ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Description, ExecutionId>, StoreError> {
        read::executions(self.entries()?, &filter, before.as_ref(), limit)
    }

    async fn history(
        &self,
        id: &ExecutionId,
        cursor: HistoryCursor,
        limit: usize,
    ) -> Result<Option<HistoryPage>, StoreError> {
        read::history(self.entries()?, id, cursor, limit)
    }

    async fn audit(&self, after: u64, limit: usize) -> Result<(Vec<Sealed>, Head), StoreError> {
        read::audit(self.entries()?, after, limit)
    }
}

#[cfg(test)]
mod tests;
