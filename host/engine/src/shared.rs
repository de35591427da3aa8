//! What every request and every execution shares.

use std::sync::Arc;

use arc_swap::ArcSwap;
use asl::jsonata::Evaluator;
use auth::authority::AuthorityVersion;
use ports::{
    Archive, Backups, Catalogue, Clock, Commit, CommitError, Egress, Journal, Receipt, Retention,
    Runner, StoreError, Tracer, Volumes,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::alarms::NextAlarm;
use crate::authority::Authority;
use crate::express::Table;
use crate::followers::Followers;
use crate::metrics::Metrics;
use crate::pressure::Pressure;
use crate::room::Room;
use crate::roster::Roster;
use crate::taking_up::Stranded;
use crate::tasks::Desk;
use crate::{Config, Error};

/// Everything the engine reaches the outside world through.
#[derive(Clone)]
pub struct Ports {
    /// Writes transitions.
    pub journal: Arc<dyn Journal>,
    /// Reads what was written.
    pub archive: Arc<dyn Archive>,
    /// Makes backups.
    pub backups: Arc<dyn Backups>,
    /// Reads documents.
    pub catalogue: Arc<dyn Catalogue>,
    /// Says what need not be kept any longer.
    pub retention: Arc<dyn Retention>,
    /// Runs components.
    pub runner: Arc<dyn Runner>,
    /// Evaluates JSONata.
    pub evaluator: Arc<dyn Evaluator>,
    /// Makes requests that Tasks ask for themselves.
    pub egress: Arc<dyn Egress>,
    /// Reads and writes files for map runs.
    pub volumes: Arc<dyn Volumes>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Collects spans.
    pub tracer: Arc<dyn Tracer>,
}

/// Definitions that are judged, and states that are tested, at once on this host.
const JUDGED_AT_ONCE_MAX: usize = 2;
/// Files whose items are read at once on this host.
const READ_AT_ONCE_MAX: usize = 2;

pub(crate) struct Shared {
    pub(crate) ports: Ports,
    pub(crate) config: Config,
    /// Executions whose steps are in memory.
    pub(crate) express: Arc<Table>,
    pub(crate) arrivals: Arc<Semaphore>,
    pub(crate) roster: Roster,
    pub(crate) followers: Arc<Followers>,
    pub(crate) stranded: Stranded,
    pub(crate) next_alarm: NextAlarm,
    /// Somebody set the clock: timers are to be looked at again.
    pub(crate) clock_set: Notify,
    pub(crate) room: Arc<Room>,
    pub(crate) pressure: Pressure,
    judgements: Arc<Semaphore>,
    readings: Arc<Semaphore>,
    /// A permit for each processor: steps that may evaluate JSONata take one, in turn.
    pub(crate) evaluating: Semaphore,
    pub(crate) tasks: TaskTracker,
    pub(crate) draining: CancellationToken,
    pub(crate) killed: CancellationToken,
    pub(crate) recovered: CancellationToken,
    pub(crate) failed: CancellationToken,
    authority: ArcSwap<Authority>,
    changing: tokio::sync::Mutex<()>,
    /// How many executions have ended on this host.
    pub(crate) ended: watch::Sender<u64>,
    /// Where tasks that wait for workers are on offer.
    pub(crate) desk: Desk,
    pub(crate) metrics: Metrics,
}

/// Whether a commit is the first of an execution that no other one waits for.
fn is_clients_start(commit: &Commit) -> bool {
    let execution = commit.execution.as_ref();
    let start = execution.and_then(|execution| execution.start.as_ref());
    start.is_some_and(|start| start.selection.parent.is_none())
}

/// How many steps may evaluate at once.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl Shared {
    pub(crate) fn new(ports: Ports, config: Config, authority: Authority) -> Self {
        Self {
            express: Arc::new(Table::new(&config)),
            arrivals: Arc::new(Semaphore::new(config.executions_arriving_max.max(1))),
            roster: Roster::default(),
            followers: Arc::default(),
            stranded: Stranded::default(),
            next_alarm: NextAlarm::default(),
            clock_set: Notify::new(),
            room: Arc::new(Room::new(config.attempts_running_max)),
            pressure: Pressure::new(&config),
            judgements: Arc::new(Semaphore::new(JUDGED_AT_ONCE_MAX)),
            readings: Arc::new(Semaphore::new(READ_AT_ONCE_MAX)),
            evaluating: Semaphore::new(processors()),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            killed: CancellationToken::new(),
            recovered: CancellationToken::new(),
            failed: CancellationToken::new(),
            authority: ArcSwap::from_pointee(authority),
            changing: tokio::sync::Mutex::new(()),
            ended: watch::Sender::new(0),
            desk: Desk::new(&config),
            metrics: Metrics::default(),
            ports,
            config,
        }
    }

    pub(crate) fn authority(&self) -> Arc<Authority> {
        self.authority.load_full()
    }

    /// Takes the one lane through which documents and authority change.
    pub(crate) async fn change(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// Puts a changed authority in force; the caller holds the lane of [`Self::change`].
    pub(crate) fn put_in_force(&self, authority: Authority) {
        let authority = Arc::new(authority);
        self.authority.store(Arc::clone(&authority));
        self.room.put_in_force(&authority);
    }

    /// Waits until the authority in force here is at least `version`, reading it anew if some
    /// other host moved it.
    pub(crate) async fn catch_up(
        &self,
        version: AuthorityVersion,
    ) -> Result<Arc<Authority>, Error> {
        let _lane = self.change().await;
        let current = self.authority();
        if current.version >= version {
            return Ok(current);
        }
        let policies = Arc::clone(&current.policies);
        let authority = Authority::load(self.ports.catalogue.as_ref(), policies, version).await?;
        self.put_in_force(authority);
        Ok(self.authority())
    }

    /// Judges off the async threads, first come first served. A judgement whose asker has gone
    /// keeps its place until it is done.
    pub(crate) async fn judged<T: Send + 'static>(
        &self,
        judge: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let place = Arc::clone(&self.judgements).acquire_owned().await;
        let place = place.map_err(Error::host)?;
        let judging = tokio::task::spawn_blocking(move || {
            let judged = judge();
            drop(place);
            judged
        });
        judging.await.map_err(Error::host)
    }

    /// Waits for its turn to hold a file of items in memory.
    pub(crate) async fn reading(&self) -> Result<OwnedSemaphorePermit, Error> {
        let readings = Arc::clone(&self.readings);
        readings.acquire_owned().await.map_err(Error::host)
    }

    /// Commits, and remembers a store that can no longer write.
    pub(crate) async fn commit(&self, commit: Commit) -> Result<Receipt, CommitError> {
        // A client's start was counted when it had its turn.
        let step = (!is_clients_start(&commit)).then(|| self.pressure.commits.step());
        let result = self.commit_in_turn(commit).await;
        drop(step);
        result
    }

    /// The same, for a commit that was counted when it had its turn.
    pub(crate) async fn commit_in_turn(&self, commit: Commit) -> Result<Receipt, CommitError> {
        let begun = Instant::now();
        let result = self.ports.journal.commit(commit).await;
        self.metrics
            .commit_seconds
            .observe(begun.elapsed().as_secs_f64());
        if let Err(CommitError::Store(error @ (StoreError::Io(_) | StoreError::Closed))) = &result {
            self.fail(error);
        }
        result
    }

    /// The store is lost to this host.
    pub(crate) fn fail(&self, error: &StoreError) {
        if !self.failed.is_cancelled() {
            tracing::error!(%error, "the store failed, nothing is acknowledged any more");
            self.failed.cancel();
        }
    }
}
