//! Requests that Tasks make themselves.

use std::path::Path;

use auth::authority::{AuthorityVersion, Denied, EgressPermit, EgressRequest, admit_egress};
use auth::capability::Endpoint;
use auth::names::Name;
use auth::policy::{Policies, PolicyFile, Resource};
use auth::role::{Role, RoleRevision};
use bytes::Bytes;
use ports::{Egress as _, EgressError, OutgoingRequest, OutgoingResponse};
use runtime::RuntimeConfig;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{Bench, caller, config};
use crate::server::Server;

fn granted(origin: &str, is_private: bool) -> Value {
    json!({
        "http": [{
            "origins": [origin], "methods": ["GET", "POST"],
            "paths": ["/v1/orders", "/redirect", "/large", "/missing", "/echo"],
            "private_addresses": is_private,
        }],
        "limits": {"time": "20s", "output": "64KiB"},
    })
}

fn permit(grants: &Value, method: &str, address: &str) -> Result<EgressPermit, Denied> {
    let name = |text| Name::parse(text).unwrap();
    let role = std::sync::Arc::new(Role::parse(grants).unwrap());
    let policies = Policies::parse(&[PolicyFile {
        name: "test.cedar".to_owned(),
        text: r#"@id("all") permit (principal, action, resource);"#.to_owned(),
    }]);
    let policies = policies.unwrap();
    let start = policies.permits(&caller(), &Resource::state_machine(&name("daily")));
    let pass_role = policies.permits(&caller(), &Resource::role(&name("writers")));
    admit_egress(EgressRequest {
        role: &RoleRevision::new(name("writers"), 1, role, Vec::new()),
        state_machine: &name("daily"),
        start: &start.unwrap(),
        pass_role: &pass_role.unwrap(),
        authority: AuthorityVersion(1),
        method,
        endpoint: &Endpoint::parse(address).unwrap(),
    })
}

async fn ask(
    grants: &Value,
    [method, address]: [&str; 2],
    request: OutgoingRequest,
) -> Result<OutgoingResponse, EgressError> {
    let permit = permit(grants, method, address).unwrap();
    Bench::new().runtime.request(permit, request).await
}

fn with_body(kind: &str, body: &'static str) -> OutgoingRequest {
    OutgoingRequest {
        headers: vec![("Content-Type".to_owned(), kind.to_owned())],
        body: Some(Bytes::from_static(body.as_bytes())),
    }
}

