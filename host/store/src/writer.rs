//! The one thread that writes: it takes the commits that wait, admits them in order, writes
//! them as one batch, and answers all of them once that is on disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ports::{CommitError, Receipt, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::disk::{DiskWriter, WRITE_BYTES_MAX, panicked};
use crate::durable::{Durable, Pending};
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::prepare::Prepared;
use crate::staged::Staged;

/// A value of this many bytes makes the writer look at `blobs/`.
const LARGE_BYTES: usize = 8 * 1024;

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
        let failure = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone().unwrap_or(StoreError::Closed)
    }

    fn set(&self, error: StoreError) {
        tracing::error!(%error, "the store cannot write any more");
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

/// Owns the end of the audit log and everything that writes.
pub(crate) struct Writer {
    pub(crate) ledger: Ledger,
    pub(crate) durable: Arc<Durable>,
    pub(crate) disk: DiskWriter,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) failure: Failure,
    pub(crate) metrics: Metrics,
    pub(crate) group_commits_max: usize,
    pub(crate) group_bytes_max: usize,
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
        if answers.iter().any(|(_, answer)| answer.is_ok()) {
            self.write(staged)?;
            let links = self.ledger.links();
            self.metrics
                .group_written(answers.len(), bytes, begun.elapsed(), links);
        }
        for (sender, answer) in answers {
            // Nobody has to wait for the answer.
            let _ = sender.send(answer);
        }
        Ok(next)
    }

    fn write(&mut self, mut staged: Staged) -> Result<(), StoreError> {
        self.ledger.stage_state(&*self.durable, &mut staged)?;
        write(&self.durable, &mut self.disk, staged)?;
        self.disk.note(self.ledger.links())
    }
}

/// Writes what is staged and shows it to readers once it is durable.
pub(crate) fn write(
    durable: &Durable,
    disk: &mut DiskWriter,
    staged: Staged,
) -> Result<(), StoreError> {
    let mut staged = staged.finish();
    disk.write_parts(std::mem::take(&mut staged.parts))?;
    let mut batch = sled::Batch::default();
    let mut pending = Pending::with_capacity(staged.changes.len());
    let mut has_large_values = false;
    for (key, change) in staged.changes {
        match change.after {
            Some(value) => {
                has_large_values |= value.len() > LARGE_BYTES;
                batch.insert(key.clone(), value);
            }
            None => batch.remove(key.clone()),
        }
        pending.insert(key, change.before);
    }
    durable.announce(pending);
    disk.write(batch, has_large_values)?;
    durable.withdraw();
    Ok(())
}

/// The limits of a group that the disk allows.
pub(crate) fn group_bytes(wanted: usize) -> usize {
    wanted.clamp(1, WRITE_BYTES_MAX)
}
