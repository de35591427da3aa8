//! The embedded store: opening, closing, and the ports over it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use asl::{ExecutionId, Timestamp};
use async_trait::async_trait;
use auth::names::Digest;
use bytes::Bytes;
use ports::{
    Alarm, Alarms, Archive, Catalogue, Chain, Claim, Commit, CommitError, Description, Document,
    ExecutionFilter, Fence, Head, HistoryCursor, HistoryPage, Journal, Key, Kind, Page, Receipt,
    Sealed, StoreError, StoredExecution,
};
use tokio::sync::{mpsc, oneshot};

use crate::disk::{Disk, OpenError, SyncData, panicked};
use crate::durable::Durable;
use crate::ledger::Ledger;
use crate::prepare::{Prepared, refused};
use crate::read;
use crate::standings::REMEMBERED_MIN;
use crate::writer::{Failure, Request, Writer, group_bytes, write};

/// How long [`SledStore::open_when_free`] waits between two tries.
const RETRY: Duration = Duration::from_millis(100);

/// The limits of a [`SledStore`].
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// How much of the tree sled may keep in memory, in bytes. It lets go of pages in batches,
    /// so that a burst of reads goes over it.
    pub cache_bytes: u64,
    /// How many commits are written together at the most.
    pub group_commits_max: usize,
    /// How many bytes are written together, about; at most a quarter of a segment, 512 KiB.
    pub group_bytes_max: usize,
    /// How many commits wait at the most; more are held back in their callers.
    pub queue_commits_max: usize,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            cache_bytes: 8 * 1024 * 1024,
            group_commits_max: 256,
            group_bytes_max: 512 * 1024,
            queue_commits_max: 1024,
        }
    }
}

/// A store in a folder of this machine, for one process at a time.
pub struct SledStore {
    durable: Arc<Durable>,
    fence: Fence,
    failure: Failure,
    /// Taken by [`Self::close`].
    running: Mutex<Option<Running>>,
}

struct Running {
    requests: mpsc::Sender<Request>,
    thread: JoinHandle<()>,
}

impl SledStore {
    /// Opens the store in the folder `path`, which is created if it is not there.
    ///
    /// # Errors
    /// [`OpenError::InUse`] at once if another process has it open; damage; a folder that
    /// cannot be read or written.
    pub async fn open(
        path: &Path,
        config: StoreConfig,
        chain: Arc<dyn Chain>,
    ) -> Result<Self, OpenError> {
        Self::open_with(path, config, chain, Box::new(std::fs::File::sync_data)).await
    }

    /// Opens the store as soon as no other process has it open. `waiting` is called before
    /// each wait, with the time waited so far.
    ///
    /// # Errors
    /// As [`Self::open`], but [`OpenError::InUse`].
    pub async fn open_when_free(
        path: &Path,
        config: StoreConfig,
        chain: Arc<dyn Chain>,
        mut waiting: impl FnMut(Duration) + Send,
    ) -> Result<Self, StoreError> {
        let mut waited = Duration::ZERO;
        loop {
            match Self::open(path, config.clone(), Arc::clone(&chain)).await {
                Ok(store) => return Ok(store),
                Err(OpenError::Store(error)) => return Err(error),
                Err(OpenError::InUse(_)) => {
                    waiting(waited);
                    tokio::time::sleep(RETRY).await;
                    waited += RETRY;
                }
            }
        }
    }

    pub(crate) async fn open_with(
        path: &Path,
        config: StoreConfig,
        chain: Arc<dyn Chain>,
        sync_data: SyncData,
    ) -> Result<Self, OpenError> {
        let path = path.to_owned();
        blocking(move || Self::start(&path, &config, chain, sync_data)).await?
    }

    fn start(
        path: &Path,
        config: &StoreConfig,
        chain: Arc<dyn Chain>,
        sync_data: SyncData,
    ) -> Result<Self, OpenError> {
        let disk = Disk::open(path, config.cache_bytes)?;
        let durable = Arc::new(Durable::new(disk));
        let (ledger, staged) = Ledger::open(&*durable, chain)?;
        let mut disk_writer = durable.writer(ledger.links(), sync_data)?;
        write(&durable, &mut disk_writer, staged)?;
        let (sender, receiver) = mpsc::channel(config.queue_commits_max.max(1));
        let fence = ledger.fence();
        let failure = Failure::default();
        let writer = Writer {
            ledger,
            durable: Arc::clone(&durable),
            disk: disk_writer,
            requests: receiver,
            failure: failure.clone(),
            group_commits_max: config.group_commits_max.clamp(1, REMEMBERED_MIN),
            group_bytes_max: group_bytes(config.group_bytes_max),
        };
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        let thread = thread.spawn(move || writer.run());
        let thread =
            thread.map_err(|error| refused(format!("cannot start the writer: {error}")))?;
        Ok(Self {
            durable,
            fence,
            failure,
            running: Mutex::new(Some(Running {
                requests: sender,
                thread,
            })),
        })
    }

