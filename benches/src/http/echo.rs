//! The least that a server built like the host's can do: axum, answering a body with itself.

use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use tokio::net::TcpListener;

/// Listens on a port of its own; where, and the serving.
///
/// # Errors
/// There is no port.
pub(crate) async fn serve() -> Result<(SocketAddr, impl Future<Output = Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/", post(async |body: Bytes| body));
    let serving = async move { Ok(axum::serve(listener, router).await?) };
    Ok((address, serving))
}
