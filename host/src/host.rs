//! Running a host: `sluice serve` and `sluice dev`.
//!
//! Owns the order of start and stop: answer health checks, wait for the store, open for
//! requests, tell whoever waits for the ready file; then drain. It does not know what is served.

mod ready;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use document::Problem;
use engine::Engine;
use ports::Clock as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::assemble::{self, AssembleError, Assembled, OpenStore};
use crate::cli::{Environment, HostArguments};
use crate::clock::SystemClock;
use crate::config::{Config, Mode, Sources};
use crate::http::{App, Opened, ServerLimits, metrics_router, router, serve};
use crate::identity::development::DevelopmentIssuer;
use crate::logs;
use crate::signals;
use crate::telemetry::{Export, Telemetry};
use ready::{Addresses, Issuer, ReadyFile, ReadyFileError};

/// Why a host did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostError {
    /// The configuration is not valid.
    #[error("the configuration is not valid:\n{}", lines(.0))]
    Config(Vec<Problem>),
    /// The address cannot be listened on.
    #[error("`{address}` cannot be listened on: {source}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A part of the host cannot be set up.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// The ready file cannot be written.
    #[error(transparent)]
    ReadyFile(#[from] ReadyFileError),
}

impl HostError {
    /// The process's exit code, as the command line documents them.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Config(_) => 2,
            Self::Listen { .. } | Self::Assemble(_) | Self::ReadyFile(_) => 3,
        })
    }
}

/// Runs a host until it is asked to stop.
///
/// # Errors
/// It could not start.
pub(crate) async fn run(
    mode: Mode,
    (arguments, mock_config): (HostArguments, Option<PathBuf>),
    environment: Environment,
) -> Result<(), HostError> {
    let ready_path = arguments.ready_file.clone();
    let config = load(mode, (arguments, mock_config), environment.clone())?;
    logs::begin(&config.logs, &environment);
    warn_of_closed_doors(mode, &config);
    if let Some(path) = &ready_path {
        ready::remove(path)?;
    }
    let ready_file = ReadyFile::new(ready_path.or_else(|| usual_ready_path(mode, &config)));
    let shutdown = CancellationToken::new();
    signals::watch(shutdown.clone());

    let traced = Telemetry::new(&config.telemetry, &config.trust);
    let (telemetry, export) = traced.map_err(AssembleError::from)?;
    let app = App::new(&config, telemetry.clone(), shutdown.clone());
    let exporting = Exporting::begin(export);
    let tasks = TaskTracker::new();
    let addresses = answer(&config, &app, &tasks, &shutdown).await?;
    let tracer = Arc::new(telemetry);
    let opened = open(mode, config, (&app, tracer), &tasks, &shutdown).await;
    let announced = match &opened {
        Ok(Some(open)) => announce(&ready_file, &addresses, open, &shutdown).await,
        Ok(None) | Err(_) => Ok(()),
    };
    if opened.is_err() || announced.is_err() {
        shutdown.cancel();
    }
    tasks.close();
    tasks.wait().await;
    exporting.end().await;
    if let Some(open) = opened? {
        open.store.close().await;
    }
    tracing::info!("stopped");
    announced
}

fn load(
    mode: Mode,
    (arguments, mock_config): (HostArguments, Option<PathBuf>),
    environment: Environment,
) -> Result<Config, HostError> {
    let config = Config::load(&Sources {
        mode,
        file: arguments.config,
        environment,
        listen: arguments.listen,
        data: arguments.data,
        mock_config,
    });
    config.map_err(HostError::Config)
}

