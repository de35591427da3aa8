//! Outgoing HTTP.

use std::path::Path;
use std::sync::Arc;

use ports::{RunError, Runner as _};
use runtime::{Runtime, RuntimeConfig, StartError};
use serde_json::{Value, json};

use crate::harness::{Bench, Blobs, Ran, Witnessed, config, guest, say};
use crate::server::Server;

fn granted(origin: &str, is_private: bool) -> Value {
    json!({"http": [{
        "origins": [origin], "methods": ["GET", "POST"], "paths": ["/v1/orders", "/redirect", "/large"],
        "private_addresses": is_private,
    }]})
}

async fn run(words: &str, grants: Value) -> Ran {
    Bench::new().run(&guest("fetch"), &say(words), grants).await
}

#[tokio::test]
async fn a_granted_request_is_made_with_the_host_it_was_granted_for() {
    let server = Server::plain().await;
    let at = server.address;
    let ran = run(
        &format!("GET http {at} /v1/orders?q=1"),
        granted(&format!("http://{at}"), true),
    )
    .await;
    assert_eq!(ran.output(), r#""200 got 0 bytes""#);
    assert_eq!(server.seen(), [format!("GET /v1/orders?q=1 {at}")]);
    assert_eq!(ran.report.uses[0].on, format!("GET http://{at}/v1/orders"));
    assert_eq!(ran.report.usage.http_requests, 1);
}

#[tokio::test]
async fn a_body_is_sent() {
    let server = Server::plain().await;
    let at = server.address;
    let ran = run(
        &format!("send POST http {at} /v1/orders 409600"),
        granted(&format!("http://{at}"), true),
    )
    .await;
    assert_eq!(ran.output(), r#""200 got 409600 bytes""#);
}

#[tokio::test]
async fn without_a_grant_the_interface_does_not_exist() {
    let ran = run("GET http 127.0.0.1:1 /", json!({})).await;
    let refusal = ran.is_denied("import.not-granted");
    assert_eq!(refusal.capability, "http");
    assert!(refusal.asked.starts_with("wasi:http/"), "{refusal:?}");
}

#[tokio::test]
async fn other_origins_methods_and_paths_are_refused() {
    let server = Server::plain().await;
    let at = server.address;
    for (words, rule) in [
        (format!("GET http {at} /v1/secrets"), "http.path"),
        (
            format!("GET http {at} /v1/orders/../secrets"),
            "http.path-ambiguous",
        ),
        (format!("DELETE http {at} /v1/orders"), "http.method"),
        (format!("CONNECT http {at} /v1/orders"), "http.method"),
        (format!("GET https {at} /v1/orders"), "http.origin"),
        (
            format!("GET http localhost:{} /v1/orders", at.port()),
            "http.origin",
        ),
        (format!("GET http user@{at} /v1/orders"), "http.origin"),
        ("GET http 127.0.0.1:1 /v1/orders".to_owned(), "http.origin"),
    ] {
        let ran = run(&words, granted(&format!("http://{at}"), true)).await;
        let refusal = ran.is_denied(rule);
        assert_eq!(
            (refusal.capability.as_str(), refusal.state.as_str()),
            ("http", "Write"),
            "{words}"
        );
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn the_component_is_told_that_a_request_was_denied() {
    let server = Server::plain().await;
    let at = server.address;
    let words = format!("GET http {at} /no GET http {at} /v1/orders");
    let ran = run(&words, granted(&format!("http://{at}"), true)).await;
    // It went on with the second request, and failed all the same.
    ran.is_denied("http.path");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn private_addresses_are_refused_after_resolution() {
    let server = Server::plain().await;
    let port = server.address.port();
    for host in ["127.0.0.1", "localhost"] {
        let words = format!("GET http {host}:{port} /v1/orders");
        let ran = run(&words, granted(&format!("http://{host}:{port}"), false)).await;
        let refusal = ran.is_denied("http.private-address");
        assert!(
            refusal.reason.contains("private_addresses = true"),
            "{refusal:?}"
        );
    }
    assert!(server.seen().is_empty());
    let ran = run(
        &format!("GET http localhost:{port} /v1/orders"),
        granted(&format!("http://localhost:{port}"), true),
    )
    .await;
    ran.output();
    assert_eq!(server.seen(), [format!("GET /v1/orders localhost:{port}")]);
}

#[tokio::test]
async fn a_refusal_is_witnessed_even_if_the_component_does_not_wait_for_it() {
    run(
        "drop GET http 127.0.0.1:1 /",
        granted("http://127.0.0.1:2", true),
    )
    .await
    .is_denied("http.origin");
}

#[tokio::test]
async fn a_component_that_is_refused_again_and_again_is_stopped() {
    let words = vec!["GET http 127.0.0.1:1 /"; 200].join(" ");
    let ran = run(&words, granted("http://127.0.0.1:2", true)).await;
    ran.cause("Sluice.AccessDenied");
    assert_eq!(ran.refusals.len(), 16);
}

#[tokio::test]
async fn an_attempt_does_not_go_on_if_its_refusal_cannot_be_recorded() {
    let bench = Bench::new();
    let witness = Arc::new(Witnessed {
        is_broken: true,
        ..Witnessed::default()
    });
    let grants = granted("http://127.0.0.1:2", true);
    let attempt = bench.attempt(
        &guest("fetch"),
        &say("GET http 127.0.0.1:1 /"),
        grants,
        witness,
    );
    let result = bench.runtime.run(attempt).await;
    assert!(matches!(result, Err(RunError::Host(message)) if message.contains("disk is full")));
}

#[tokio::test]
async fn requests_are_counted() {
    let server = Server::plain().await;
    let at = server.address;
    let mut grants = granted(&format!("http://{at}"), true);
    grants["limits"] = json!({"http_requests": 2});
    let request = format!("GET http {at} /v1/orders");
    let ran = run(&[request.as_str(); 2].join(" "), grants.clone()).await;
    assert_eq!(ran.output(), r#""200 got 0 bytes, 200 got 0 bytes""#);
    assert_eq!(ran.report.uses[0].count, 2);
    let ran = run(&[request.as_str(); 3].join(" "), grants).await;
    assert!(
        ran.cause("Sluice.LimitExceeded")
            .contains("`http_requests` of `2`"),
        "{ran:?}"
    );
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let server = Server::plain().await;
    let at = server.address;
    let ran = run(
        &format!("GET http {at} /redirect"),
        granted(&format!("http://{at}"), true),
    )
    .await;
    assert_eq!(ran.output(), r#""302 ""#);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn bodies_are_limited_in_both_directions() {
    let server = Server::plain().await;
    let at = server.address;
    let bench = Bench::with(RuntimeConfig {
        http_body_bytes_max: 50_000,
        ..config()
    });
    let grants = || granted(&format!("http://{at}"), true);
    let ran = bench
        .run(
            &guest("fetch"),
            &say(&format!("GET http {at} /large")),
            grants(),
        )
        .await;
    let received = ran.output().len();
    assert!(received < 50_000, "{received}");
    let ran = bench
        .run(
            &guest("fetch"),
            &say(&format!("send POST http {at} /v1/orders 100000")),
            grants(),
        )
        .await;
    assert!(!ran.output().contains("got 100000"), "{ran:?}");
    let ran = bench
        .run(
            &guest("fetch"),
            &say(&format!("send POST http {at} /v1/orders 40960")),
            grants(),
        )
        .await;
    assert!(ran.output().contains("got 40960"), "{ran:?}");
}

#[tokio::test]
async fn a_certificate_must_be_signed_by_a_trusted_authority() {
    let server = Server::tls().await;
    let origin = format!("localhost:{}", server.address.port());
    let words = say(&format!("GET https {origin} /v1/orders"));
    let grants = granted(&format!("https://{origin}"), true);
    let ran = Bench::new()
        .run(&guest("fetch"), &words, grants.clone())
        .await;
    assert!(!ran.output().contains("200"), "{ran:?}");
    assert!(server.seen().is_empty());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ca.pem");
    let bench = Bench::with(RuntimeConfig {
        extra_root_certificates: vec![root],
        ..config()
    });
    let ran = bench.run(&guest("fetch"), &words, grants).await;
    assert_eq!(ran.output(), r#""200 got 0 bytes""#);
    assert_eq!(server.seen(), [format!("GET /v1/orders {origin}")]);
}

#[tokio::test]
async fn a_file_without_certificates_is_a_clear_error_at_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = RuntimeConfig {
        extra_root_certificates: vec![file.path().to_owned()],
        ..config()
    };
    let Err(StartError::Config(problems)) = Runtime::new(config, Arc::<Blobs>::default()) else {
        panic!("it started");
    };
    assert!(problems[0].contains("no PEM certificate"), "{problems:?}");
}
