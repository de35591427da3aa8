//! The engine with its real store, audit chain and sandbox, without HTTP.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use asl::Timestamp;
use auth::names::Name;
use auth::policy::{Action, Permit, Policies, Resource};
use auth::principal::{Caller, Kind, Principal};
use engine::{Config, Engine, Health, Ports};
use ports::Clock;
use runtime::{EvaluatorConfig, JsonataEvaluator, Runtime, RuntimeConfig, VolumeFiles};
use serde_json::{Value, json};
use store::{SledStore, StoreConfig};
use tokio_util::sync::CancellationToken;

struct SystemClock;

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
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        let store =
            SledStore::open(folder, StoreConfig::default(), Arc::new(audit::Sha256Chain)).await?;
        let store = Arc::new(store);
        let runtime = Arc::new(Runtime::new(
            RuntimeConfig::default(),
            Arc::clone(&store) as _,
        )?);
        let ports = Ports {
            journal: Arc::clone(&store) as _,
            archive: Arc::clone(&store) as _,
            backups: Arc::clone(&store) as _,
            catalogue: Arc::clone(&store) as _,
            retention: Arc::clone(&store) as _,
            runner: Arc::clone(&runtime) as _,
            evaluator: Arc::new(JsonataEvaluator::new(EvaluatorConfig::default())),
            egress: runtime,
            volumes: Arc::new(VolumeFiles::open(&BTreeMap::new())?),
            clock: Arc::new(SystemClock),
            tracer: Arc::new(ports::Untraced),
        };
        let policies = Arc::new(Policies::development());
        let (engine, service) = Engine::open(ports, Config::default(), policies).await?;
        let shutdown = CancellationToken::new();
        let service = tokio::spawn(service.run(shutdown.clone()));
        while engine.health() != Health::Ready {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(Self {
            engine,
            store,
            shutdown,
            service,
        })
    }

    pub(crate) async fn end(self) -> Result<()> {
        self.shutdown.cancel();
        self.service.await?;
        Ok(self.store.close().await?)
    }

    pub(crate) fn permit<A: Action>(&self, group: &str, resource: &Resource) -> Result<Permit<A>> {
        Ok(self
            .engine
            .policies()
            .permits::<A>(&caller(group), resource)?)
    }

    /// A role that grants plenty of concurrency, a component approved under it, a machine.
    pub(crate) async fn publish(&self, component: &[u8], definition: &Value) -> Result<Name> {
        let name = name("bench")?;
        let role = json!({"limits": {"concurrency": 256}});
        let permit = self.permit("operators", &Resource::role(&name))?;
        self.engine.put_role(permit, name.clone(), &role).await?;
        let permit = self.permit("authors", &Resource::component(&name))?;
        let version = semver::Version::new(1, 0, 0);
        let bytes = bytes::Bytes::copy_from_slice(component);
        self.engine
            .upload_component(permit, name.clone(), version, bytes)
            .await?;
        let review = json!({"component": "bench", "version": "1.0.0", "role": "bench", "decision": "approve", "comment": ""});
        let permit = self.permit("reviewers", &Resource::component(&name))?;
        self.engine.write_review(permit, &review).await?;
        let permit = self.permit("operators", &Resource::state_machine(&name))?;
        self.engine
            .publish(permit, name.clone(), definition, Some(name.clone()))
            .await?;
        Ok(name)
    }
}

pub(crate) fn name(text: &str) -> Result<Name> {
    Name::parse(text)
        .map_err(anyhow::Error::msg)
        .context("a fixed name")
}

pub(crate) fn caller(group: &str) -> Caller {
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
