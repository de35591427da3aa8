//! What every request and every execution shares.

use std::future::Future;
use std::sync::Arc;

use arc_swap::ArcSwap;
use asl::ExecutionId;
use asl::jsonata::Evaluator;
use auth::authority::AuthorityVersion;
use auth::names::{Name, ServiceName};
use auth::policy::Policies;
use ports::{
    Archive, AuditRecord, Backups, Catalogue, Clock, Commit, CommitError, Decision, Egress,
    Journal, Receipt, Retention, Runner, StoreError, Tracer, Volumes,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::alarms::NextAlarm;
use crate::authority::Authority;
use crate::express::Table;
use crate::followers::Followers;
use crate::metrics::Metrics;
use crate::mocks::Mocks;
use crate::pressure::Pressure;
use crate::retention::RetentionRules;
use crate::room::{MachineLimits, Room};
use crate::roster::Roster;
use crate::taking_up::Stranded;
use crate::tasks::Desk;
use crate::{Error, Service};

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

/// The engine's limits and names.
#[derive(Clone, Debug)]
pub struct Config {
    /// The region in ARNs.
    pub region: String,
    /// The account in ARNs: twelve digits.
    pub account: String,
    /// Executions that may run at once on this host.
    pub executions_running_max: usize,
    /// Express executions that may run at once on this host.
    pub express_running_max: usize,
    /// Express executions that are kept in memory after their end.
    pub express_ended_max: usize,
    /// Memory that the steps of express executions may take, in bytes.
    pub express_bytes_max: usize,
    /// Executions that may be brought into memory at once, whatever asks for them.
    pub executions_arriving_max: usize,
    /// How soon a waiting execution must be due to stay in memory, in milliseconds.
    pub stay_ms: u64,
    /// Attempts that may run at once on this host.
    pub attempts_running_max: usize,
    /// How many of a hundred of what the host has one principal may have at once: of executions
    /// running, attempts waiting, starts waiting for the disk, workers waiting.
    pub principal_share_percent: usize,
    /// Attempts that may wait for room before starts are refused.
    pub attempts_waiting_max: usize,
    /// Commits and starts that may be on their way to the disk before starts are refused.
    pub commits_waiting_max: usize,
    /// Workers that may wait for tasks of activities.
    pub workers_waiting_max: usize,
    /// Attempts of one state machine that may run at once on this host.
    pub machine_attempts: MachineLimits,
    /// How long attempts may go on at shutdown, in milliseconds.
    pub drain_ms: u64,
    /// The largest definition, in bytes of JSON.
    pub definition_bytes_max: usize,
    /// The largest execution input, in bytes of JSON.
    pub input_bytes_max: usize,
    /// How large an execution may become.
    pub execution_limits: asl::Limits,
    /// Executions with more history events than this are told of in the log.
    pub history_events_warning: u64,
    /// The largest file that a map run reads its items from, in bytes.
    pub item_file_bytes_max: u64,
    /// The most items of one map run that are read from volumes.
    pub items_max: usize,
    /// The most bytes that the items of one map run from volumes have, as JSON.
    pub items_bytes_max: usize,
    /// What is kept for how long.
    pub retention: RetentionRules,
    /// Mocked answers for Tasks.
    pub mocks: Arc<Mocks>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            executions_running_max: 100_000,
            express_running_max: 10_000,
            express_ended_max: 1_000,
            express_bytes_max: 256 << 20,
            executions_arriving_max: 256,
            stay_ms: 1_000,
            attempts_running_max: 64,
            principal_share_percent: 50,
            attempts_waiting_max: 100_000,
            commits_waiting_max: 4_096,
            workers_waiting_max: 1_000,
            machine_attempts: MachineLimits::default(),
            drain_ms: 30_000,
            definition_bytes_max: 1 << 20,
            input_bytes_max: 256 << 10,
            execution_limits: asl::Limits::default(),
            history_events_warning: 20_000,
            item_file_bytes_max: 16 << 20,
            items_max: 100_000,
            items_bytes_max: 32 << 20,
            retention: RetentionRules::default(),
            mocks: Arc::default(),
        }
    }
}

/// Whether the engine can do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Ready,
    /// Executions of the last host are being taken up.
    Recovering,
    /// It is shutting down.
    Draining,
    /// The store failed; nothing is acknowledged any more.
    Failed,
}

