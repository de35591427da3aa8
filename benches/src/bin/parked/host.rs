//! The engine with its real store and audit chain, and components by script.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use asl::{Status, Timestamp};
use auth::names::Name;
use auth::policy::{Action, Permit, Policies, Resource};
use auth::principal::{Caller, Kind, Principal};
use engine::{Config, Engine, Health, Ports, StartRequest};
use ports::{Clock, ExecutionFilter};
use runtime::{EvaluatorConfig, JsonataEvaluator, Runtime, RuntimeConfig, VolumeFiles};
use serde_json::{Value, json};
use store::{SledStore, StoreConfig};
use tokio_util::sync::CancellationToken;

use crate::script::Script;

/// How many attempts a role may allow at once.
pub(crate) const CONCURRENCY_MAX: usize = 10_000;

pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn seed(&self) -> u64 {
        getrandom::u64().unwrap_or(7)
    }
}

/// A host in this process.
pub(crate) struct Host {
    pub(crate) engine: Engine,
    store: Arc<SledStore>,
    shutdown: CancellationToken,
    service: tokio::task::JoinHandle<()>,
}

impl Host {
    /// Opens the store and waits until what it holds is recovered.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let chain = Arc::new(audit::Sha256Chain);
        let store = Arc::new(SledStore::open(folder, StoreConfig::default(), chain).await?);
        let egress = Runtime::new(RuntimeConfig::default(), Arc::clone(&store) as _)?;
        let ports = Ports {
            journal: Arc::clone(&store) as _,
            archive: Arc::clone(&store) as _,
            backups: Arc::clone(&store) as _,
            catalogue: Arc::clone(&store) as _,
            retention: Arc::clone(&store) as _,
            runner: Arc::new(Script),
            evaluator: Arc::new(JsonataEvaluator::new(EvaluatorConfig::default())),
            egress: Arc::new(egress),
            volumes: Arc::new(VolumeFiles::open(&BTreeMap::new())?),
            clock: Arc::new(SystemClock),
        };
        let config = Config {
            executions_running_max: 1_000_000,
            principal_share_percent: 100,
            attempts_running_max: 1_000_000,
            drain_ms: 1,
            ..Config::default()
        };
        let policies = Arc::new(Policies::development());
        let (engine, service) = Engine::open(ports, config, policies).await?;
        let shutdown = CancellationToken::new();
        let service = tokio::spawn(service.run(shutdown.clone()));
        while engine.health() == Health::Recovering {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(Self {
            engine,
            store,
            shutdown,
            service,
        })
    }

    /// Ends as a host does that gives its attempts no time.
    pub(crate) async fn end(self) -> Result<()> {
        self.shutdown.cancel();
        self.service.await?;
        Ok(self.store.close().await?)
    }

    /// Publishes a machine under a role of its own, with as much concurrency as a role may have.
    pub(crate) async fn publish(&self, machine: &str, definition: &Value) -> Result<()> {
        let (machine, bench) = (name(machine)?, name("bench")?);
        let grants = json!({"limits": {"concurrency": CONCURRENCY_MAX}});
        let permit = self.permit("operators", &Resource::role(&machine))?;
        self.engine
            .put_role(permit, machine.clone(), &grants)
            .await?;
        let permit = self.permit("authors", &Resource::component(&bench))?;
        let version = semver::Version::new(1, 0, 0);
        let manifest = bytes::Bytes::from_static(b"idempotent = true");
        self.engine
            .upload_component(permit, bench.clone(), version, manifest)
            .await?;
        let review = json!({"component": "bench", "version": "1.0.0", "role": machine, "decision": "approve", "comment": ""});
        let permit = self.permit("reviewers", &Resource::component(&bench))?;
        self.engine.write_review(permit, &review).await?;
        let permit = self.permit("operators", &Resource::state_machine(&machine))?;
        self.engine
            .publish(permit, machine.clone(), definition, Some(machine))
            .await?;
        Ok(())
    }

    pub(crate) async fn start_one(&self, machine: &str, input: Value) -> Result<()> {
        let machine = name(machine)?;
        let permit = self.permit("operators", &Resource::state_machine(&machine))?;
        self.engine
            .start(permit, StartRequest::new(machine, input))
            .await?;
        Ok(())
    }

    /// Waits until no execution is in memory.
    pub(crate) async fn until_idle(&self) {
        while self.engine.load().executions_running > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether any execution of the machine still runs.
    pub(crate) async fn running(&self, machine: &str) -> Result<bool> {
        let machine = format!("arn:aws:states:us-east-1:000000000000:stateMachine:{machine}");
        let permit = self.permit("operators", &Resource::host())?;
        let filter = ExecutionFilter {
            machine_arn: Some(machine),
            status: Some(Status::Running),
            ..ExecutionFilter::default()
        };
        let page = self.engine.executions(permit, filter, None, 1).await?;
        Ok(!page.items.is_empty() || page.next.is_some())
    }

    /// A request as any other.
    pub(crate) async fn find_nothing(&self) -> Result<()> {
        self.engine.find("nothing").await?;
        Ok(())
    }

    fn permit<A: Action>(&self, group: &str, resource: &Resource) -> Result<Permit<A>> {
        let policies = self.engine.policies();
        Ok(policies.permits::<A>(&caller(group), resource)?)
    }
}

fn name(text: &str) -> Result<Name> {
    Name::parse(text)
        .map_err(anyhow::Error::msg)
        .context("a fixed name")
}

fn caller(group: &str) -> Caller {
    Caller {
        principal: Principal {
            issuer: "https://issuer.example".to_owned(),
            subject: format!("one-of-{group}"),
            kind: Kind::User,
            groups: vec![group.to_owned()],
            display_name: None,
        },
        actors: Vec::new(),
        method: "oidc".to_owned(),
        authenticated_at: None,
        expires_at: i64::MAX,
        token_hash: String::new(),
    }
}
