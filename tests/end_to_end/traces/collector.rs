//! A collector on loopback: takes OTLP over HTTP and tells what came.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span as WireSpan;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

use super::super::host::SOON;

/// How it answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Taking,
    /// With this status, and a body that is no OTLP.
    Answering(u16),
    /// Never.
    Silent,
}

/// A collector; gone when dropped.
pub(super) struct Collector {
    pub(super) endpoint: String,
    taken: Arc<Taken>,
    changed: watch::Receiver<usize>,
    server: tokio::task::JoinHandle<()>,
}

struct Taken {
    spans: Mutex<Vec<Span>>,
    headers: Mutex<Vec<HeaderMap>>,
    services: Mutex<Vec<String>>,
    mood: Mutex<Mood>,
    requests: watch::Sender<usize>,
}

/// One span, read.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) trace: String,
    pub(super) id: String,
    /// Empty for none.
    pub(super) parent: String,
    pub(super) name: String,
    pub(super) kind: i32,
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) is_error: bool,
    attributes: Vec<(String, String)>,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (requests, changed) = watch::channel(0);
        let taken = Arc::new(Taken {
            spans: Mutex::default(),
            headers: Mutex::default(),
            services: Mutex::default(),
            mood: Mutex::new(Mood::Taking),
            requests,
        });
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&taken));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            endpoint,
            taken,
            changed,
            server,
        }
    }

    pub(super) fn is(&self, mood: Mood) {
        *self.taken.mood.lock().unwrap() = mood;
    }

    /// Everything that it has taken.
    pub(super) fn spans(&self) -> Vec<Span> {
        self.taken.spans.lock().unwrap().clone()
    }

    /// How often it was called.
    pub(super) fn requests(&self) -> usize {
        *self.taken.requests.borrow()
    }

    pub(super) fn headers(&self) -> Vec<HeaderMap> {
        self.taken.headers.lock().unwrap().clone()
    }

    pub(super) fn services(&self) -> Vec<String> {
        self.taken.services.lock().unwrap().clone()
    }

    /// Waits until what came is enough.
    pub(super) async fn until(&self, is_enough: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        let mut changed = self.changed.clone();
        let waited = timeout(SOON, async {
            loop {
                let spans = self.spans();
                if is_enough(&spans) {
                    return spans;
                }
                changed.changed().await.unwrap();
            }
        });
        match waited.await {
            Ok(spans) => spans,
            Err(_) => panic!("not enough came: {:#?}", self.spans()),
        }
    }

    /// Waits until it was called so often.
    pub(super) async fn until_called(&self, times: usize) {
        let mut changed = self.changed.clone();
        let called = changed.wait_for(|requests| *requests >= times);
        timeout(SOON, called).await.unwrap().unwrap();
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Span {
    fn of(span: WireSpan) -> Self {
        Self {
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            name: span.name,
            kind: span.kind,
            began: span.start_time_unix_nano,
            ended: span.end_time_unix_nano,
            is_error: span.status.is_some_and(|status| status.code == 2),
            attributes: span.attributes.into_iter().map(read).collect(),
        }
    }

    pub(super) fn tells(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

async fn take(
    State(taken): State<Arc<Taken>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let mood = *taken.mood.lock().unwrap();
    let answer = match mood {
        Mood::Taking => {
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            for resource in request.resource_spans {
                let attributes = resource.resource.unwrap().attributes.into_iter().map(read);
                let service = attributes.filter(|(name, _)| name == "service.name");
                let services = service.map(|(_, value)| value);
                taken.services.lock().unwrap().extend(services);
                let scopes = resource.scope_spans.into_iter();
                let spans = scopes.flat_map(|scope| scope.spans).map(Span::of);
                taken.spans.lock().unwrap().extend(spans);
            }
            taken.headers.lock().unwrap().push(headers);
            (StatusCode::OK, "")
        }
        Mood::Answering(status) => (StatusCode::from_u16(status).unwrap(), "<html>no</html>"),
        Mood::Silent => (StatusCode::OK, ""),
    };
    taken.requests.send_modify(|requests| *requests += 1);
    if mood == Mood::Silent {
        std::future::pending::<()>().await;
    }
    answer
}

fn read(attribute: KeyValue) -> (String, String) {
    let value = attribute.value.and_then(|value| value.value);
    let text = match value {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => panic!("{}: {other:?}", attribute.key),
    };
    (attribute.key, text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
