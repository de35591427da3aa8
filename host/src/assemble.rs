//! The only place that picks implementations for the ports.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use audit::Sha256Chain;
use engine::{Engine, MachineLimits, Ports, Service};
use ports::{
    Archive, Backup, Backups, Catalogue, Clock, Journal, Retention, Runner, StoreError, Tracer,
};
use runtime::{EvaluatorConfig, JsonataEvaluator, Runtime, RuntimeConfig, StartError, VolumeFiles};
use store::{MemoryStore, OpenError, RestoreError, Restored, SledStore, StoreConfig};

use crate::cli::CliError;
use crate::clock::SystemClock;
use crate::config::{Config, Mode};
use crate::identity::development::{DevelopmentError, DevelopmentIssuer};
use crate::identity::{Discovery, Identity};
use crate::metrics::Parts;
use crate::outgoing::ClientError;
use crate::private_file;

/// The folder of the store and that of the development issuer, below the data folder.
const STORE: &str = "store";
const DEVELOPMENT: &str = "development";

/// A host, put together and not running yet.
pub(crate) struct Assembled {
    pub(crate) engine: Engine,
    pub(crate) service: Service,
    pub(crate) identity: Identity,
    pub(crate) development: Option<DevelopmentIssuer>,
    pub(crate) parts: Parts,
    pub(crate) store: OpenStore,
}

/// The store, to be closed once nothing uses it any more.
pub(crate) struct OpenStore(Arc<SledStore>);

impl OpenStore {
    /// Writes what waits and lets go of the folder, so that the next host can have it.
    pub(crate) async fn close(self) {
        if let Err(error) = self.0.close().await {
            tracing::error!(%error, "the store was not closed well");
        }
    }
}

