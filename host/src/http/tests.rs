//! What every route answers without a store, and that the description lists them all.

mod opened;

use axum::body::Body;
use axum::response::Response;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::{Config, Mode, Sources};
use crate::telemetry::Telemetry;

fn config() -> Config {
    let sources = Sources {
        mode: Mode::Development,
        file: None,
        environment: Vec::new(),
        listen: None,
        data: None,
        mock_config: None,
    };
    Config::load(&sources).unwrap()
}

/// No collector is configured.
fn untraced() -> Telemetry {
    let config = config();
    let (telemetry, export) = Telemetry::new(&config.telemetry, &config.trust).unwrap();
    assert!(export.is_none());
    telemetry
}

async fn send(method: &str, uri: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let app = App::new(&config(), untraced(), CancellationToken::new());
    let service = TowerToHyperService::new(router(app));
    service
        .call(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
}

async fn json(response: Response) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn a_host_without_its_store_is_alive_and_not_ready() {
    assert_eq!(send("GET", "/healthz", &[]).await.status(), StatusCode::OK);
    let ready = send("GET", "/readyz", &[]).await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(json(ready).await["status"], "starting");
    let whoami = send("GET", "/v1/whoami", &[]).await;
    assert_eq!(whoami.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(whoami.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() {
    let (first, second) = (
        send("GET", "/healthz", &[]).await,
        send("GET", "/nowhere", &[]).await,
    );
    let (first, second) = (
        &first.headers()["x-request-id"],
        &second.headers()["x-request-id"],
    );
    assert_ne!(first, second);
}

#[tokio::test]
async fn an_unknown_route_and_a_wrong_method_are_problems() {
    let response = send("GET", "/v1/nowhere", &[]).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let response = send("DELETE", "/v1/roles", &[]).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    assert_eq!(json(response).await["status"], 405);
}

/// A path with something in place of its variables.
fn example(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment {
        "{version}" => "1.0.0",
        _ if segment.starts_with('{') => "x",
        _ => segment,
    });
    segments.collect::<Vec<_>>().join("/")
}

const METHODS: [Method; 5] = [
    Method::GET,
    Method::PUT,
    Method::POST,
    Method::DELETE,
    Method::PATCH,
];

#[tokio::test]
async fn every_described_route_is_served_with_exactly_its_methods() {
    let document = json(send("GET", "/openapi.json", &[]).await).await;
    assert_eq!(document["openapi"], "3.1.0");
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            let status = send(method.as_str(), &example(path), &[]).await.status();
            let is_described = item.get(method.as_str().to_ascii_lowercase()).is_some();
            let is_served = !matches!(
                status,
                StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
            );
            assert_eq!(is_served, is_described, "{method} {path} answered {status}");
        }
    }
}

#[test]
fn every_served_route_is_described() {
    let sources = [
        include_str!("audit.rs"),
        include_str!("backup.rs"),
        include_str!("components.rs"),
        include_str!("events.rs"),
        include_str!("executions.rs"),
        include_str!("health.rs"),
        include_str!("metrics.rs")
            .split("pub(crate) fn open_routes")
            .next()
            .unwrap(),
        include_str!("openapi.rs"),
        include_str!("reviews.rs"),
        include_str!("roles.rs"),
        include_str!("state_machines.rs"),
        include_str!("whoami.rs"),
    ];
    let document: Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
    let described = document["paths"].as_object().unwrap();
    let mut count = 0;
    for source in sources {
        for rest in source.split(".route(").skip(1) {
            let path = rest.split('"').nth(1).unwrap();
            assert!(
                described.contains_key(path),
                "{path} is not in openapi.json"
            );
            count += 1;
        }
    }
    assert_eq!(count, described.len());
}

#[test]
fn every_reference_of_the_description_leads_somewhere() {
    fn walk<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|value| walk(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let document: Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
    let mut references = Vec::new();
    walk(&document, &mut references);
    for reference in references {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
}
