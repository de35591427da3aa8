//! One host from its opening to its end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::{Config, Engine, Error, Health, MachineLimits, Ports, Service};
use ports::StoreError;
use store::MemoryStore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::book::Book;
use crate::clients::Clients;
use crate::components::SeededRunner;
use crate::dice::Dice;
use crate::egress::ScriptedEgress;
use crate::evaluator::ScriptedEvaluator;
use crate::invariants::rest::nothing_is_left;
use crate::outside::{HostClock, Outside};
use crate::plan::{End, Room};
use crate::simulation::{policies, verdicts};
use crate::volumes::MemoryVolumes;
use crate::weather::SeededWeather;

/// Everything has come to rest where nothing was written for so long.
const REST_MS: u64 = 20 * 60_000;
/// No simulation goes on for longer.
const LONGEST_MS: u64 = 48 * 3_600_000;

/// One host.
pub(crate) struct Host {
    pub(crate) store: Arc<MemoryStore>,
    outside: Arc<Outside>,
    book: Arc<Mutex<Book>>,
    weather: Arc<SeededWeather>,
    clock: Arc<HostClock>,
    life: usize,
    ended_ms: u64,
}

/// Whether a host was the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    Yes,
    No,
}

impl Host {
    /// Lives until something befalls it, or until nothing more happens.
    pub(crate) async fn live(
        outside: &Arc<Outside>,
        book: &Arc<Mutex<Book>>,
        store: MemoryStore,
        life: usize,
    ) -> (Self, Last) {
        let storms = outside.plan.storms.iter().take(life);
        let clock = Arc::new(HostClock {
            outside: Arc::clone(outside),
            began: tokio::time::Instant::now(),
            set_by_ms: storms.map(|storm| storm.clock_set_ms).sum(),
        });
        if clock.set_by_ms != 0 {
            outside.note("the clock was set");
        }
        let weather = SeededWeather::new(outside, book, &clock, life);
        outside.state().life = life;
        let mut host = Self {
            store: Arc::new(store.under(Arc::clone(&weather) as _)),
            outside: Arc::clone(outside),
            book: Arc::clone(book),
            weather,
            clock,
            life,
            ended_ms: 0,
        };
        let (crashed, failed) = (host.weather.crashed.clone(), host.weather.failed.clone());
        let last = tokio::select! {
            biased;
            () = crashed.cancelled() => Last::No,
            () = host.after_failure(&failed) => Last::No,
            last = host.serve() => last,
        };
        host.ended_ms = u64::try_from(host.clock.began.elapsed().as_millis()).unwrap();
        (host, last)
    }

    pub(crate) fn elapsed_ms(&self) -> u64 {
        self.ended_ms
    }

    /// Somebody notices in time that the disk fails, and kills the host.
    async fn after_failure(&self, failed: &CancellationToken) {
        failed.cancelled().await;
        let mut dice = Dice::new(self.outside.plan.seed, &format!("failure {}", self.life));
        let notice = Duration::from_millis(dice.within(0..=30_000));
        tokio::time::sleep(notice).await;
    }

    async fn serve(&self) -> Last {
        let plan = &self.outside.plan;
        let storm = plan.storms.get(self.life);
        if self.life > 0 {
            self.threaten();
        }
        let before = self
            .life
            .checked_sub(1)
            .and_then(|life| plan.storms.get(life));
        let forbidden = before.and_then(|storm| storm.forbidden.as_deref());
        self.book.lock().unwrap().ground.forbidden = forbidden.map(ToOwned::to_owned);
        if self.life > 0 {
            self.weather.fill();
        }
        let Some((engine, service)) = self.open(forbidden).await else {
            // The disk failed; whoever notices kills the host.
            return std::future::pending().await;
        };
        let shutdown = CancellationToken::new();
        let clients = Clients {
            outside: Arc::clone(&self.outside),
            engine: engine.clone(),
            book: Arc::clone(&self.book),
            clock: Arc::clone(&self.clock),
            life: self.life,
        };
        if self.life == 0 {
            clients.prepare().await;
            self.weather.fill();
            self.threaten();
        }
        let service = tokio::spawn(service.run(shutdown.clone()));
        let mut tasks = JoinSet::new();
        clients.come(&mut tasks);
        match storm.map(|storm| storm.end) {
            Some(End::KilledAfter(after_ms)) => {
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                return Last::No;
            }
            Some(End::DrainedAfter(after_ms)) => {
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                self.drain((engine, service, shutdown), tasks).await;
                return Last::No;
            }
            Some(End::AtCommit(..)) | None => self.rest(&engine).await,
        }
        verdicts::at_rest(&self.outside, &self.book, self.now());
        self.drain((engine, service, shutdown), tasks).await;
        Last::Yes
    }

