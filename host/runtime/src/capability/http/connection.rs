//! Names to addresses, addresses to connections, connections to responses.
//!
//! Makes exactly the connection it is told to make. It does not know what is granted.

use std::future::Future;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use auth::capability::{Origin, Scheme};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, Semaphore};
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::Error;

/// Addresses of one name that are considered.
const ADDRESSES_MAX: usize = 32;
/// Names that the whole host looks up at once.
const HOST_LOOKUPS_MAX: usize = 32;
/// Bytes of a response's head.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// What every outgoing connection of this host shares.
pub(crate) struct Client {
    pub(super) body_bytes_max: u64,
    extra_roots: Vec<CertificateDer<'static>>,
    tls: OnceCell<TlsConnector>,
    lookups: Arc<Semaphore>,
}

impl Client {
    /// Reads the extra certificate authorities; the platform's are read with the first use.
    ///
    /// # Errors
    /// Each line names a file that holds no certificates.
    pub(crate) fn new(
        extra_root_files: &[PathBuf],
        body_bytes_max: u64,
    ) -> Result<Self, Vec<String>> {
        let mut extra_roots = Vec::new();
        let mut problems = Vec::new();
        for path in extra_root_files {
            match read_roots(path) {
                Ok(roots) => extra_roots.extend(roots),
                Err(problem) => problems.push(format!(
                    "the certificates in `{}` cannot be used: {problem}",
                    path.display()
                )),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            body_bytes_max,
            extra_roots,
            tls: OnceCell::new(),
            lookups: Arc::new(Semaphore::new(HOST_LOOKUPS_MAX)),
        })
    }

    /// The addresses of an origin; one that is written as an address is not looked up. At most
    /// as many lookups run as `lookups` and the host have room for.
    pub(super) async fn resolve(
        &self,
        origin: &Origin,
        lookups: &Arc<Semaphore>,
    ) -> Result<Vec<SocketAddr>, Error> {
        if let Some(address) = origin.address() {
            return Ok(vec![SocketAddr::new(address, origin.port())]);
        }
        let closed = |_| Error::ConfigurationError;
        let own = Arc::clone(lookups).acquire_owned().await.map_err(closed)?;
        let shared = Arc::clone(&self.lookups).acquire_owned().await;
        let shared = shared.map_err(closed)?;
        let (host, port) = (origin.host().to_owned(), origin.port());
        // A caller that gives up does not end the lookup; the permits stay with its thread.
        let looking = tokio::task::spawn_blocking(move || {
            let found = (host.as_str(), port).to_socket_addrs();
            let found = found.map(|found| found.take(ADDRESSES_MAX).collect::<Vec<_>>());
            drop((own, shared));
            found
        });
        match looking.await {
            Ok(Ok(addresses)) if addresses.is_empty() => Err(not_found("no address")),
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(_)) | Err(_) => Err(not_found("name not found")),
        }
    }

    /// Connects to the first address that answers, over TLS where the origin says so.
    pub(super) async fn connect(
        &self,
        origin: &Origin,
        addresses: &[SocketAddr],
    ) -> Result<Box<dyn Stream>, Error> {
        let stream = connect_any(addresses).await?;
        match origin.scheme() {
            Scheme::Http => Ok(Box::new(stream)),
            Scheme::Https => {
                let name = server_name(origin)?;
                let tls = self.tls.get_or_try_init(|| self.build_tls()).await?;
                let stream = tls.connect(name, stream).await.map_err(Error::Tls)?;
                Ok(Box::new(stream))
            }
        }
    }

    async fn build_tls(&self) -> Result<TlsConnector, Error> {
        let roots = self.extra_roots.clone();
        let built = tokio::task::spawn_blocking(move || tls_config(roots)).await;
        let failed = |error: &dyn std::fmt::Display| {
            tracing::warn!(%error, "no certificate authority can be trusted");
            Error::ConfigurationError
        };
        match built {
            Ok(Ok(config)) => Ok(TlsConnector::from(Arc::new(config))),
            Ok(Err(error)) => Err(failed(&error)),
            Err(error) => Err(failed(&error)),
        }
    }
}

fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let roots: Vec<_> = certificates
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let mut store = rustls::RootCertStore::empty();
    for root in &roots {
        store.add(root.clone()).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        Err("it holds no PEM certificate".to_owned())
    } else {
        Ok(roots)
    }
}

fn tls_config(extra_roots: Vec<CertificateDer<'static>>) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Verifier::new_with_extra_roots(extra_roots, Arc::clone(&provider))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn server_name(origin: &Origin) -> Result<ServerName<'static>, Error> {
    match origin.address() {
        Some(address) => Ok(ServerName::from(address)),
        None => ServerName::try_from(origin.host()).map_err(|_| Error::HttpRequestUriInvalid),
    }
}

fn not_found(rcode: &str) -> Error {
    Error::DnsError {
        rcode: Some(rcode.to_owned()),
        info_code: None,
    }
}

async fn connect_any(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let mut last = Error::DestinationNotFound;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(Error::Connect)?;
                return Ok(stream);
            }
            Err(error) => last = Error::Connect(error),
        }
    }
    Err(last)
}

/// A connection, plain or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

type Rest = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// Sends a request and waits for the response's head. The second answer moves the bodies and
/// must be driven for as long as the response is read.
pub(super) async fn exchange<B>(
    stream: Box<dyn Stream>,
    request: Request<B>,
    first_byte_time: Duration,
) -> Result<(Response<Incoming>, Rest), Error>
where
    B: Body<Data = Bytes, Error = Error> + Send + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    let mut connection = Box::pin(connection);
    let mut is_closed = false;
    let answer = async {
        let mut answer = std::pin::pin!(sender.send_request(request));
        tokio::select! {
            response = &mut answer => Ok(response?),
            closed = &mut connection => {
                is_closed = true;
                closed?;
                Ok::<_, Error>(answer.await?)
            }
        }
    };
    let response = tokio::time::timeout(first_byte_time, answer).await;
    let response = response.map_err(|_| Error::ConnectionReadTimeout)??;
    let rest: Rest = Box::new(async move {
        if !is_closed {
            connection.await?;
        }
        Ok(())
    });
    Ok((response, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lookup_waits_for_room_in_its_attempt_and_on_its_host() {
        let client = Client::new(&[], 0).unwrap();
        let own = Arc::new(Semaphore::new(0));
        let origin = Origin::parse("http://localhost:80").unwrap();
        let taken = client
            .lookups
            .acquire_many(u32::try_from(HOST_LOOKUPS_MAX).unwrap());
        let taken = taken.await.unwrap();
        let mut found = std::pin::pin!(client.resolve(&origin, &own));
        assert!(is_waiting(found.as_mut()).await);
        own.add_permits(1);
        assert!(is_waiting(found.as_mut()).await);
        drop(taken);
        assert!(!found.await.unwrap().is_empty());
        assert_eq!(own.available_permits(), 1);
        assert_eq!(client.lookups.available_permits(), HOST_LOOKUPS_MAX);
    }

    #[tokio::test]
    async fn an_address_is_not_looked_up() {
        let client = Client::new(&[], 0).unwrap();
        let origin = Origin::parse("http://127.0.0.1:80").unwrap();
        let found = client.resolve(&origin, &Arc::new(Semaphore::new(0))).await;
        assert_eq!(found.unwrap(), [SocketAddr::from(([127, 0, 0, 1], 80))]);
    }

    async fn is_waiting(future: std::pin::Pin<&mut impl Future>) -> bool {
        let mut future = Some(future);
        std::future::poll_fn(|context| {
            let polled = future.take().map(|future| future.poll(context));
            std::task::Poll::Ready(polled.is_some_and(|polled| polled.is_pending()))
        })
        .await
    }
}
