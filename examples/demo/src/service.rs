//! The company's release API: hands out release manifests and receives notifications.
//!
//! It is not always well: the first request for each manifest is answered with 503.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running release API; it ends when dropped.
pub(crate) struct Service {
    /// Where it answers, such as `http://127.0.0.1:40001`.
    pub(crate) origin: String,
    state: Shared,
    task: JoinHandle<()>,
}

/// What the API knows and what it was told.
#[derive(Default)]
struct Desk {
    manifests: BTreeMap<String, Value>,
    asked: BTreeMap<String, usize>,
    notifications: Vec<Value>,
    keys: BTreeSet<String>,
}

type Shared = Arc<Mutex<Desk>>;

impl Service {
    /// Listens on a free port of loopback with five digits, as the placeholder in the examples has.
    ///
    /// # Errors
    /// There is no such port.
    pub(crate) async fn start() -> Result<Self> {
        let listener = listen().await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let state = Shared::default();
        let router = Router::new()
            .route("/v1/releases/{service}/{version}", get(manifest))
            .route("/v1/notifications", post(notify))
            .with_state(Arc::clone(&state));
        let task = tokio::spawn(async move {
            // Nobody but the demo is told: the pipeline's own requests would fail.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            origin,
            state,
            task,
        })
    }

    /// Makes a release known.
    pub(crate) fn add(&self, release: String, manifest: Value) {
        lock(&self.state).manifests.insert(release, manifest);
    }

    /// How often a release's manifest was asked for.
    pub(crate) fn times_asked(&self, release: &str) -> usize {
        lock(&self.state).asked.get(release).copied().unwrap_or(0)
    }

    /// The outcomes that were notified for a service.
    pub(crate) fn outcomes(&self, service: &str) -> Vec<String> {
        let desk = lock(&self.state);
        let of_service = desk
            .notifications
            .iter()
            .filter(|notification| notification["service"] == service);
        of_service
            .filter_map(|notification| Some(notification["outcome"].as_str()?.to_owned()))
            .collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen() -> Result<TcpListener> {
    let mut too_short = Vec::new();
    for _ in 0..16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no free port on loopback")?;
        if listener.local_addr()?.port() >= 10_000 {
            return Ok(listener);
        }
        too_short.push(listener);
    }
    anyhow::bail!("loopback has no free port above 9999")
}

async fn manifest(
    State(state): State<Shared>,
    Path((service, version)): Path<(String, String)>,
) -> (StatusCode, Json<Value>) {
    let release = format!("{service}-{version}");
    let mut desk = lock(&state);
    let Some(manifest) = desk.manifests.get(&release).cloned() else {
        return (
            StatusCode::NOT_FOUND,
            Json(json!({"error": "no such release"})),
        );
    };
    let asked = desk.asked.entry(release).or_default();
    *asked += 1;
    if *asked == 1 {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({"error": "try again in a moment"})),
        );
    }
    (StatusCode::OK, Json(manifest))
}

async fn notify(
    State(state): State<Shared>,
    headers: HeaderMap,
    Json(notification): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let Some(key) = headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
    else {
        return (
            StatusCode::BAD_REQUEST,
            Json(json!({"error": "no idempotency key"})),
        );
    };
    let mut desk = lock(&state);
    if desk.keys.insert(key.to_owned()) {
        desk.notifications.push(notification);
    }
    (StatusCode::ACCEPTED, Json(json!({})))
}

fn lock(state: &Shared) -> MutexGuard<'_, Desk> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
