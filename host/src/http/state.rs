//! What every request handler shares.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use engine::{Engine, Shares};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use super::problem::Problem;
use crate::config::{Aws, Config, Limits};
use crate::identity::Identity;
use crate::metrics::{self, Parts, Requests};
use crate::telemetry::Telemetry;

/// What every request handler shares; cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    inner: Arc<Inner>,
}

struct Inner {
    opened: OnceLock<(Opened, Registry)>,
    requests: Requests,
    telemetry: Telemetry,
    registry: Registry,
    store_path: PathBuf,
    limits: Limits,
    aws: Aws,
    body_ms_max: u64,
    streams: Arc<Shares>,
    shutdown: CancellationToken,
}

/// What exists once the store is open.
pub(crate) struct Opened {
    /// Does the work.
    pub(crate) engine: Engine,
    /// Knows the callers.
    pub(crate) identity: Identity,
    /// What is measured of what the engine works with.
    pub(crate) parts: Parts,
}

impl App {
    /// An application whose store is not open: it answers `/healthz` and nothing else.
    pub(crate) fn new(config: &Config, telemetry: Telemetry, shutdown: CancellationToken) -> Self {
        let requests = Requests::new();
        let inner = Inner {
            opened: OnceLock::new(),
            registry: metrics::of_process(&requests, telemetry.counts()),
            requests,
            telemetry,
            store_path: crate::assemble::store_folder(&config.store.path),
            streams: Arc::new(Shares::new(
                config.limits.event_streams_max,
                config.limits.sharing.principal_share_percent,
            )),
            limits: config.limits.clone(),
            aws: config.aws.clone(),
            body_ms_max: config.server.body_ms_max,
            shutdown,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Begins to answer requests; a second call changes nothing.
    pub(crate) fn open(&self, opened: Opened) {
        let path = self.inner.store_path.clone();
        let registry = metrics::of_work(&opened.engine, &opened.parts, path);
        let _ = self.inner.opened.set((opened, registry));
    }

    /// The engine and the callers' identities.
    ///
    /// # Errors
    /// 503 until the store is open.
    pub(crate) fn opened(&self) -> Result<&Opened, Problem> {
        let opened = self.inner.opened.get();
        let (opened, _) = opened.ok_or_else(Problem::starting)?;
        Ok(opened)
    }

    /// What is counted of requests.
    pub(crate) fn requests(&self) -> &Requests {
        &self.inner.requests
    }

    /// Who takes spans.
    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.inner.telemetry
    }

    /// Everything that is measured by now.
    pub(crate) fn registries(&self) -> Vec<&Registry> {
        let opened = self.inner.opened.get();
        let of_work = opened.map(|(_, registry)| registry);
        [&self.inner.registry].into_iter().chain(of_work).collect()
    }

    /// The engine.
    ///
    /// # Errors
    /// 503 until the store is open.
    pub(crate) fn engine(&self) -> Result<&Engine, Problem> {
        Ok(&self.opened()?.engine)
    }

    /// The limits on requests.
    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The account and region of this host's ARNs.
    pub(crate) fn aws(&self) -> &Aws {
        &self.inner.aws
    }

    /// How long a body may take to arrive.
    pub(crate) fn body_ms_max(&self) -> u64 {
        self.inner.body_ms_max
    }

    /// One slot per open event stream.
    pub(crate) fn streams(&self) -> &Arc<Shares> {
        &self.inner.streams
    }

    /// Cancelled when the host is asked to stop.
    pub(crate) fn shutdown(&self) -> &CancellationToken {
        &self.inner.shutdown
    }
}