fn rule(error: &EgressError) -> &str {
    match error {
        EgressError::Refused { rule, .. } => rule,
        EgressError::Unsendable(_)
        | EgressError::Unanswered(_)
        | EgressError::TimedOut { .. }
        | EgressError::TooLong { .. } => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_granted_request_is_made_as_it_was_decided() {
    let server = Server::plain().await;
    let at = server.address;
    let grants = granted(&format!("http://{at}"), true);
    let address = format!("http://{at}/v1/orders?q=a%2Fb&r[]=1");
    let response = ask(&grants, ["GET", &address], OutgoingRequest::default()).await;
    let response = response.unwrap();
    assert_eq!(
        (response.status, response.status_text.as_str()),
        (200, "OK")
    );
    assert_eq!(response.body, "got 0 bytes");
    let line = format!("GET /v1/orders?q=a%2Fb&r[]=1 {at}");
    assert_eq!(server.seen(), [line]);
}

#[tokio::test]
async fn bodies_of_every_kind_are_sent_as_they_are() {
    let server = Server::plain().await;
    let at = server.address;
    let grants = granted(&format!("http://{at}"), true);
    let address = format!("http://{at}/echo");
    for (kind, body) in [
        ("application/json", r#"{"a":1}"#),
        ("text/plain", "some text"),
        ("application/x-www-form-urlencoded", "a[0]=x%26y&b=c+d"),
    ] {
        let response = ask(&grants, ["POST", &address], with_body(kind, body)).await;
        let response = response.unwrap();
        assert_eq!(response.body, body);
        let told = response
            .headers
            .iter()
            .find(|(name, _)| name == "content-type");
        assert_eq!(told.unwrap().1, kind);
    }
}

#[tokio::test]
async fn a_private_address_is_refused_after_resolution() {
    let server = Server::plain().await;
    let port = server.address.port();
    for host in ["127.0.0.1", "localhost"] {
        let origin = format!("http://{host}:{port}");
        let address = format!("{origin}/v1/orders");
        let request = OutgoingRequest::default();
        let refused = ask(&granted(&origin, false), ["GET", &address], request).await;
        let refused = refused.unwrap_err();
        assert_eq!(rule(&refused), "http.private-address");
        assert!(!refused.to_string().contains("manifest"), "{refused}");
    }
    assert!(server.seen().is_empty());
    let origin = format!("http://localhost:{port}");
    let address = format!("{origin}/v1/orders");
    let request = OutgoingRequest::default();
    let answered = ask(&granted(&origin, true), ["GET", &address], request).await;
    assert_eq!(answered.unwrap().status, 200);
}

#[tokio::test]
async fn no_permit_is_made_for_another_method_path_or_origin() {
    let grants = granted("https://a.example", false);
    for (method, address, rule) in [
        ("DELETE", "https://a.example/v1/orders", "http.method"),
        ("GET", "https://a.example/v2/orders", "http.path"),
        ("GET", "https://b.example/v1/orders", "http.origin"),
    ] {
        assert_eq!(permit(&grants, method, address).unwrap_err().rule, rule);
    }
    permit(&grants, "GET", "https://a.example/v1/orders").unwrap();
}

#[tokio::test]
async fn errors_and_redirects_are_answers() {
    let server = Server::plain().await;
    let at = server.address;
    let grants = granted(&format!("http://{at}"), true);
    for (path, status, body) in [
        ("/missing", 404, r#"{"no":"such order"}"#),
        ("/redirect", 302, ""),
    ] {
        let address = format!("http://{at}{path}");
        let response = ask(&grants, ["GET", &address], OutgoingRequest::default()).await;
        let response = response.unwrap();
        assert_eq!(
            (response.status, &response.body[..]),
            (status, body.as_bytes())
        );
    }
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_response_longer_than_the_role_allows_is_cut_off() {
    let server = Server::plain().await;
    let at = server.address;
    let mut grants = granted(&format!("http://{at}"), true);
    let address = format!("http://{at}/large");
    let cut = ask(&grants, ["GET", &address], OutgoingRequest::default()).await;
    let limit_bytes = 64 << 10;
    assert_eq!(cut.unwrap_err(), EgressError::TooLong { limit_bytes });
    grants["limits"]["output"] = json!("1MiB");
    let whole = ask(&grants, ["GET", &address], OutgoingRequest::default()).await;
    assert_eq!(whole.unwrap().body.len(), 100_000);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_left_when_the_roles_time_is_over() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = silent.local_addr().unwrap();
    let mut grants = granted(&format!("http://{at}"), true);
    grants["limits"]["time"] = json!("50ms");
    let address = format!("http://{at}/v1/orders");
    let left = ask(&grants, ["GET", &address], OutgoingRequest::default()).await;
    assert_eq!(left.unwrap_err(), EgressError::TimedOut { limit_ms: 50 });
}

#[tokio::test]
async fn a_server_that_is_not_there_is_no_response() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = gone.local_addr().unwrap();
    drop(gone);
    let grants = granted(&format!("http://{at}"), true);
    let address = format!("http://{at}/v1/orders");
    let none = ask(&grants, ["GET", &address], OutgoingRequest::default()).await;
    assert!(matches!(none, Err(EgressError::Unanswered(_))), "{none:?}");
}

#[tokio::test]
async fn what_is_no_header_is_not_sent() {
    let server = Server::plain().await;
    let at = server.address;
    let grants = granted(&format!("http://{at}"), true);
    let address = format!("http://{at}/v1/orders");
    let long = "x".repeat(40 << 10);
    for (name, value) in [("a b", "x"), ("a", "x\r\nb: y"), ("a", long.as_str())] {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let request = OutgoingRequest {
            headers,
            body: None,
        };
        let refused = ask(&grants, ["GET", &address], request).await;
        assert!(
            matches!(refused, Err(EgressError::Unsendable(_))),
            "{refused:?}"
        );
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_certificate_must_be_signed_by_a_trusted_authority() {
    let server = Server::tls().await;
    let origin = format!("https://localhost:{}", server.address.port());
    let (grants, address) = (granted(&origin, true), format!("{origin}/v1/orders"));
    let refused = ask(&grants, ["GET", &address], OutgoingRequest::default()).await;
    assert!(
        matches!(refused, Err(EgressError::Unanswered(_))),
        "{refused:?}"
    );
    assert!(server.seen().is_empty());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ca.pem");
    let bench = Bench::with(RuntimeConfig {
        extra_root_certificates: vec![root],
        ..config()
    });
    let permit = permit(&grants, "GET", &address).unwrap();
    let answered = bench
        .runtime
        .request(permit, OutgoingRequest::default())
        .await;
    assert_eq!(answered.unwrap().status, 200);
}