    /// Opens the engine, again for as long as the disk is full.
    async fn open(&self, forbidden: Option<&str>) -> Option<(Engine, Service)> {
        loop {
            let config = config(self.outside.plan.room);
            match Engine::open(self.ports(), config, policies(forbidden)).await {
                Ok(opened) => return Some(opened),
                Err(Error::Store(StoreError::Full { .. })) => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(_) => return None,
            }
        }
    }

    fn threaten(&self) {
        let storm = self.outside.plan.storms.get(self.life);
        if let Some(End::AtCommit(commits, fault)) = storm.map(|storm| storm.end) {
            self.weather.threaten(commits, fault);
        }
    }

    fn now(&self) -> asl::Timestamp {
        ports::Clock::now(self.clock.as_ref())
    }

    /// Waits until nothing more happens.
    async fn rest(&self, engine: &Engine) {
        let mut before = (0, u64::MAX);
        loop {
            let (commits, now) = (self.book.lock().unwrap().commits, self.clock.elapsed_ms());
            if commits != before.0 {
                before = (commits, now);
            }
            let (is_quiet, is_broken) = {
                let state = self.outside.state();
                let is_done = state.done.len() == self.outside.plan.errands.len();
                let is_quiet = is_done && state.letters.is_empty();
                (is_quiet, state.violation.is_some())
            };
            let is_ready = engine.health() == Health::Ready;
            let rested = now.saturating_sub(before.1);
            if is_broken || (is_ready && is_quiet && rested >= REST_MS) || now > LONGEST_MS {
                return;
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    }

    async fn drain(
        &self,
        (engine, service, shutdown): (Engine, tokio::task::JoinHandle<()>, CancellationToken),
        mut tasks: JoinSet<()>,
    ) {
        shutdown.cancel();
        // A drain comes to its end, whoever still asks.
        let _ = service.await;
        tasks.shutdown().await;
        let running = engine.load().executions_running;
        tokio::task::yield_now().await;
        let left = tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks();
        self.outside.check(nothing_is_left(left, running));
    }

    fn ports(&self) -> Ports {
        let runner = SeededRunner {
            outside: Arc::clone(&self.outside),
            book: Arc::clone(&self.book),
            store: Arc::clone(&self.store),
            weather: Arc::clone(&self.weather),
            clock: Arc::clone(&self.clock),
            life: self.life,
        };
        Ports {
            journal: Arc::clone(&self.store) as _,
            archive: Arc::clone(&self.store) as _,
            backups: Arc::clone(&self.store) as _,
            catalogue: Arc::clone(&self.store) as _,
            retention: Arc::clone(&self.store) as _,
            runner: Arc::new(runner),
            evaluator: Arc::new(ScriptedEvaluator),
            egress: Arc::new(ScriptedEgress::default()),
            volumes: Arc::new(MemoryVolumes::default()),
            clock: Arc::clone(&self.clock) as _,
            tracer: Arc::new(ports::Untraced),
        }
    }
}

/// A host with so much room.
fn config(room: Room) -> Config {
    let usual = Config::default();
    let (attempts, of_machine) = room.attempts.unzip();
    let (commits, waiting) = room.queues.unzip();
    Config {
        attempts_running_max: attempts.unwrap_or(usual.attempts_running_max),
        machine_attempts: MachineLimits {
            each_max: of_machine,
            ..usual.machine_attempts.clone()
        },
        executions_arriving_max: room.arriving.unwrap_or(usual.executions_arriving_max),
        stay_ms: room.stay_ms.unwrap_or(usual.stay_ms),
        executions_running_max: room.executions.unwrap_or(usual.executions_running_max),
        commits_waiting_max: commits.unwrap_or(usual.commits_waiting_max),
        attempts_waiting_max: waiting.unwrap_or(usual.attempts_waiting_max),
        ..usual
    }
}
