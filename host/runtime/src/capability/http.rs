//! `wasi:http/outgoing-handler`: requests to granted origins, with granted methods and paths.
//!
//! The request is decided on as it will be sent, before a name is resolved; every resolved
//! address is decided on before a connection is made, and the connection goes to a decided
//! address. Redirects are the guest's to follow, as requests of their own.

mod body;
mod connection;
mod egress;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auth::capability::{Capabilities, HttpAllowed, Origin, Refused, is_private_address};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, oneshot};
use wasmtime::component::Linker;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpHooks};

use self::body::Bounded;
pub(crate) use self::connection::Client;
pub(crate) use self::egress::request;
use crate::guest::Guest;
use crate::ledger::{Denial, Ledger};

pub(crate) const INTERFACES: &[&str] = &["wasi:http/types@0.2.", "wasi:http/outgoing-handler@0.2."];

const CAPABILITY: &str = "http";
/// How long each step of a request may take where the guest sets no time of its own. The
/// attempt's own limit ends it earlier.
const STEP_TIME_DEFAULT: Duration = Duration::from_secs(600);
/// Bytes of one set of headers in the host's memory.
const FIELDS_BYTES_MAX: usize = 32 << 10;
/// Bytes of a request's body that are buffered between guest and connection.
const BODY_CHUNK_BYTES: usize = 64 << 10;

pub(crate) fn is_granted(capabilities: &Capabilities) -> bool {
    !capabilities.http.is_empty()
}

pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
}

pub(crate) fn context() -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(FIELDS_BYTES_MAX);
    context
}

/// The outgoing requests of one attempt.
pub(crate) struct Outgoing {
    pub(crate) client: Arc<Client>,
    pub(crate) capabilities: Arc<Capabilities>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) lookups: Arc<Semaphore>,
}

/// A request that may be made.
struct Checked {
    allowed: HttpAllowed,
    /// For the record: method, origin and path, without the query.
    shown: String,
    request: Request<WasiBody>,
}

/// Why a request is not made.
enum Stopped {
    /// It was refused; resolves once the witness knows.
    Refused(oneshot::Receiver<()>),
    /// The guest is being stopped, or asked for something that is no request.
    Failed(Error),
}

type Exchange = (
    Response<WasiBody>,
    Box<dyn Future<Output = Result<(), Error>> + Send>,
);

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Exchange, Error>> + Send> {
        let checked = self.check(request);
        let (client, ledger) = (Arc::clone(&self.client), Arc::clone(&self.ledger));
        let lookups = Arc::clone(&self.lookups);
        Box::new(async move {
            match checked {
                Ok(checked) => {
                    let options = options.unwrap_or_default();
                    send(&client, &ledger, &lookups, checked, options).await
                }
                Err(Stopped::Failed(error)) => Err(error),
                Err(Stopped::Refused(recorded)) => Err(denied(recorded).await),
            }
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_BYTES
    }
}

impl Outgoing {
    /// Decides on a request and rewrites it to what is sent: a target in origin form and the
    /// `Host` of the origin that was decided on.
    fn check(&self, request: Request<WasiBody>) -> Result<Checked, Stopped> {
        let method = request.method().as_str().to_owned();
        let uri = request.uri();
        let target = uri.query().map_or_else(
            || uri.path().to_owned(),
            |query| format!("{}?{query}", uri.path()),
        );
        let origin = origin_of(uri).map_err(|reason| {
            let refused = Refused {
                rule: "http.origin",
                reason,
            };
            let (scheme, host) = (
                uri.scheme_str().unwrap_or_default(),
                uri.host().unwrap_or_default(),
            );
            self.refuse(format!("{method} {scheme}://{host}{}", uri.path()), refused)
        })?;
        let shown = format!("{method} {origin}{}", uri.path());
        let allowed = self
            .capabilities
            .http_request(&method, &origin, &target)
            .map_err(|refused| self.refuse(shown.clone(), refused))?;
        self.ledger
            .request(self.capabilities.limits.http_requests())
            .map_err(|_| Stopped::Failed(Error::HttpRequestDenied))?;
        let request = rewrite(request, &origin, &target).map_err(Stopped::Failed)?;
        Ok(Checked {
            allowed,
            shown,
            request,
        })
    }

    fn refuse(&self, asked: String, refused: Refused) -> Stopped {
        Stopped::Refused(self.ledger.refuse(denial(asked, refused)))
    }
}

fn denial(asked: String, refused: Refused) -> Denial {
    Denial {
        capability: CAPABILITY,
        asked,
        rule: refused.rule.to_owned(),
        reason: refused.reason,
    }
}

fn origin_of(uri: &Uri) -> Result<Origin, String> {
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(
            "the request carries a user name or password in its address; leave it out".to_owned(),
        );
    }
    Origin::parse(&format!("{scheme}://{authority}"))
}

