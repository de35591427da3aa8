//! A small server on the loopback, plain or with TLS.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Request lines with their `Host`, in the order they came.
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn plain() -> Self {
        Self::start(None).await
    }

    pub(crate) async fn tls() -> Self {
        let certificate =
            CertificateDer::from_pem_slice(include_bytes!("../fixtures/localhost.pem")).unwrap();
        let key =
            PrivateKeyDer::from_pem_slice(include_bytes!("../fixtures/localhost.key")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Self::start(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        let log = Arc::clone(&seen);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, log) = (tls.clone(), Arc::clone(&log));
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, log).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, log).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            seen,
            _tasks: tasks,
        }
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Send + Unpin, log: Arc<Mutex<Vec<String>>>) {
    let service = service_fn(|request| answer(request, Arc::clone(&log)));
    // A client that hangs up is no concern of a test's server.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    log: Arc<Mutex<Vec<String>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let hosts: Vec<_> = request
        .headers()
        .get_all(header::HOST)
        .iter()
        .map(|host| host.to_str().unwrap())
        .collect();
    let line = format!("{} {} {}", request.method(), request.uri(), hosts.join("+"));
    log.lock().unwrap().push(line);
    let path = request.uri().path().to_owned();
    let kind = request.headers().get(header::CONTENT_TYPE).cloned();
    let sent = request.into_body().collect().await;
    let sent = sent.map_or_else(|_| Bytes::new(), |body| body.to_bytes());
    let response = match path.as_str() {
        "/redirect" => Response::builder()
            .status(302)
            .header(header::LOCATION, "/v1/orders")
            .body(Full::default()),
        "/large" => Response::builder().body(Full::new(Bytes::from(vec![b'x'; 100_000]))),
        "/missing" => Response::builder()
            .status(404)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from_static(br#"{"no":"such order"}"#))),
        "/echo" => Response::builder()
            .header(header::CONTENT_TYPE, kind.unwrap())
            .body(Full::new(sent)),
        _ => {
            let told = format!("got {} bytes", sent.len());
            Response::builder().body(Full::new(Bytes::from(told)))
        }
    };
    Ok(response.unwrap())
}
