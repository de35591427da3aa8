//! Names to addresses, addresses to connections, connections to responses.
//!
//! Makes exactly the connection it is told to make. It does not know what is granted.

use std::future::Future;
use std::net::SocketAddr;
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
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::Error;

/// Addresses of one name that are considered.
const ADDRESSES_MAX: usize = 32;
/// Bytes of a response's head.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// What every outgoing connection of this host shares.
pub(crate) struct Client {
    pub(super) body_bytes_max: u64,
    extra_roots: Vec<CertificateDer<'static>>,
    tls: OnceCell<TlsConnector>,
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
        })
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

/// The addresses of an origin; one that is written as an address is not looked up.
pub(super) async fn resolve(origin: &Origin) -> Result<Vec<SocketAddr>, Error> {
    if let Some(address) = origin.address() {
        return Ok(vec![SocketAddr::new(address, origin.port())]);
    }
    let failed = |rcode: &str| Error::DnsError {
        rcode: Some(rcode.to_owned()),
        info_code: None,
    };
    let found = tokio::net::lookup_host((origin.host(), origin.port())).await;
    let addresses: Vec<_> = found
        .map_err(|_| failed("name not found"))?
        .take(ADDRESSES_MAX)
        .collect();
    if addresses.is_empty() {
        Err(failed("no address"))
    } else {
        Ok(addresses)
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