fn rewrite<B>(request: Request<B>, origin: &Origin, target: &str) -> Result<Request<B>, Error> {
    let target = PathAndQuery::try_from(target).map_err(|_| Error::HttpRequestUriInvalid)?;
    let origin = origin.to_string();
    let host = origin
        .split_once("://")
        .map_or(origin.as_str(), |(_, host)| host);
    let host = HeaderValue::from_str(host).map_err(|_| Error::HttpRequestUriInvalid)?;
    let (mut parts, body) = request.into_parts();
    parts.uri = Uri::from(target);
    parts.headers.insert(header::HOST, host);
    Ok(Request::from_parts(parts, body))
}

async fn denied(recorded: oneshot::Receiver<()>) -> Error {
    // The guest learns of the refusal once it is recorded, or is stopped if it cannot be.
    let _ = recorded.await;
    Error::HttpRequestDenied
}

async fn send(
    client: &Client,
    ledger: &Ledger,
    lookups: &Arc<Semaphore>,
    checked: Checked,
    options: RequestOptions,
) -> Result<Exchange, Error> {
    let Checked {
        allowed,
        shown,
        request,
    } = checked;
    let origin = allowed.origin();
    let connect_time = options.connect_timeout.unwrap_or(STEP_TIME_DEFAULT);
    let first_byte_time = options.first_byte_timeout.unwrap_or(STEP_TIME_DEFAULT);
    let idle_time = options.between_bytes_timeout.unwrap_or(STEP_TIME_DEFAULT);
    let connected = tokio::time::timeout(connect_time, async {
        let addresses = match addresses(client, lookups, &allowed).await {
            Ok(addresses) => addresses,
            Err(Unreachable::Failed(error)) => return Err(error),
            Err(Unreachable::Refused(refused)) => {
                let recorded = ledger.refuse(denial(shown.clone(), refused));
                return Err(denied(recorded).await);
            }
        };
        ledger.used(CAPABILITY, &shown);
        client.connect(origin, &addresses).await
    });
    let stream = connected.await.map_err(|_| Error::ConnectionTimeout)??;
    let body_bytes_max = client.body_bytes_max;
    let request = request.map(|body| Bounded::request(body, body_bytes_max));
    let (response, rest) = connection::exchange(stream, request, first_byte_time).await?;
    let response =
        response.map(|body| Bounded::response(body, body_bytes_max, idle_time).boxed_unsync());
    Ok((response, rest))
}

/// Why no connection is made.
enum Unreachable {
    /// An address of the origin may not be connected to.
    Refused(Refused),
    /// The origin has no address.
    Failed(Error),
}

/// The addresses of an allowed request's origin, each of which may be connected to.
async fn addresses(
    client: &Client,
    lookups: &Arc<Semaphore>,
    allowed: &HttpAllowed,
) -> Result<Vec<SocketAddr>, Unreachable> {
    let found = client.resolve(allowed.origin(), lookups).await;
    let addresses = found.map_err(Unreachable::Failed)?;
    let private = addresses.iter().find(|one| is_private_address(one.ip()));
    let Some(private) = private.filter(|_| !allowed.private_addresses()) else {
        return Ok(addresses);
    };
    Err(Unreachable::Refused(Refused {
        rule: "http.private-address",
        reason: format!(
            "`{}` resolves to the private address {}; that needs `private_addresses = true` in `{}` {}",
            allowed.origin(),
            private.ip(),
            allowed.rule(),
            allowed.places()
        ),
    }))
}