    /// Writes what waits, then lets go of the folder, so that another process can open it at
    /// once. Reading and writing fail with [`StoreError::Closed`] from then on.
    ///
    /// # Errors
    /// The folder could not be let go of; everything acknowledged is on disk all the same.
    pub async fn close(&self) -> Result<(), StoreError> {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(Running { requests, thread }) = running else {
            return Ok(());
        };
        drop(requests);
        let durable = Arc::clone(&self.durable);
        blocking(move || {
            thread.join().map_err(|payload| panicked(&*payload))?;
            durable.take().map_or(Ok(()), Disk::close)
        })
        .await?
    }

    /// The way to the writer, until the store is closed.
    fn requests(&self) -> Option<mpsc::Sender<Request>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map(|running| running.requests.clone())
    }

    /// Runs a read outside the async threads.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Durable) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let durable = Arc::clone(&self.durable);
        blocking(move || read(&durable)).await?
    }
}

/// Runs what waits for the disk outside the async threads; a panic becomes an error.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| match error.try_into_panic() {
        Ok(payload) => panicked(&*payload),
        Err(_) => StoreError::Closed,
    })
}

#[async_trait]
impl Journal for SledStore {
    async fn commit(&self, commit: Commit) -> Result<Receipt, CommitError> {
        let commit = match commit.blobs.is_empty() {
            true => Prepared::new(commit)?,
            false => blocking(move || Prepared::new(commit)).await??,
        };
        let requests = self.requests().ok_or(StoreError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let request = Request { commit, answer };
        requests
            .send(request)
            .await
            .map_err(|_| self.failure.error())?;
        if let Ok(answer) = answered.await {
            return answer;
        }
        // The writer says why it ends before it closes the channel.
        requests.closed().await;
        Err(self.failure.error().into())
    }

    async fn fence(&self) -> Result<Fence, StoreError> {
        Ok(self.fence)
    }

    async fn claim(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<Claim>, StoreError> {
        let fence = self.fence;
        self.read(move |entries| read::claim(entries, fence, after.as_ref(), limit))
            .await
    }

    async fn alarms(
        &self,
        until: Timestamp,
        after: Option<Alarm>,
        limit: usize,
    ) -> Result<Alarms, StoreError> {
        self.read(move |entries| read::alarms(entries, until, after.as_ref(), limit))
            .await
    }

    async fn load(&self, id: &ExecutionId) -> Result<Option<StoredExecution>, StoreError> {
        let id = id.clone();
        self.read(move |entries| read::load(entries, &id)).await
    }
}

#[async_trait]
impl Catalogue for SledStore {
    async fn documents(
        &self,
        kind: Kind,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Vec<Document>, StoreError> {
        self.read(move |entries| read::documents(entries, kind, after.as_ref(), limit))
            .await
    }

    async fn blob(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        let digest = digest.clone();
        self.read(move |entries| read::blob(entries, &digest)).await
    }
}

#[async_trait]
impl Archive for SledStore {
    async fn execution(&self, id: &ExecutionId) -> Result<Option<Description>, StoreError> {
        let id = id.clone();
        self.read(move |entries| read::execution(entries, &id))
            .await
    }

    async fn execution_named(
        &self,
        machine_arn: &str,
        name: &str,
    ) -> Result<Option<ExecutionId>, StoreError> {
        let (machine_arn, name) = (machine_arn.to_owned(), name.to_owned());
        self.read(move |entries| read::execution_named(entries, &machine_arn, &name))
            .await
    }

    async fn executions(
        &self,
        filter: ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Description, ExecutionId>, StoreError> {
        self.read(move |entries| read::executions(entries, &filter, before.as_ref(), limit))
            .await
    }

    async fn history(
        &self,
        id: &ExecutionId,
        cursor: HistoryCursor,
        limit: usize,
    ) -> Result<Option<HistoryPage>, StoreError> {
        let id = id.clone();
        self.read(move |entries| read::history(entries, &id, cursor, limit))
            .await
    }

    async fn audit(&self, after: u64, limit: usize) -> Result<(Vec<Sealed>, Head), StoreError> {
        self.read(move |entries| read::audit(entries, after, limit))
            .await
    }
}

#[cfg(test)]
mod tests;
