//! The discovery client against an issuer on loopback that misbehaves on demand.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth::token::{IssuerRules, IssuerSettings, TokenType};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::clock::SystemClock;
use crate::config::Trust;

/// How the issuer answers a request for its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Good,
    Failing,
    Huge,
    Redirecting,
    NotJson,
    OtherIssuer,
    FarKeys,
}

struct Signer {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl Signer {
    fn new(id: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { id, pair }
    }

    fn jwk(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        json!({
            "kty": "EC", "crv": "P-256", "kid": self.id,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        })
    }

    fn token(&self, issuer: &str) -> RawToken {
        let now = SystemClock.now().0 / 1000;
        let header = json!({"alg": "ES256", "kid": self.id, "typ": "at+jwt"});
        let claims = json!({
            "iss": issuer, "aud": "us", "sub": "someone", "iat": now, "exp": now + 600,
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self
            .pair
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        let signature = URL_SAFE_NO_PAD.encode(signature.as_ref());
        RawToken::parse(&format!("{signed}.{signature}"))
            .ok()
            .unwrap()
    }
}

/// An issuer on loopback, and what was asked of it.
struct Issuer {
    name: String,
    state: Arc<State>,
    stop: CancellationToken,
}

struct State {
    name: std::sync::OnceLock<String>,
    mood: Mutex<Mood>,
    keys: Mutex<Vec<Value>>,
    fetches: AtomicUsize,
    elsewhere: AtomicUsize,
}

impl Issuer {
    async fn start(keys: &[&Signer]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let name = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            name: name.clone().into(),
            mood: Mutex::new(Mood::Good),
            keys: Mutex::new(keys.iter().map(|key| key.jwk()).collect()),
            fetches: AtomicUsize::new(0),
            elsewhere: AtomicUsize::new(0),
        });
        let (discovery, jwks, elsewhere) =
            (Arc::clone(&state), Arc::clone(&state), Arc::clone(&state));
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(async move || discovery.discovery()),
            )
            .route("/keys", get(async move || jwks.jwks()))
            .fallback(async move || {
                elsewhere.elsewhere.fetch_add(1, Ordering::SeqCst);
                elsewhere.jwks()
            });
        let stop = CancellationToken::new();
        let limits = crate::http::ServerLimits {
            connections_max: 64,
            headers_ms_max: 1000,
            drain_ms: 0,
        };
        tokio::spawn(crate::http::serve(listener, router, limits, stop.clone()));
        Self { name, state, stop }
    }

    fn identity(&self) -> Identity {
        let settings = IssuerSettings {
            token_type: TokenType::AtJwt,
            ..IssuerSettings::new(&self.name, "us")
        };
        let provider = config::Provider {
            rules: IssuerRules::try_from(settings).unwrap(),
            discovery: None,
        };
        let discovery = Discovery::new(&Trust::default()).unwrap();
        Identity::new(vec![provider], &discovery, Arc::new(SystemClock))
    }

    fn mood(&self, mood: Mood) {
        *self.state.mood.lock().unwrap() = mood;
    }

    fn publish(&self, keys: &[&Signer]) {
        *self.state.keys.lock().unwrap() = keys.iter().map(|key| key.jwk()).collect();
    }

    fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl State {
    fn discovery(&self) -> Response {
        let name = self.name.get().unwrap();
        let issuer = match *self.mood.lock().unwrap() {
            Mood::OtherIssuer => format!("{name}/"),
            _ => name.clone(),
        };
        let keys = match *self.mood.lock().unwrap() {
            Mood::FarKeys => "http://192.0.2.1/keys".to_owned(),
            _ => format!("{name}/keys"),
        };
        axum::Json(json!({"issuer": issuer, "jwks_uri": keys})).into_response()
    }

    fn jwks(&self) -> Response {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let keys = self.keys.lock().unwrap().clone();
        match *self.mood.lock().unwrap() {
            Mood::Failing => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            Mood::Huge => {
                format!("{{\"keys\": [], \"x\": \"{}\"}}", "y".repeat(2 << 20)).into_response()
            }
            Mood::Redirecting => Redirect::temporary("/elsewhere").into_response(),
            Mood::NotJson => "keys".into_response(),
            Mood::Good | Mood::OtherIssuer | Mood::FarKeys => {
                axum::Json(json!({"keys": keys})).into_response()
            }
        }
    }
}

fn kind(result: &Result<Caller, Refusal>) -> &'static str {
    match result {
        Ok(_) => "believed",
        Err(Refusal::Missing) => "missing",
        Err(Refusal::KeysUnavailable) => "no keys",
        Err(Refusal::Rejected(rejected)) => rejected.kind.code(),
    }
}

