//! Accepts connections and serves them until told to stop.
//!
//! Owns the bounds of a connection: how many, how long a head may take, how long it may live on
//! after the request to stop. It does not know what is served.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::linger::Lingering;

use crate::config::Server;

const HEADER_BYTES_MAX: usize = 64 * 1024;
/// How long to wait after a failed accept, which usually means too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What bounds the connections of one listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerLimits {
    /// Connections served at once; further ones wait to be accepted.
    pub(crate) connections_max: usize,
    /// How long a client may take to send a request's head.
    pub(crate) headers_ms_max: u64,
    /// How long connections may go on after the request to stop.
    pub(crate) drain_ms: u64,
}

impl From<&Server> for ServerLimits {
    fn from(server: &Server) -> Self {
        Self {
            connections_max: server.connections_max,
            headers_ms_max: server.headers_ms_max,
            drain_ms: server.drain_ms,
        }
    }
}

/// Serves `router` on `listener` until `shutdown`, then lets requests in flight end.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
    shutdown: CancellationToken,
) {
    let connections = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(limits.connections_max));
    loop {
        let slot = tokio::select! {
            () = shutdown.cancelled() => break,
            slot = Arc::clone(&slots).acquire_owned() => slot,
        };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, router.clone(), limits, shutdown.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(
    stream: TcpStream,
    router: Router,
    limits: ServerLimits,
    shutdown: CancellationToken,
) {
    // A small answer must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.headers_ms_max))
        .max_header_size(HEADER_BYTES_MAX);
    let service = TowerToHyperService::new(router);
    let stream = TokioIo::new(Lingering::new(stream));
    let connection = builder.serve_connection(stream, service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let drain = Duration::from_millis(limits.drain_ms);
            tokio::time::timeout(drain, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