/// Definitions that are judged, and states that are tested, at once on this host.
const JUDGED_AT_ONCE_MAX: usize = 2;
/// Files whose items are read at once on this host.
const READ_AT_ONCE_MAX: usize = 2;

/// The engine: cheap to clone, shared by every request.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

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
    /// Told each time an execution has ended.
    pub(crate) ended: Notify,
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

impl Engine {
    /// Reads the authority in force and prepares to run; [`Service::run`] does the running.
    ///
    /// # Errors
    /// The store is damaged or gone.
    pub async fn open(
        ports: Ports,
        config: Config,
        policies: Arc<Policies>,
    ) -> Result<(Self, Service), Error> {
        let version = announce_policies(&ports, &policies).await?;
        let authority = Authority::load(ports.catalogue.as_ref(), policies, version).await?;
        let shared = Arc::new(Shared {
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
            ended: Notify::new(),
            desk: Desk::new(&config),
            metrics: Metrics::default(),
            ports,
            config,
        });
        Ok((
            Self {
                shared: Arc::clone(&shared),
            },
            Service::new(shared),
        ))
    }

    /// The policies in force.
    pub fn policies(&self) -> Arc<Policies> {
        Arc::clone(&self.shared.authority().policies)
    }

    /// What the engine counts and measures of itself.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Whether the engine can do its work.
    pub fn health(&self) -> Health {
        if self.shared.failed.is_cancelled() {
            Health::Failed
        } else if self.shared.draining.is_cancelled() {
            Health::Draining
        } else if self.shared.recovered.is_cancelled() {
            Health::Ready
        } else {
            Health::Recovering
        }
    }
}

impl Engine {
    /// Waits until the executions of the last host are taken up, or this one is ending.
    pub async fn recovered(&self) {
        tokio::select! {
            biased;
            () = self.shared.recovered.cancelled() => {}
            () = self.shared.failed.cancelled() => {}
            () = self.shared.draining.cancelled() => {}
        }
    }
}

/// Records which policies come into force, and moves the authority on, so that nothing decided
/// under those of the last host can still be committed.
async fn announce_policies(ports: &Ports, policies: &Policies) -> Result<AuthorityVersion, Error> {
    let record = AuditRecord {
        at: ports.clock.now(),
        caller: None,
        through: "engine".to_owned(),
        action: "LoadPolicies".to_owned(),
        resource: "host".to_owned(),
        request: json!({"digest": policies.digest().to_string()}),
        decision: Decision::Allowed { rules: Vec::new() },
        outcome: Value::Null,
        execution: None,
        state: None,
        attempt: None,
        checkpoint: None,
    };
    let commit = Commit {
        moves_authority: true,
        audit: vec![record],
        ..Commit::default()
    };
    match ports.journal.commit(commit).await {
        Ok(receipt) => Ok(receipt.authority),
        Err(CommitError::Store(error)) => Err(error.into()),
        Err(error) => Err(Error::host(error)),
    }
}

impl Engine {
    /// Runs a change to its end even if its caller goes away meanwhile: what is durable and what
    /// is in force must not part.
    pub(crate) async fn to_its_end<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.shared.tasks.spawn(change).await.map_err(Error::host)?
    }
}

impl Shared {
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

    pub(crate) fn state_machine_arn(&self, name: &Name) -> String {
        let Config {
            region, account, ..
        } = &self.config;
        format!("arn:aws:states:{region}:{account}:stateMachine:{name}")
    }

    pub(crate) fn role_arn(&self, name: &Name) -> String {
        format!("arn:aws:iam::{}:role/{name}", self.config.account)
    }

    /// The ARN of an execution whose name is not its own: the id comes behind it.
    pub(crate) fn express_arn(&self, machine: &Name, name: &str, id: &ExecutionId) -> String {
        let Config {
            region, account, ..
        } = &self.config;
        format!("arn:aws:states:{region}:{account}:express:{machine}:{name}:{id}")
    }

    pub(crate) fn activity_arn(&self, name: &ServiceName) -> String {
        let Config {
            region, account, ..
        } = &self.config;
        format!("arn:aws:states:{region}:{account}:activity:{name}")
    }

    pub(crate) fn execution_arn(&self, machine: &Name, name: &str) -> String {
        let Config {
            region, account, ..
        } = &self.config;
        format!("arn:aws:states:{region}:{account}:execution:{machine}:{name}")
    }
}
