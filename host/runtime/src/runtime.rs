//! The runner behind the port.

use std::sync::Arc;

use async_trait::async_trait;
use auth::authority::EgressPermit;
use auth::names::Digest;
use bytes::Bytes;
use ports::{
    Attempt, AttemptReport, Catalogue, Egress, EgressError, Inspection, OutgoingRequest,
    OutgoingResponse, Rejected, RunError, Runner,
};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::attempt::{self, Host};
use crate::capability::filesystem::Volumes;
use crate::capability::http::{self, Client};
use crate::compiled::{Cache, Compiled, Purpose, Unlinked};
use crate::link::{Linkers, Shape};
use crate::ticker::Ticker;
use crate::{Metrics, RuntimeConfig, StartError, inspect, sandbox};

/// Runs components in wasmtime. Dropping it ends its thread; attempts still running are
/// cancelled by dropping their futures.
pub struct Runtime {
    config: Arc<RuntimeConfig>,
    catalogue: Arc<dyn Catalogue>,
    host: Host,
    cache: Cache,
    slots: Semaphore,
    ticker: Ticker,
}

impl Runtime {
    /// Sets up the sandbox: opens the volumes, reserves the pool, starts the epoch thread.
    ///
    /// # Errors
    /// A volume or certificate file cannot be used, or the machine cannot reserve the pool.
    pub fn new(config: RuntimeConfig, catalogue: Arc<dyn Catalogue>) -> Result<Self, StartError> {
        let mut problems = Vec::new();
        let volumes =
            Volumes::open(&config.volumes).map_err(|mut found| problems.append(&mut found));
        let client = Client::new(&config.extra_root_certificates, config.http_body_bytes_max)
            .map_err(|mut found| problems.append(&mut found));
        if config.attempts_max == 0 || config.compiled_count_max == 0 {
            problems.push("attempts and compiled components must be at least 1".to_owned());
        }
        let (Ok(volumes), Ok(client), true) = (volumes, client, problems.is_empty()) else {
            return Err(StartError::Config(problems));
        };
        let sandbox = |error: wasmtime::Error| StartError::Sandbox(format!("{error:#}"));
        let engine = sandbox::engine(&config).map_err(sandbox)?;
        let linkers = Linkers::new(&engine).map_err(sandbox)?;
        let ticker = Ticker::start(engine.clone(), config.tick)
            .map_err(|error| StartError::Sandbox(format!("no thread for the epoch: {error}")))?;
        let metrics = Metrics::default();
        Ok(Self {
            cache: Cache::new(engine.clone(), &config, metrics.clone()),
            slots: Semaphore::new(config.attempts_max as usize),
            host: Host {
                engine,
                linkers,
                volumes,
                client: Arc::new(client),
                metrics,
            },
            config: Arc::new(config),
            catalogue,
            ticker,
        })
    }

    /// What the runner counts and measures of itself.
    pub fn metrics(&self) -> &Metrics {
        &self.host.metrics
    }

    async fn compiled(&self, digest: &Digest) -> Result<Arc<Compiled>, RunError> {
        if let Some(compiled) = self.cache.present(digest) {
            return Ok(compiled);
        }
        let read = self.catalogue.blob(digest).await;
        let wasm = read
            .map_err(|error| RunError::Host(error.to_string().into()))?
            .ok_or_else(|| RunError::Missing(digest.clone()))?;
        let failed =
            |problem: String| RunError::Host(format!("component `{digest}`: {problem}").into());
        let (expected, read) = (digest.clone(), wasm.clone());
        let found = tokio::task::spawn_blocking(move || Digest::of(&read) == expected).await;
        if !found.map_err(|error| failed(error.to_string()))? {
            return Err(failed("the stored bytes have another digest".to_owned()));
        }
        let compiling = self.cache.compile(digest, wasm, Purpose::Attempt);
        compiling.await.map_err(failed)
    }
}

#[async_trait]
impl Runner for Runtime {
    async fn inspect(&self, wasm: Bytes) -> Result<Inspection, Rejected> {
        let (bytes, config) = (wasm.clone(), Arc::clone(&self.config));
        let read = tokio::task::spawn_blocking(move || inspect::read(&bytes, &config)).await;
        let inspection = read
            .map_err(|error| Rejected::Host(error.to_string().into()))?
            .map_err(Rejected::Invalid)?;
        let invalid = |problem: String| Rejected::Invalid(vec![problem]);
        let compiled = self
            .cache
            .compile(&inspection.digest, wasm, Purpose::Upload)
            .await
            .map_err(invalid)?;
        if inspection
            .imports
            .iter()
            .all(|import| Shape::FULL.links(import))
            && let Err(Unlinked::Unfit(problem)) = compiled.ready(&self.host.linkers, Shape::FULL)
        {
            return Err(invalid(format!(
                "an import has another form than this host offers: {problem}"
            )));
        }
        Ok(inspection)
    }

    async fn prepare(&self, digest: &Digest) -> Result<(), RunError> {
        self.compiled(digest).await.map(|_| ())
    }

    async fn run(&self, attempt: Attempt) -> Result<AttemptReport, RunError> {
        let cancelled = attempt.cancelled.clone();
        let begun = async {
            let compiled = self.compiled(attempt.permit.digest()).await?;
            let slot = self.slots.acquire().await;
            slot.map(|slot| (compiled, slot))
                .map_err(|error| RunError::Host(error.to_string().into()))
        };
        let (compiled, _slot) = tokio::select! {
            biased;
            () = cancelled.cancelled() => return Ok(attempt::not_begun()),
            begun = begun => begun?,
        };
        let _ticking = self.ticker.attempt();
        attempt::run(&self.host, &compiled, attempt).await
    }
}

#[async_trait]
impl Egress for Runtime {
    async fn request(
        &self,
        permit: EgressPermit,
        request: OutgoingRequest,
    ) -> Result<OutgoingResponse, EgressError> {
        let begun = Instant::now();
        let answered = http::request(&self.host.client, &permit, request).await;
        let run = &self.host.metrics.run_seconds;
        run.observe(begun.elapsed().as_secs_f64());
        answered
    }
}