#[tokio::test]
async fn a_token_of_a_configured_issuer_is_believed() {
    let key = Signer::new("one");
    let issuer = Issuer::start(&[&key]).await;
    let identity = issuer.identity();
    let caller = identity
        .authenticate(&key.token(&issuer.name))
        .await
        .unwrap();
    assert_eq!(caller.principal.subject, "someone");
    assert_eq!(caller.principal.issuer, issuer.name);
    identity
        .authenticate(&key.token(&issuer.name))
        .await
        .unwrap();
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn a_token_of_another_issuer_causes_no_request() {
    let key = Signer::new("one");
    let issuer = Issuer::start(&[&key]).await;
    let identity = issuer.identity();
    for name in ["https://idp.example", "", &format!("{}/", issuer.name)] {
        assert_eq!(
            kind(&identity.authenticate(&key.token(name)).await),
            "invalid_token"
        );
    }
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test]
async fn rotated_keys_are_fetched_once_and_old_ones_dropped() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let issuer = Issuer::start(&[&old]).await;
    let identity = issuer.identity();
    identity
        .authenticate(&old.token(&issuer.name))
        .await
        .unwrap();
    issuer.publish(&[&new]);
    identity
        .authenticate(&new.token(&issuer.name))
        .await
        .unwrap();
    assert_eq!(issuer.fetches(), 2);
    assert_eq!(
        kind(&identity.authenticate(&old.token(&issuer.name)).await),
        "invalid_token"
    );
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn an_unknown_key_causes_one_request_and_then_none() {
    let (known, unknown) = (Signer::new("known"), Signer::new("../../etc/passwd"));
    let issuer = Issuer::start(&[&known]).await;
    let identity = issuer.identity();
    identity
        .authenticate(&known.token(&issuer.name))
        .await
        .unwrap();
    for _ in 0..5 {
        assert_eq!(
            kind(&identity.authenticate(&unknown.token(&issuer.name)).await),
            "invalid_token"
        );
    }
    assert_eq!(issuer.fetches(), 2);
    assert_eq!(issuer.state.elsewhere.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn requests_at_once_cause_one_fetch() {
    let key = Signer::new("one");
    let issuer = Issuer::start(&[&key]).await;
    let identity = issuer.identity();
    let token = key.token(&issuer.name);
    let calls = (0..20).map(|_| identity.authenticate(&token));
    for result in futures_util::future::join_all(calls).await {
        assert_eq!(kind(&result), "believed");
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn an_issuer_that_misbehaves_yields_no_keys_and_is_not_hammered() {
    let key = Signer::new("one");
    for mood in [
        Mood::Failing,
        Mood::Huge,
        Mood::Redirecting,
        Mood::NotJson,
        Mood::OtherIssuer,
        Mood::FarKeys,
    ] {
        let issuer = Issuer::start(&[&key]).await;
        issuer.mood(mood);
        let identity = issuer.identity();
        for _ in 0..3 {
            let result = identity.authenticate(&key.token(&issuer.name)).await;
            assert_eq!(kind(&result), "no keys", "{mood:?}");
        }
        assert!(issuer.fetches() <= 1, "{mood:?}");
        assert_eq!(issuer.state.elsewhere.load(Ordering::SeqCst), 0, "{mood:?}");
    }
}

#[tokio::test]
async fn the_last_good_keys_hold_while_the_issuer_fails() {
    let (known, unknown) = (Signer::new("known"), Signer::new("unknown"));
    let issuer = Issuer::start(&[&known]).await;
    let identity = issuer.identity();
    identity
        .authenticate(&known.token(&issuer.name))
        .await
        .unwrap();
    issuer.mood(Mood::Failing);
    assert_eq!(
        kind(&identity.authenticate(&unknown.token(&issuer.name)).await),
        "invalid_token"
    );
    assert_eq!(
        kind(&identity.authenticate(&known.token(&issuer.name)).await),
        "believed"
    );
}
