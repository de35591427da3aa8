//! The one thread that writes: it takes the commits that wait, admits them in order, appends
//! them to the log as one frame, and answers all of them once that is on disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ports::{CommitError, Receipt, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::base::panicked;
use crate::durable::Durable;
use crate::flusher::Frozen;
use crate::folder::failure;
use crate::ledger::Ledger;
use crate::log::{AppendError, FrameBuilder, Log};
use crate::metrics::Metrics;
use crate::prepare::Prepared;
use crate::staged::Staged;
use crate::watermark::Watermark;

/// So many tables' worth may wait for the base before commits wait for it too.
const TABLES_BEHIND_MAX: usize = 4;

/// One commit and whoever waits for it.
pub(crate) struct Request {
    pub(crate) commit: Prepared,
    pub(crate) answer: oneshot::Sender<Result<Receipt, CommitError>>,
}

/// Why nothing can be written any more; empty while all is well.
#[derive(Clone, Default)]
pub(crate) struct Failure(Arc<Mutex<Option<StoreError>>>);

impl Failure {
    /// What every commit is told from the failure on, or after closing.
    pub(crate) fn error(&self) -> StoreError {
        self.get().unwrap_or(StoreError::Closed)
    }

    pub(crate) fn get(&self) -> Option<StoreError> {
        let failure = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone()
    }

    pub(crate) fn set(&self, error: StoreError) {
        tracing::error!(%error, "the store cannot write any more");
        let mut failure = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
    }
}

/// Owns the end of the audit log and everything that is acknowledged.
pub(crate) struct Writer {
    pub(crate) ledger: Ledger,
    pub(crate) durable: Arc<Durable>,
    pub(crate) log: Log,
    pub(crate) watermark: Watermark,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) flusher: SyncSender<Frozen>,
    /// The number of the last frame that is in the base.
    pub(crate) applied: Arc<AtomicU64>,
    pub(crate) failure: Failure,
    pub(crate) metrics: Metrics,
    /// Whether the last frame was refused for lack of room.
    pub(crate) is_full: bool,
    pub(crate) group_commits_max: usize,
    pub(crate) group_bytes_max: usize,
    pub(crate) table_bytes_max: usize,
    /// How large the table over the base is, in bytes.
    pub(crate) table_bytes: usize,
}

