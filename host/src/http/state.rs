//! What every request handler shares.

use std::sync::{Arc, OnceLock};

use engine::{Engine, Shares};
use tokio_util::sync::CancellationToken;

use super::problem::Problem;
use crate::config::{Aws, Config, Limits};
use crate::identity::Identity;

/// What every request handler shares; cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    inner: Arc<Inner>,
}

struct Inner {
    opened: OnceLock<Opened>,
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
}

impl App {
    /// An application whose store is not open: it answers `/healthz` and nothing else.
    pub(crate) fn new(config: &Config, shutdown: CancellationToken) -> Self {
        let inner = Inner {
            opened: OnceLock::new(),
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
        let _ = self.inner.opened.set(opened);
    }

    /// The engine and the callers' identities.
    ///
    /// # Errors
    /// 503 until the store is open.
    pub(crate) fn opened(&self) -> Result<&Opened, Problem> {
        self.inner.opened.get().ok_or_else(Problem::starting)
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
