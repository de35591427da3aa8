//! The embedded store: opening and closing it. What is asked of it is in the file of each port.

mod archive;
mod backups;
mod catalogue;
mod journal;
mod retention;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ports::{Chain, Fence, StoreError};
use tokio::sync::mpsc;

use crate::base::{Base, panicked};
use crate::durable::{Durable, KEPT_BYTES_MAX};
use crate::flusher::Flusher;
use crate::folder::failed_at;
use crate::ledger::{Ledger, links};
use crate::log::{self, AppendError, Log, SyncData};
use crate::metrics::Metrics;
use crate::prepare::refused;
use crate::standings::REMEMBERED_MIN;
use crate::table::Table;
use crate::upgrade::upgrade;
use crate::watermark::Watermark;
use crate::writer::{Failure, Request, Writer, append, append_opening, note};

/// Why a store could not be opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open; try again once that one has ended.
    #[error("the store `{}` is in use by another process", .0.display())]
    InUse(PathBuf),
    /// It cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

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
    /// How many bytes are written together, about.
    pub group_bytes_max: usize,
    /// How many commits wait at the most; more are held back in their callers.
    pub queue_commits_max: usize,
    /// How many bytes of changes are kept in memory, about, before they are written to the base.
    pub table_bytes_max: usize,
    /// How much is kept in memory for a backup that is read while the base is written, in bytes;
    /// one that would need more breaks off.
    pub backup_bytes_max: usize,
    /// How many bytes of the disk are left free: below, nothing is written but what makes room.
    pub reserve_bytes: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            cache_bytes: 8 * 1024 * 1024,
            group_commits_max: 256,
            group_bytes_max: 512 * 1024,
            queue_commits_max: 1024,
            table_bytes_max: 8 * 1024 * 1024,
            backup_bytes_max: KEPT_BYTES_MAX,
            reserve_bytes: 64 * 1024 * 1024,
        }
    }
}

/// A store in a folder of this machine, for one process at a time.
pub struct SledStore {
    durable: Arc<Durable>,
    fence: Fence,
    failure: Failure,
    metrics: Metrics,
    /// Taken by [`Self::close`].
    running: Mutex<Option<Running>>,
}

struct Running {
    requests: mpsc::Sender<Request>,
    writer: JoinHandle<()>,
    flusher: JoinHandle<()>,
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
        let base = Base::open(path, config.cache_bytes)?;
        let base_writer = base.writer();
        let applied = base.applied()?;
        let mut table = Table::default();
        let log_path = path.join("log");
        let recovered = log::recover(&log_path, applied, |(key, value)| table.put(key, value))?;
        let durable = Durable::new(base, table).keeping(config.backup_bytes_max);
        let durable = Arc::new(durable);
        let mut watermark = open_watermark(path, links(&*durable)?)?;
        let metrics = Metrics::default();
        let sync_data = metrics.measured(sync_data);
        let mut log = Log::open(&log_path, recovered, config.reserve_bytes, sync_data)?;
        upgrade(&*durable, |staged| {
            let appended = append(&mut log, &durable, staged);
            let table_bytes = appended.map_err(AppendError::into_inner)?;
            if table_bytes > config.table_bytes_max
                && let Some(table) = durable.freeze()
            {
                base_writer.write(&table, log.last(), &durable)?;
                durable.thaw(true);
            }
            Ok(())
        })?;
        let (ledger, staged) = Ledger::open(&*durable, chain)?;
        let opened = append_opening(&mut log, &durable, staged);
        let table_bytes = opened.map_err(AppendError::into_inner)?;
        note(&mut watermark, ledger.links())?;

        let (sender, receiver) = mpsc::channel(config.queue_commits_max.max(1));
        let (freezing, tables) = std::sync::mpsc::sync_channel(1);
        let applied = Arc::new(AtomicU64::new(applied));
        metrics.ledger_stands(&ledger);
        metrics.table_changed(0, table_bytes);
        let fence = ledger.fence();
        let failure = Failure::default();
        let flusher = Flusher {
            base: base_writer,
            durable: Arc::clone(&durable),
            tables,
            applied: Arc::clone(&applied),
            failure: failure.clone(),
            metrics: metrics.clone(),
        };
        let writer = Writer {
            ledger,
            durable: Arc::clone(&durable),
            log,
            watermark,
            requests: receiver,
            flusher: freezing,
            applied,
            failure: failure.clone(),
            metrics: metrics.clone(),
            is_full: false,
            group_commits_max: config.group_commits_max.clamp(1, REMEMBERED_MIN),
            group_bytes_max: config.group_bytes_max,
            table_bytes_max: config.table_bytes_max,
            table_bytes,
        };
        let running = Running {
            requests: sender,
            flusher: thread("store-flusher", || flusher.run())?,
            writer: thread("store-writer", || writer.run())?,
        };
        Ok(Self {
            durable,
            fence,
            failure,
            metrics,
            running: Mutex::new(Some(running)),
        })
    }

    /// What the store counts and measures of itself.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
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
        let Some(running) = running else {
            return Ok(());
        };
        drop(running.requests);
        let durable = Arc::clone(&self.durable);
        blocking(move || {
            for thread in [running.writer, running.flusher] {
                thread.join().map_err(|payload| panicked(&*payload))?;
            }
            durable.take().map_or(Ok(()), Base::close)
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

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    let thread = thread.spawn(work);
    thread.map_err(|error| refused(format!("cannot start the thread `{name}`: {error}")))
}

/// Opens the note of how many links of the audit log were durable, of which `links` are there.
fn open_watermark(path: &Path, links: u64) -> Result<Watermark, StoreError> {
    let note_path = path.join("watermark");
    let (watermark, durable) =
        Watermark::open(&note_path).map_err(|error| failed_at(&note_path, &error))?;
    if links < durable {
        return Err(StoreError::Damaged {
            key: path.join("log").display().to_string(),
            problem: format!(
                "the audit log ends with record {links}, but record {durable} was durable: restore a backup, \
                 or remove `{}` to go on without what is missing",
                note_path.display()
            ),
        });
    }
    Ok(watermark)
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

#[cfg(test)]
mod tests;
