//! Requests to a host with an engine, a development issuer and a store in memory.

mod map_runs;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use asl::Timestamp;
use async_trait::async_trait;
use auth::authority::EgressPermit;
use auth::names::Digest;
use auth::policy::Policies;
use bytes::Bytes;
use engine::{Engine, Ports};
use ports::{
    Attempt, AttemptReport, Clock, Egress, EgressError, Inspection, OutgoingRequest,
    OutgoingResponse, Rejected, RunError, Runner, Untraced,
};
use runtime::{EvaluatorConfig, JsonataEvaluator, VolumeFiles};
use serde_json::json as value;
use tokio::task::JoinHandle;
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::clock::SystemClock;
use crate::config::Trust;
use crate::identity::development::DevelopmentIssuer;
use crate::identity::{Discovery, Identity};
use crate::secret::Secret;

/// Takes no component for usable and runs none.
struct NoRunner;

#[async_trait]
impl Runner for NoRunner {
    async fn inspect(&self, _: Bytes) -> Result<Inspection, Rejected> {
        Err(Rejected::Invalid(vec![
            "no component is usable here".to_owned(),
        ]))
    }

    async fn prepare(&self, digest: &Digest) -> Result<(), RunError> {
        Err(RunError::Missing(digest.clone()))
    }

    async fn run(&self, attempt: Attempt) -> Result<AttemptReport, RunError> {
        Err(RunError::Missing(attempt.permit.digest().clone()))
    }
}

/// Reaches nobody.
#[async_trait]
impl Egress for NoRunner {
    async fn request(
        &self,
        _: EgressPermit,
        _: OutgoingRequest,
    ) -> Result<OutgoingResponse, EgressError> {
        Err(EgressError::Unanswered("nobody is there".into()))
    }
}

struct Host {
    service: TowerToHyperService<Router>,
    tokens: BTreeMap<String, Secret>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Host {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let issuer = DevelopmentIssuer::open(folder.path()).await.unwrap();
        let tokens = issuer.tokens(SystemClock.now().0 / 1000);
        let discovery = Discovery::new(&Trust::default()).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let providers = vec![issuer.provider().unwrap()];
        let identity = Identity::new(providers, &discovery, Arc::clone(&clock));
        let store = Arc::new(store::MemoryStore::new(Arc::new(::audit::Sha256Chain)));
        let ports = Ports {
            journal: store.clone(),
            archive: store.clone(),
            backups: store.clone(),
            catalogue: store.clone(),
            retention: store,
            runner: Arc::new(NoRunner),
            egress: Arc::new(NoRunner),
            evaluator: Arc::new(JsonataEvaluator::new(EvaluatorConfig::default())),
            volumes: Arc::new(VolumeFiles::open(&BTreeMap::new()).unwrap()),
            clock,
            tracer: Arc::new(Untraced),
        };
        let policies = Arc::new(Policies::development());
        let opened = Engine::open(ports, engine::Config::default(), policies).await;
        let (engine, service) = opened.unwrap();
        let stop = CancellationToken::new();
        let app = App::new(&config(), untraced(), stop.clone());
        app.open(Opened {
            engine,
            identity,
            parts: crate::metrics::Parts::default(),
        });
        let tasks = vec![
            tokio::spawn(service.run(stop.clone())),
            tokio::spawn(issuer.serve(stop.clone())),
        ];
        let service = TowerToHyperService::new(router(app));
        Self {
            service,
            tokens,
            stop,
            tasks,
            _folder: folder,
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
    }

    async fn call(&self, person: &str, request: &str, content_type: &str, body: &str) -> Response {
        let (method, uri) = request.split_once(' ').unwrap();
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(
                "authorization",
                format!("Bearer {}", self.tokens[person].reveal()),
            )
            .header("content-type", content_type)
            .body(Body::from(body.to_owned()));
        self.service.call(request.unwrap()).await.unwrap()
    }

    /// Checks the status of an answer and hands out its body.
    async fn check(&self, person: &str, request: &str, body: &Value, status: u16) -> Value {
        let response = self
            .call(person, request, "application/json", &body.to_string())
            .await;
        assert_eq!(response.status().as_u16(), status, "{person} {request}");
        json(response).await
    }
}

#[tokio::test]
async fn a_definition_is_published_started_followed_and_read() {
    let host = Host::start().await;
    let yaml = "StartAt: A\nStates:\n  A: {Type: Pass, End: true}\n";
    let put = "PUT /v1/state-machines/hello";
    let response = host.call("operator", put, "application/yaml", yaml).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let definition = value!({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}});
    host.check("operator", put, &definition, 200).await;
    let start = value!({"stateMachine": "hello", "name": "first", "input": {"a": 1}});
    let started = host
        .check("operator", "POST /v1/executions", &start, 201)
        .await;
    let id = started["id"].as_str().unwrap();