impl Writer {
    /// Writes until nobody can send any more, or until a write fails. Whoever still waits then
    /// finds the answer gone, and the failure set once the channel is closed.
    pub(crate) fn run(mut self) {
        let failure = self.failure.clone();
        let written = catch_unwind(AssertUnwindSafe(|| self.write_all()));
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failure.set(error),
            Err(payload) => failure.set(panicked(&*payload)),
        }
        if let Err(error) = self.watermark.sync() {
            tracing::warn!(%error, "the watermark could not be synced");
        }
    }

    fn write_all(&mut self) -> Result<(), StoreError> {
        let mut next = self.requests.blocking_recv();
        while let Some(first) = next {
            next = self
                .write_group(first)?
                .or_else(|| self.requests.blocking_recv());
        }
        Ok(())
    }

    /// Writes `first` and what waits behind it; hands out a request that did not fit.
    fn write_group(&mut self, first: Request) -> Result<Option<Request>, StoreError> {
        let begun = Instant::now();
        let before = self.ledger.mark();
        let mut staged = Staged::default();
        let mut answers = Vec::new();
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(request) = next {
            let is_full = answers.len() >= self.group_commits_max
                || bytes + request.commit.bytes > self.group_bytes_max;
            if is_full && !answers.is_empty() {
                next = Some(request);
                break;
            }
            bytes += request.commit.bytes;
            let answer = self
                .ledger
                .admit(&*self.durable, &mut staged, request.commit);
            answers.push((request.answer, answer));
            next = self.requests.try_recv().ok();
        }
        let has_some = answers.iter().any(|(_, answer)| answer.is_ok());
        let refused = match has_some {
            true => self.write(staged)?,
            false => None,
        };
        match refused {
            Some(_) => self.ledger.back_to(before),
            None if has_some => {
                let group = (answers.len(), bytes);
                self.metrics
                    .group_written(group, begun.elapsed(), &self.ledger);
            }
            None => {}
        }
        for (sender, answer) in answers {
            // What refused a commit may be one that was not written either.
            let answer = match &refused {
                Some(error) => Err(CommitError::Store(error.clone())),
                None => answer,
            };
            // Nobody has to wait for the answer.
            let _ = sender.send(answer);
        }
        Ok(next)
    }

    /// Writes what is staged; hands out why not, where the disk has no room and nothing was
    /// written.
    fn write(&mut self, mut staged: Staged) -> Result<Option<StoreError>, StoreError> {
        if let Some(error) = self.failure.get() {
            return Err(error);
        }
        self.ledger.stage_state(&mut staged);
        let table_bytes = match append(&mut self.log, &self.durable, staged) {
            Ok(table_bytes) => table_bytes,
            Err(AppendError::Full(error)) => {
                if !std::mem::replace(&mut self.is_full, true) {
                    tracing::error!(%error, "commits are refused");
                }
                return Ok(Some(error));
            }
            Err(AppendError::Failed(error)) => return Err(error),
        };
        if std::mem::take(&mut self.is_full) {
            tracing::info!("the disk has room again, commits are written");
        }
        note(&mut self.watermark, self.ledger.links())?;
        self.metrics.table_changed(self.table_bytes, table_bytes);
        self.table_bytes = table_bytes;
        if table_bytes >= self.table_bytes_max {
            self.flush(table_bytes)?;
        }
        Ok(None)
    }

    /// Has the table written to the base, and lets go of what the log need not keep.
    fn flush(&mut self, table_bytes: usize) -> Result<(), StoreError> {
        self.log.release(self.applied.load(Ordering::Acquire));
        if table_bytes >= self.table_bytes_max.saturating_mul(TABLES_BEHIND_MAX) {
            self.durable.wait_thawed();
        }
        let has_space = self.log.has_space().unwrap_or_else(|error| {
            tracing::warn!(%error, "what is in the log stays there for now");
            false
        });
        if !has_space {
            return Ok(());
        }
        let Some(table) = self.durable.freeze() else {
            return Ok(());
        };
        self.table_bytes = 0;
        let through = self.log.last();
        let sent = self.flusher.send(Frozen { table, through });
        sent.map_err(|_| self.failure.error())
    }
}

/// Appends what is staged to the log, and shows it to readers once it is durable; hands out how
/// large the table is, in bytes.
pub(crate) fn append(
    log: &mut Log,
    durable: &Durable,
    staged: Staged,
) -> Result<usize, AppendError> {
    append_by(Log::append, log, durable, staged)
}

/// The same for what a store has to write before it can be read, into the last of the disk.
pub(crate) fn append_opening(
    log: &mut Log,
    durable: &Durable,
    staged: Staged,
) -> Result<usize, AppendError> {
    append_by(Log::append_at_all_costs, log, durable, staged)
}

fn append_by(
    append: impl FnOnce(&mut Log, FrameBuilder) -> Result<(), AppendError>,
    log: &mut Log,
    durable: &Durable,
    staged: Staged,
) -> Result<usize, AppendError> {
    let staged = staged.finish();
    let mut frame = FrameBuilder::new();
    for (key, value) in &staged.parts {
        frame.push(key, Some(value));
    }
    for (key, value) in &staged.changes {
        frame.push(key, value.as_deref());
    }
    append(log, frame)?;
    let parts = staged.parts.into_iter();
    let parts = parts.map(|(key, value)| (key, Some(value)));
    Ok(durable.show(parts.chain(staged.changes)))
}

/// Notes that the audit log has this many links on disk.
pub(crate) fn note(watermark: &mut Watermark, links: u64) -> Result<(), StoreError> {
    let noted = watermark.note(links);
    noted.map_err(|error| failure(format!("writing the watermark: {error}")))
}
