//! One kept-alive connection: a client that costs as little as one can beside what it measures.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
    token: Option<String>,
}

impl Connection {
    /// # Errors
    /// Nobody listens there.
    pub(crate) async fn open(address: SocketAddr, token: Option<&str>) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends with its sender.
        tokio::spawn(connection);
        Ok(Self {
            sender,
            address,
            token: token.map(str::to_owned),
        })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// There is no answer, or its status is not a good one.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Result<Bytes> {
        self.send_as("application/json", method, path, body).await
    }

    /// The same, with a body of some other type.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn send_as(
        &mut self,
        content_type: &str,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Result<Bytes> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string())
            .header("content-type", content_type);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.sender.ready().await?;
        let answer = self
            .sender
            .send_request(request.body(Full::new(body.into()))?);
        let answer = answer
            .await
            .with_context(|| format!("no answer to `{path}`"))?;
        let status: StatusCode = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(
            status.is_success(),
            "`{path}` was answered with {status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(body)
    }
}