/// Begins to answer on every address that the configuration names.
async fn answer(
    config: &Config,
    app: &App,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> Result<Addresses, HostError> {
    let (listener, url) = listen(config.server.listen).await?;
    let metrics = match config.metrics.listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let limits = ServerLimits::from(&config.server);
    let routes = router(app.clone());
    tasks.spawn(serve(listener, routes, limits, shutdown.clone()));
    let metrics = metrics.map(|(listener, url)| {
        let routes = metrics_router(app.clone());
        tasks.spawn(serve(listener, routes, limits, shutdown.clone()));
        format!("{url}/metrics")
    });
    Ok(Addresses { url, metrics })
}

/// A listener, and the address that clients reach it at.
async fn listen(address: SocketAddr) -> Result<(TcpListener, String), HostError> {
    let failed = |source| HostError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let url = format!("http://{}", listener.local_addr().map_err(failed)?);
    tracing::info!(%url, "listening");
    Ok((listener, url))
}

/// The sending of spans, which goes on until nothing makes any.
struct Exporting {
    ending: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Exporting {
    fn begin(export: Option<Export>) -> Self {
        let ending = CancellationToken::new();
        let task = export.map(|export| tokio::spawn(export.run(ending.clone())));
        Self { ending, task }
    }

    /// Sends what is left, for a bounded time.
    async fn end(self) {
        self.ending.cancel();
        if let Some(task) = self.task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the sending of spans ended abnormally");
        }
    }
}

/// What is left to know of a host that runs.
struct Open {
    engine: Engine,
    issuer: Option<Issuer>,
    store: OpenStore,
}

/// Opens the store and everything on it; `None` if the host is asked to stop meanwhile.
async fn open(
    mode: Mode,
    config: Config,
    (app, tracer): (&App, Arc<Telemetry>),
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> Result<Option<Open>, HostError> {
    let assembled = tokio::select! {
        assembled = assemble::host(mode, config, tracer) => assembled?,
        () = shutdown.cancelled() => return Ok(None),
    };
    let Assembled {
        engine,
        service,
        identity,
        development,
        parts,
        store,
    } = assembled;
    let issuer = development.as_ref().map(|development| {
        let now_seconds = SystemClock.now().0.div_euclid(1000);
        Issuer {
            name: development.issuer().to_owned(),
            tokens: development.tokens(now_seconds),
        }
    });
    if let Some(development) = development {
        tasks.spawn(DevelopmentIssuer::serve(development, shutdown.clone()));
    }
    tasks.spawn(service.run(shutdown.clone()));
    tasks.spawn(identity.clone().run(shutdown.clone()));
    app.open(Opened {
        engine: engine.clone(),
        identity,
        parts,
    });
    Ok(Some(Open {
        engine,
        issuer,
        store,
    }))
}

/// Tells whoever waits that requests are carried out, once they are.
async fn announce(
    ready_file: &ReadyFile,
    addresses: &Addresses,
    open: &Open,
    shutdown: &CancellationToken,
) -> Result<(), HostError> {
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {}
        () = open.engine.recovered() => {}
    }
    let issuer = open.issuer.as_ref();
    ready_file.write(addresses, issuer)?;
    tracing::info!(
        url = addresses.url,
        issuer = issuer.map(|issuer| issuer.name.as_str()),
        "ready"
    );
    Ok(())
}

/// Where the ready file is if nobody says otherwise.
fn usual_ready_path(mode: Mode, config: &Config) -> Option<PathBuf> {
    match mode {
        Mode::Development => Some(config.store.path.join("ready.json")),
        Mode::Serve => None,
    }
}

fn warn_of_closed_doors(mode: Mode, config: &Config) {
    let collector = config.telemetry.collector.as_ref();
    if let Some(collector) = collector.filter(|collector| collector.is_in_the_clear()) {
        tracing::warn!(
            collector = collector.url.host_str(),
            "traces, and the headers sent with them, go to the collector in the clear: use https"
        );
    }
    if mode == Mode::Development {
        return;
    }
    if config.identity.oidc.is_empty() {
        tracing::warn!(
            "no identity provider is configured, so nobody gets in: add `[[identity.oidc]]`"
        );
    }
    if !config.policy.is_configured {
        tracing::warn!("no policy is configured, so everything is refused: add `policy.files`");
    }
    if !config.server.listen.ip().is_loopback() {
        tracing::warn!("listening beyond loopback without TLS, put a proxy in front");
    }
    let metrics = config.metrics.listen;
    if metrics.is_some_and(|address| !address.ip().is_loopback()) {
        tracing::warn!("metrics are answered beyond loopback to whoever asks");
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<_> = problems
        .iter()
        .map(|problem| format!("  {problem}"))
        .collect();
    lines.join("\n")
}
