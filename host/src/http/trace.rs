//! Where a request stands in a trace (W3C Trace Context), and the span that tells of it.
//!
//! Owns what is told of a request. Whether spans are collected is for the configuration to say.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method};
use ports::{Clock as _, Moment, Span, SpanId, SpanKind, TraceContext, TraceId, Tracer as _};
use tokio::time::Instant;

use super::metrics::Operation;
use super::state::App;
use crate::clock::SystemClock;

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// The service, as the target of a call names it.
const SERVICE: &str = "AWSStepFunctions";
/// What is asked every few seconds by whoever watches the host.
const WATCHED: [&str; 3] = ["/healthz", "/metrics", "/readyz"];

/// Where a request stands in a trace, for those who pass it on; nothing where no spans are
/// collected.
#[derive(Clone, Copy)]
pub(super) struct Traced(pub(super) Option<TraceContext>);

impl FromRequestParts<App> for Traced {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl Traced {
    pub(super) fn of(parts: &Parts) -> Self {
        let traced = parts.extensions.get::<Self>().copied();
        traced.unwrap_or(Self(None))
    }
}

/// A request under way.
pub(super) struct RequestTrace {
    caller: Option<TraceContext>,
    own: Option<OwnSpan>,
}

/// The span of a request whose trace is kept.
struct OwnSpan {
    context: TraceContext,
    began: Instant,
    method: &'static str,
    route: Option<String>,
}

impl RequestTrace {
    /// Finds where a request stands, and lets it know.
    pub(super) fn begin(app: &App, request: &mut Request) -> Self {
        let caller = parent(request.headers());
        let telemetry = app.telemetry();
        if !telemetry.is_on() {
            return Self { caller, own: None };
        }
        let matched = request.extensions().get::<MatchedPath>();
        let route = matched.map(|route| route.as_str().to_owned());
        let span = SpanId::of(SystemClock.seed());
        let context = match caller {
            Some(caller) => caller.under(span),
            None => {
                let (high, low) = (SystemClock.seed(), SystemClock.seed());
                let trace = TraceId::of(u128::from(high) << 64 | u128::from(low));
                let is_watched = route
                    .as_deref()
                    .is_some_and(|route| WATCHED.contains(&route));
                TraceContext {
                    trace,
                    span,
                    is_sampled: !is_watched && telemetry.is_kept(trace),
                }
            }
        };
        request.extensions_mut().insert(Traced(Some(context)));
        let own = context.is_sampled.then(|| OwnSpan {
            context,
            began: Instant::now(),
            method: word_of(request.method()),
            route,
        });
        Self { caller, own }
    }

    /// The trace that the request belongs to: the caller's, or the one that begins with it.
    pub(super) fn id(&self) -> Option<TraceId> {
        let own = self.own.as_ref().map(|own| own.context);
        own.or(self.caller).map(|context| context.trace)
    }

    /// The head of the answer is there.
    pub(super) fn end(self, app: &App, response: &Response, request_id: &str) {
        let Some(own) = self.own else { return };
        let operation = response.extensions().get::<Operation>();
        let operation = operation.map(|operation| operation.0);
        let status = response.status();
        let mut span = Span {
            context: own.context,
            parent: self.caller.map(|caller| caller.span),
            kind: SpanKind::Server,
            name: own.name(operation),
            began: Moment::Measured(own.began),
            ended: Moment::Measured(Instant::now()),
            attributes: Vec::new(),
            error: status
                .is_server_error()
                .then(|| status.as_u16().to_string()),
            phases: Vec::new(),
        };
        span.tell("http.request.method", own.method);
        if let Some(route) = own.route {
            span.tell("http.route", route);
        }
        span.tell("http.response.status_code", u32::from(status.as_u16()));
        if let Some(operation) = operation {
            span.tell("rpc.system", "aws-api");
            span.tell("rpc.service", SERVICE);
            span.tell("rpc.method", operation);
        }
        span.tell("sluice.request", request_id);
        app.telemetry().ended(span);
    }
}

impl OwnSpan {
    fn name(&self, operation: Option<&str>) -> String {
        let method = match self.method {
            "_OTHER" => "HTTP",
            method => method,
        };
        match (operation, &self.route) {
            (Some(operation), _) => format!("{SERVICE}/{operation}"),
            (None, Some(route)) => format!("{method} {route}"),
            (None, None) => method.to_owned(),
        }
    }
}

/// The method, if it is one that somebody else did not make up.
fn word_of(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    let found = known.into_iter().find(|known| *known == method.as_str());
    found.unwrap_or("_OTHER")
}

/// Where a caller stands, if its one `traceparent` is well formed; anything else is as if it were
/// not there.
fn parent(headers: &HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all(TRACE_PARENT).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    TraceContext::parse(value.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn exactly_one_well_formed_parent_is_read() {
        let check = |values: &[&'static str], expected: bool| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(TRACE_PARENT, HeaderValue::from_static(value));
            }
            assert_eq!(parent(&headers).is_some(), expected, "{values:?}");
        };
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        check(&[good], true);
        check(&[good, good], false);
        check(&["00-0af7651916cd43dd8448eb211c80319c"], false);
        check(&[], false);
    }
}
