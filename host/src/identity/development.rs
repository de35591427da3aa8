//! The identity provider of `sluice dev`: an OpenID Connect issuer on loopback.
//!
//! Owns a signing key, a discovery document and tokens of a few ready-made people. The host
//! believes its tokens only through the same discovery as any other issuer's.

mod key;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

use auth::token::{IssuerRules, IssuerSettings, KindRule, TokenType};
use axum::Router;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Provider;
use crate::http::{ServerLimits, serve};
use crate::private_file;
use crate::secret::Secret;
use key::SigningKey;

const AUDIENCE: &str = "sluice";
const SCOPE: &str = "sluice";
const KIND_CLAIM: &str = "kind";
const TOKEN_SECONDS: i64 = 12 * 60 * 60;
const KEYS_MAX_AGE: &str = "max-age=300";
const LIMITS: ServerLimits = ServerLimits {
    connections_max: 64,
    headers_ms_max: 10_000,
    drain_ms: 1_000,
};

/// Who there is besides the agent, each with the group of the development policy.
const PEOPLE: [(&str, &str); 5] = [
    ("author", "authors"),
    ("operator", "operators"),
    ("reviewer", "reviewers"),
    ("approver", "approvers"),
    ("auditor", "auditors"),
];
const AGENT: (&str, &str) = ("agent", "agents");
/// For whom the agent acts.
const AGENT_ACTS_FOR: (&str, &str) = ("operator", "operators");

/// An issuer that is listening but not serving yet.
pub(crate) struct DevelopmentIssuer {
    issuer: String,
    listener: TcpListener,
    key: SigningKey,
}

/// The issuer could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DevelopmentError {
    /// Its files cannot be read or written.
    #[error("the development issuer's file `{path}` cannot be used: {source}")]
    File {
        /// Which one.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot listen.
    #[error("the development issuer cannot listen on loopback: {0}")]
    Listen(std::io::Error),
    /// Its key is damaged, or none can be made.
    #[error("the development issuer's key `{0}` is not usable, remove it to get a new one")]
    Key(String),
    /// Its rules are not accepted.
    #[error("the development issuer's rules are not valid")]
    Rules,
}

impl DevelopmentIssuer {
    /// Opens the issuer whose key and port are remembered in `folder`, or a new one.
    ///
    /// # Errors
    /// As [`DevelopmentError`] says.
    pub(crate) async fn open(folder: &Path) -> Result<Self, DevelopmentError> {
        let key = SigningKey::load_or_make(&folder.join("issuer-key.pk8"))?;
        let remembered = folder.join("issuer-port");
        let listener = listen(&remembered)
            .await
            .map_err(DevelopmentError::Listen)?;
        let address = listener.local_addr().map_err(DevelopmentError::Listen)?;
        let port = address.port().to_string();
        private_file::write(&remembered, port.as_bytes()).map_err(|source| {
            let path = remembered.display().to_string();
            DevelopmentError::File { path, source }
        })?;
        Ok(Self {
            issuer: format!("http://{address}"),
            listener,
            key,
        })
    }

    /// The issuer's name and address.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The configuration entry by which the host believes the issuer.
    ///
    /// # Errors
    /// [`DevelopmentError::Rules`].
    pub(crate) fn provider(&self) -> Result<Provider, DevelopmentError> {
        let settings = IssuerSettings {
            algorithms: vec![key::ALGORITHM.to_owned()],
            token_type: TokenType::AtJwt,
            kind: KindRule::Claim(KIND_CLAIM.to_owned()),
            required_scopes: vec![SCOPE.to_owned()],
            ..IssuerSettings::new(&self.issuer, AUDIENCE)
        };
        let rules = IssuerRules::try_from(settings).map_err(|_| DevelopmentError::Rules)?;
        Ok(Provider {
            rules,
            discovery: None,
        })
    }

    /// A token for each person and the agent, by name.
    pub(crate) fn tokens(&self, now_seconds: i64) -> BTreeMap<String, Secret> {
        let people = PEOPLE.iter().map(|(name, group)| {
            let claims = self.claims(name, group, now_seconds);
            ((*name).to_owned(), self.key.sign(&claims))
        });
        let (name, group) = AGENT_ACTS_FOR;
        let mut delegated = self.claims(name, group, now_seconds);
        let (agent, agents) = AGENT;
        let actor = json!({
            "sub": agent,
            "name": agent,
            KIND_CLAIM: "agent",
            "groups": [agents],
        });
        if let Some(members) = delegated.as_object_mut() {
            members.insert("act".to_owned(), actor);
        }
        let agent = (agent.to_owned(), self.key.sign(&delegated));
        people.chain([agent]).collect()
    }

    /// Serves the discovery document and the key set until `shutdown`.
    pub(crate) async fn serve(self, shutdown: CancellationToken) {
        let discovery = self.discovery_document();
        let jwks = json!({"keys": [self.key.to_jwk()]});
        let route = |document: Value| {
            let text = document.to_string();
            let headers = [
                (CONTENT_TYPE, "application/json"),
                (CACHE_CONTROL, KEYS_MAX_AGE),
            ];
            get(async move || (headers, text))
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", route(discovery))
            .route("/keys", route(jwks));
        serve(self.listener, router, LIMITS, shutdown).await;
    }

    fn claims(&self, name: &str, group: &str, now_seconds: i64) -> Value {
        json!({
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": name,
            "name": name,
            "client_id": "sluice-dev",
            "scope": SCOPE,
            KIND_CLAIM: "user",
            "groups": [group],
            "auth_time": now_seconds,
            "iat": now_seconds,
            "nbf": now_seconds,
            "exp": now_seconds.saturating_add(TOKEN_SECONDS),
            "jti": Uuid::new_v4().to_string(),
        })
    }

    fn discovery_document(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/keys"),
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [key::ALGORITHM],
            "scopes_supported": [SCOPE],
        })
    }
}

/// Listens on the remembered port, so that tokens outlive a restart, or else on a free one.
async fn listen(remembered: &Path) -> std::io::Result<TcpListener> {
    let port = std::fs::read_to_string(remembered).ok();
    let port = port
        .and_then(|text| text.trim().parse::<u16>().ok())
        .unwrap_or(0);
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if port != 0 => {
            tracing::warn!(%error, port, "the last issuer's port is taken, its tokens end here");
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