/// A part of the host cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssembleError {
    /// The data folder cannot be made.
    #[error("the folder `{path}` cannot be made: {source}")]
    Folder {
        /// Which one.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The store cannot be opened.
    #[error("the store cannot be opened: {0}")]
    Store(#[from] StoreError),
    /// Components cannot be run.
    #[error(transparent)]
    Runtime(#[from] StartError),
    /// The engine cannot read what is stored.
    #[error("the engine cannot start: {0}")]
    Engine(#[from] engine::Error),
    /// Identity providers, or the collector of traces, cannot be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The development issuer cannot be set up.
    #[error(transparent)]
    Development(#[from] DevelopmentError),
}

/// Puts a host together; waits for as long as another process holds the store.
///
/// # Errors
/// As [`AssembleError`] says.
pub(crate) async fn host(
    mode: Mode,
    config: Config,
    tracer: Arc<dyn Tracer>,
) -> Result<Assembled, AssembleError> {
    let store = Arc::new(open_store(&config).await?);
    // Opened under the store's lock, so that two hosts never write one folder's key.
    let development = match mode {
        Mode::Development => {
            Some(DevelopmentIssuer::open(&config.store.path.join(DEVELOPMENT)).await?)
        }
        Mode::Serve => None,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut providers = config.identity.oidc.clone();
    if let Some(development) = &development {
        providers.push(development.provider()?);
    }
    let identity = Identity::new(
        providers,
        &Discovery::new(&config.trust)?,
        Arc::clone(&clock),
    );
    let runtime = Arc::new(Runtime::new(
        runtime_config(&config),
        Arc::clone(&store) as Arc<dyn Catalogue>,
    )?);
    let evaluator = JsonataEvaluator::new(EvaluatorConfig::default());
    let parts = Parts {
        store: store.metrics().clone(),
        runtime: runtime.metrics().clone(),
        evaluator: evaluator.metrics().clone(),
    };
    let ports = Ports {
        journal: Arc::clone(&store) as Arc<dyn Journal>,
        archive: Arc::clone(&store) as Arc<dyn Archive>,
        backups: Arc::clone(&store) as Arc<dyn Backups>,
        catalogue: Arc::clone(&store) as Arc<dyn Catalogue>,
        retention: Arc::clone(&store) as Arc<dyn Retention>,
        runner: Arc::clone(&runtime) as Arc<dyn Runner>,
        evaluator: Arc::new(evaluator),
        egress: runtime,
        volumes: Arc::new(VolumeFiles::open(&config.volumes)?),
        clock,
        tracer,
    };
    let policies = Arc::clone(&config.policy.policies);
    let (engine, service) = Engine::open(ports, engine_config(&config), policies).await?;
    Ok(Assembled {
        engine,
        service,
        identity,
        development,
        parts,
        store: OpenStore(store),
    })
}

/// Something that reads components without a host.
///
/// # Errors
/// The sandbox cannot be set up.
pub(crate) fn inspector() -> Result<impl Runner, AssembleError> {
    let nothing = Arc::new(MemoryStore::new(Arc::new(Sha256Chain)));
    Ok(Runtime::new(RuntimeConfig::default(), nothing)?)
}

/// What a data folder holds, read without a host.
///
/// # Errors
/// A host holds the folder, or it cannot be opened.
pub(crate) async fn archive(data: &Path) -> Result<Arc<dyn Archive>, CliError> {
    Ok(store_in(data).await?)
}

/// A backup of what a data folder holds, made without a host.
///
/// # Errors
/// A host holds the folder, or it cannot be opened.
pub(crate) async fn backup(data: &Path) -> Result<Box<dyn Backup>, CliError> {
    let backup = store_in(data).await?.backup().await;
    let refused = |error| CliError::Refused(format!("the store cannot be read: {error}"));
    let backup = backup.map_err(refused)?;
    backup.ok_or_else(|| CliError::Refused("another backup is being written".to_owned()))
}

/// Makes a data folder of a backup.
///
/// # Errors
/// As [`RestoreError`] says.
pub(crate) fn restore(data: &Path, source: impl BufRead) -> Result<Restored, RestoreError> {
    private_file::create_folder(data)
        .map_err(|error| StoreError::Io(format!("`{}`: {error}", data.display()).into()))?;
    store::restore(&data.join(STORE), &Sha256Chain, source)
}

async fn store_in(data: &Path) -> Result<Arc<SledStore>, CliError> {
    let path = data.join(STORE);
    if !path.is_dir() {
        let shown = data.display();
        return Err(CliError::Usage(format!(
            "`{shown}` is not the data folder of a host"
        )));
    }
    match stored(data).await {
        Ok(store) => Ok(store),
        Err(OpenError::InUse(_)) => {
            let shown = data.display();
            Err(CliError::Usage(format!(
                "a host holds `{shown}`: stop it, or ask it over HTTP without --data"
            )))
        }
        Err(OpenError::Store(error)) => Err(CliError::Refused(format!(
            "the store cannot be read: {error}"
        ))),
    }
}

/// The store in a data folder, opened at once or not at all.
///
/// # Errors
/// A host holds it, or it cannot be opened.
pub(crate) async fn stored(data: &Path) -> Result<Arc<SledStore>, OpenError> {
    let (path, chain) = (data.join(STORE), Arc::new(Sha256Chain));
    let store = SledStore::open(&path, StoreConfig::default(), chain).await?;
    Ok(Arc::new(store))
}

/// Where a data folder has its store.
pub(crate) fn store_folder(data: &Path) -> PathBuf {
    data.join(STORE)
}

/// Sets up the sandbox as a host of this configuration would, and runs a component in it.
///
/// # Errors
/// Why components cannot be run.
pub(crate) async fn try_sandbox(config: &Config) -> Result<Duration, StartError> {
    runtime::probe(&runtime_config(config)).await
}

async fn open_store(config: &Config) -> Result<SledStore, AssembleError> {
    private_file::create_folder(&config.store.path).map_err(|source| AssembleError::Folder {
        path: config.store.path.display().to_string(),
        source,
    })?;
    let path = config.store.path.join(STORE);
    let waiting = |waited: Duration| {
        if waited.is_zero() {
            tracing::warn!(path = %path.display(), "another process holds the store, waiting for it");
        }
    };
    Ok(
        SledStore::open_when_free(&path, store_config(config), Arc::new(Sha256Chain), waiting)
            .await?,
    )
}

fn store_config(config: &Config) -> StoreConfig {
    StoreConfig {
        cache_bytes: config.store.cache_bytes,
        ..StoreConfig::default()
    }
}

fn runtime_config(config: &Config) -> RuntimeConfig {
    let attempts = config.limits.attempts_running_max;
    RuntimeConfig {
        volumes: config.volumes.clone(),
        extra_root_certificates: config.trust.root_certificates.clone(),
        upload_bytes_max: config.limits.component_bytes_max,
        attempts_max: u32::try_from(attempts).unwrap_or(u32::MAX),
        ..RuntimeConfig::default()
    }
}

fn engine_config(config: &Config) -> engine::Config {
    let sharing = &config.limits.sharing;
    engine::Config {
        region: config.aws.region.clone(),
        account: config.aws.account.clone(),
        executions_running_max: config.limits.executions_running_max,
        express_running_max: config.limits.express_running_max,
        express_ended_max: config.limits.express_ended_max,
        express_bytes_max: config.limits.express_bytes_max,
        executions_arriving_max: config.limits.executions_arriving_max,
        stay_ms: config.limits.stay_ms as u64,
        attempts_running_max: config.limits.attempts_running_max,
        machine_attempts: MachineLimits {
            each_max: sharing.state_machine_attempts_max,
            named_max: sharing.state_machine_attempts.clone(),
        },
        principal_share_percent: sharing.principal_share_percent,
        attempts_waiting_max: sharing.attempts_waiting_max,
        commits_waiting_max: sharing.commits_waiting_max,
        workers_waiting_max: sharing.workers_waiting_max,
        drain_ms: config.server.drain_ms,
        definition_bytes_max: config.limits.definition_bytes_max,
        input_bytes_max: config.limits.input_bytes_max,
        execution_limits: asl::Limits {
            history_events_max: config.limits.history_events_max as u64,
            payload_bytes_max: config.limits.payload_bytes_max,
            running_seconds_max: None,
        },
        history_events_warning: config.limits.history_events_warning as u64,
        item_file_bytes_max: config.limits.item_file_bytes_max as u64,
        items_max: config.limits.items_max,
        items_bytes_max: config.limits.items_bytes_max,
        retention: config.retention.clone(),
        mocks: Arc::clone(&config.mocks),
    }
}
