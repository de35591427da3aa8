//! The engine as its callers hold it: opening it, and whether it can do its work.

use std::future::Future;
use std::sync::Arc;

use auth::authority::AuthorityVersion;
use auth::policy::Policies;
use ports::{AuditRecord, Commit, CommitError, Decision};
use serde_json::{Value, json};

use crate::authority::Authority;
use crate::metrics::Metrics;
use crate::shared::{Ports, Shared};
use crate::{Config, Error, Service};

/// The engine: cheap to clone, shared by every request.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
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
        let shared = Arc::new(Shared::new(ports, config, authority));
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