    let events = format!("GET /v1/executions/{id}/events");
    let response = host.call("operator", &events, "application/json", "").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(
        text.starts_with("id: 1\nevent: ExecutionStarted\ndata: {"),
        "{text}"
    );
    assert!(text.contains("event: ExecutionSucceeded\n"), "{text}");

    let arn = started["executionArn"]
        .as_str()
        .unwrap()
        .replace(':', "%3A");
    for name in [id, &arn] {
        let execution = host
            .check(
                "operator",
                &format!("GET /v1/executions/{name}"),
                &Value::Null,
                200,
            )
            .await;
        assert_eq!(execution["status"], "SUCCEEDED");
        assert_eq!(execution["output"], value!({"a": 1}));
        assert_eq!(execution["stateMachine"], "hello");
    }
    let mut request = format!("GET /v1/executions/{id}/history?maxResults=1");
    let mut types = Vec::new();
    loop {
        let page = host.check("operator", &request, &Value::Null, 200).await;
        types.extend(
            page["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["type"].clone()),
        );
        let Some(token) = page["nextToken"].as_str() else {
            break;
        };
        request = format!("GET /v1/executions/{id}/history?maxResults=1&nextToken={token}");
    }
    assert_eq!(
        types,
        [
            "ExecutionStarted",
            "PassStateEntered",
            "PassStateExited",
            "ExecutionSucceeded"
        ]
    );
    let list = "GET /v1/executions?stateMachine=hello&status=SUCCEEDED";
    let list = host.check("operator", list, &Value::Null, 200).await;
    assert_eq!(list["executions"][0]["id"], id);
    host.stop().await;
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_its_reader_has() {
    let host = Host::start().await;
    let definition = value!({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}});
    host.check("operator", "PUT /v1/state-machines/hello", &definition, 201)
        .await;
    let start = value!({"stateMachine": "hello"});
    let started = host
        .check("operator", "POST /v1/executions", &start, 201)
        .await;
    let request = Request::builder()
        .uri(format!(
            "/v1/executions/{}/events",
            started["id"].as_str().unwrap()
        ))
        .header(
            "authorization",
            format!("Bearer {}", host.tokens["operator"].reveal()),
        )
        .header("last-event-id", "2");
    let response = host
        .service
        .call(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let text = response.into_body().collect().await.unwrap().to_bytes();
    assert!(text.starts_with(b"id: 3\n"));
    host.stop().await;
}

#[tokio::test]
async fn a_caller_without_the_right_is_refused_and_the_refusal_recorded() {
    let host = Host::start().await;
    let definition = value!({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}});
    let refused = host
        .check("author", "PUT /v1/state-machines/hello", &definition, 403)
        .await;
    assert_eq!(refused["rule"], "default-deny");
    host.check("author", "GET /v1/audit", &Value::Null, 403)
        .await;
    host.check("author", "GET /v1/executions/nothing", &Value::Null, 403)
        .await;
    host.check("auditor", "GET /v1/backup", &Value::Null, 403)
        .await;
    host.check("operator", "GET /v1/executions/nothing", &Value::Null, 404)
        .await;
    let log = host
        .check("auditor", "GET /v1/audit", &Value::Null, 200)
        .await;
    let records = log["records"].as_array().unwrap();
    let denied = records
        .iter()
        .filter(|link| link["record"]["decision"]["effect"] == "denied");
    assert_eq!(denied.count(), 4);
    assert_eq!(log["head"]["length"], records.len());
    assert!(log.get("nextToken").is_none());
    let page = host
        .check("auditor", "GET /v1/audit?maxResults=1", &Value::Null, 200)
        .await;
    assert_eq!(page["nextToken"], "1");
    host.stop().await;
}

#[tokio::test]
async fn a_malformed_request_says_what_is_wrong() {
    let host = Host::start().await;
    let put = "PUT /v1/roles/writer";
    let problem = host.call("operator", put, "text/plain", "{}").await;
    assert_eq!(problem.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let twice = host
        .call(
            "operator",
            put,
            "application/json",
            "{\"a\": 1,\n \"a\": 2}",
        )
        .await;
    assert_eq!(twice.status(), StatusCode::BAD_REQUEST);
    assert!(
        json(twice).await["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("line 2")
    );
    let large = format!("\"{}\"", "x".repeat(300 * 1024));
    let large = host.call("operator", put, "application/json", &large).await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    for uri in [
        "/v1/roles/a%20b",
        "/v1/components/x/versions/1",
        "/v1/executions?status=DONE",
        "/v1/executions?maxResults=0",
        "/v1/executions?limit=1",
        "/v1/executions?nextToken=A%2FB",
        "/v1/executions?status=FAILED&status=FAILED",
        "/v1/reviews?component=x",
        "/v1/whoami?access_token=x",
        "/v1/roles/%ff",
    ] {
        host.check("operator", &format!("GET {uri}"), &Value::Null, 400)
            .await;
    }
    let wasm = "PUT /v1/components/x/versions/1.0.0";
    let refused = host.call("author", wasm, "application/wasm", "\0asm").await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    host.stop().await;
}

#[tokio::test]
async fn a_body_too_large_is_refused_by_its_announced_length() {
    let host = Host::start().await;
    let request = Request::builder()
        .method("PUT")
        .uri("/v1/roles/writer")
        .header(
            "authorization",
            format!("Bearer {}", host.tokens["operator"].reveal()),
        )
        .header("content-type", "application/json")
        .header("content-length", "9999999999");
    let never = Body::from_stream(futures_util::stream::pending::<std::io::Result<Bytes>>());
    let response = host
        .service
        .call(request.body(never).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    host.stop().await;
}

#[tokio::test]
async fn whoami_tells_the_principal_and_who_acts_for_it() {
    let host = Host::start().await;
    let caller = host
        .check("agent", "GET /v1/whoami", &Value::Null, 200)
        .await;
    assert_eq!(caller["principal"]["subject"], "operator");
    assert_eq!(caller["actors"][0]["kind"], "agent");
    assert_eq!(caller["groups"], value!(["operators"]));
    assert_eq!(caller["method"], "oidc");
    assert!(Timestamp::parse(caller["expiresAt"].as_str().unwrap()).is_some());
    host.stop().await;
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_token_is_ever_logged_or_told() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // For the whole process: a thread without it could switch a call site off for all threads.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    tracing::callsite::rebuild_interest_cache();
    let host = Host::start().await;
    let good = host.tokens["author"].reveal().to_owned();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    let forged = format!("{signed}.{first}{}", &signature[1..]);
    let mut told = String::new();
    for (token, query, status) in [
        (forged.as_str(), "", 401),
        (good.as_str(), "", 200),
        (good.as_str(), "?access_token=", 400),
        ("not.a.token", "", 401),
    ] {
        let query = if query.is_empty() {
            String::new()
        } else {
            format!("{query}{token}")
        };
        let request = Request::builder()
            .uri(format!("/v1/whoami{query}"))
            .header("authorization", format!("Bearer {token}"));
        let response = host
            .service
            .call(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), status);
        told.push_str(&format!(
            "{:?}{}",
            response.headers().clone(),
            json(response).await
        ));
    }
    host.stop().await;
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("the signature does not match"), "{logged}");
    for secret in [good.as_str(), forged.as_str(), signature, "not.a.token"] {
        assert!(!logged.contains(secret) && !told.contains(secret));
    }
}
