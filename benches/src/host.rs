//! The engine with its real store, audit chain and sandbox in this process, without HTTP.

mod publishing;
mod script;
mod starting;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use asl::Timestamp;
use auth::policy::Policies;
use engine::{Config, Engine, ExecutionEnd, Health, MachineType, Ports};
use ports::{Clock, EndedOrder, Retention as _, Runner};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use runtime::{EvaluatorConfig, JsonataEvaluator, Runtime, RuntimeConfig, VolumeFiles};
use store::{SledStore, StoreConfig};
use tokio_util::sync::CancellationToken;

pub(crate) use publishing::{CONCURRENCY_MAX, caller, name};
pub(crate) use script::{HANG, Heard, IDEMPOTENT, Script};
pub(crate) use starting::{LANES, Workflows, start_all};

/// How long a store may take to open before that counts as a failure.
const READY_MAX: Duration = Duration::from_secs(300);

/// The machine's clock, some time ahead.
pub(crate) struct SystemClock {
    pub(crate) ahead_ms: i64,
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Timestamp(now.saturating_add(self.ahead_ms))
    }

    fn seed(&self) -> u64 {
        getrandom::u64().unwrap_or(7)
    }
}

/// How a host is set up.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) config: Config,
    /// Answers attempts in place of the sandbox, if there is one.
    pub(crate) script: Option<Script>,
    pub(crate) ahead_ms: i64,
}

impl Setup {
    /// For as many executions and attempts at once as a measurement wants.
    pub(crate) fn roomy() -> Self {
        Self {
            config: Config {
                executions_running_max: 2_000_000,
                principal_share_percent: 100,
                attempts_running_max: 2_000_000,
                attempts_waiting_max: 2_000_000,
                drain_ms: 1,
                ..Config::default()
            },
            ..Self::default()
        }
    }

    pub(crate) fn script(mut self, script: Script) -> Self {
        self.script = Some(script);
        self
    }
}

/// A host in this process.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<SledStore>,
    pub(crate) ready_after: Duration,
    shutdown: CancellationToken,
    service: tokio::task::JoinHandle<()>,
}

impl Host {
    /// A host as it is by default.
    ///
    /// # Errors
    /// As [`Self::start_with`].
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        Self::start_with(folder, Setup::default()).await
    }

    /// Opens the store and waits until what goes on by itself is taken up.
    ///
    /// # Errors
    /// The store or the sandbox cannot be opened.
    pub(crate) async fn start_with(folder: &Path, setup: Setup) -> Result<Self> {
        let began = Instant::now();
        let chain = Arc::new(audit::Sha256Chain);
        let store = Arc::new(SledStore::open(folder, StoreConfig::default(), chain).await?);
        let sandbox = Arc::new(Runtime::new(
            RuntimeConfig::default(),
            Arc::clone(&store) as _,
        )?);
        let runner: Arc<dyn Runner> = match setup.script {
            Some(script) => Arc::new(script),
            None => Arc::clone(&sandbox) as _,
        };
        let ports = Ports {
            journal: Arc::clone(&store) as _,
            archive: Arc::clone(&store) as _,
            backups: Arc::clone(&store) as _,
            catalogue: Arc::clone(&store) as _,
            retention: Arc::clone(&store) as _,
            runner,
            evaluator: Arc::new(JsonataEvaluator::new(EvaluatorConfig::default())),
            egress: sandbox,
            volumes: Arc::new(VolumeFiles::open(&BTreeMap::new())?),
            clock: Arc::new(SystemClock {
                ahead_ms: setup.ahead_ms,
            }),
            tracer: Arc::new(ports::Untraced),
        };
        let policies = Arc::new(Policies::development());
        let (engine, service) = Engine::open(ports, setup.config, policies).await?;
        let shutdown = CancellationToken::new();
        let service = tokio::spawn(service.run(shutdown.clone()));
        tokio::time::timeout(READY_MAX, engine.recovered())
            .await
            .context("the host was not ready in time")?;
        ensure!(engine.health() == Health::Ready, "{:?}", engine.health());
        Ok(Self {
            engine,
            store,
            ready_after: began.elapsed(),
            shutdown,
            service,
        })
    }

    /// Ends as a host does that is asked to, and lets go of the folder.
    ///
    /// # Errors
    /// Somebody else still has the host, or the store cannot be closed.
    pub(crate) async fn end(self: Arc<Self>) -> Result<()> {
        let host = Arc::into_inner(self).context("somebody still uses the host")?;
        host.shutdown.cancel();
        host.service.await?;
        Ok(host.store.close().await?)
    }

    /// Executions that have ended well since this host began.
    ///
    /// # Errors
    /// One has ended in any other way.
    pub(crate) fn succeeded(&self, kind: MachineType) -> Result<u64> {
        let kind = match kind {
            MachineType::Standard => "standard",
            MachineType::Express => "express",
        };
        let ended = |status| {
            let labels = ExecutionEnd { kind, status };
            let ends = &self.engine.metrics().executions_ended;
            ends.get_or_create(&labels).get()
        };
        for status in ["FAILED", "TIMED_OUT", "ABORTED"] {
            ensure!(ended(status) == 0, "{} ended as {status}", ended(status));
        }
        Ok(ended("SUCCEEDED"))
    }

    /// Syncs of the commit log so far.
    pub(crate) fn syncs(&self) -> u64 {
        observed(&self.store.metrics().sync_seconds)
    }

    /// How many ended executions the store keeps.
    pub(crate) async fn ended_kept(&self) -> Result<u64> {
        Ok(self
            .store
            .ended(EndedOrder::OldestFirst, None, 1)
            .await?
            .count)
    }

    /// Waits until no execution is in memory.
    pub(crate) async fn until_idle(&self) {
        while self.engine.load().executions_running > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// How many values a histogram has seen, which only its exposition tells.
fn observed(histogram: &Histogram) -> u64 {
    let mut registry = Registry::default();
    registry.register("observed", "", histogram.clone());
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
    let mut lines = text.lines();
    let count = lines.find_map(|line| line.strip_prefix("observed_count "));
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_histogram_has_seen_is_counted() {
        let histogram = Histogram::new([1.0, 2.0]);
        assert_eq!(observed(&histogram), 0);
        for value in [0.5, 1.5, 9.0] {
            histogram.observe(value);
        }
        assert_eq!(observed(&histogram), 3);
    }
}
