//! Fetches an issuer's discovery document and key set (OpenID Connect Discovery 1.0).
//!
//! Owns the bounds of those two requests: addresses, time, size. No redirects, no proxy, and
//! nothing of what went wrong reaches a caller.

use std::time::Duration;

use auth::token::KeySet;
use reqwest::{Client, Url};
use serde_json::Value;

use crate::config::{Provider, Trust};
use crate::outgoing::{self, ClientError};

const TIME_MAX: Duration = Duration::from_secs(5);
const BODY_BYTES_MAX: usize = 1024 * 1024;
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// A client for identity providers; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Discovery {
    client: Client,
}

/// What an issuer answered.
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    /// How long the issuer says the keys may be kept.
    pub(super) max_age: Option<Duration>,
    /// The issuer's own `Date`.
    date: Option<String>,
}

/// One answer.
struct Answer {
    body: Vec<u8>,
    max_age: Option<Duration>,
    date: Option<String>,
}

/// Why an issuer's keys were not fetched; for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("`{0}` is not an address that keys may be fetched from, use https")]
    Address(String),
    #[error("no answer from `{address}`: {source}")]
    Request {
        address: String,
        source: reqwest::Error,
    },
    #[error("`{address}` answered with status {status}")]
    Status { address: String, status: u16 },
    #[error("the answer of `{0}` is larger than {BODY_BYTES_MAX} bytes")]
    TooLarge(String),
    #[error("the answer of `{address}` is not usable: {problem}")]
    Content { address: String, problem: String },
    #[error("the discovery document is of issuer `{found}`, not `{expected}`")]
    OtherIssuer { expected: String, found: String },
}

impl Discovery {
    /// A client that follows no redirect and uses no proxy.
    ///
    /// # Errors
    /// The TLS library or a certificate file is not usable.
    pub(crate) fn new(trust: &Trust) -> Result<Self, ClientError> {
        let client = outgoing::client(trust, TIME_MAX)?;
        Ok(Self { client })
    }

    /// Fetches the discovery document, checks that it is the issuer's, and fetches its keys.
    pub(super) async fn fetch(&self, provider: &Provider) -> Result<Fetched, FetchError> {
        let issuer = provider.rules.issuer();
        let is_loopback_fine = issuer.starts_with("http://");
        let address = match &provider.discovery {
            Some(address) => address.clone(),
            None => format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/')),
        };
        let document = self.get(&address, is_loopback_fine).await?.body;
        let content = |problem: String| FetchError::Content {
            address: address.clone(),
            problem,
        };
        let document = document::parse_json(&document).map_err(|p| content(p.to_string()))?;
        let text = |name: &str| {
            let text = document.get(name).and_then(Value::as_str);
            text.ok_or_else(|| content(format!("member `{name}` is not a string")))
        };
        let found = text("issuer")?;
        if found != issuer {
            return Err(FetchError::OtherIssuer {
                expected: issuer.to_owned(),
                found: found.to_owned(),
            });
        }
        let jwks_uri = text("jwks_uri")?;
        let answer = self.get(jwks_uri, is_loopback_fine).await?;
        let keys = KeySet::parse(&answer.body, &provider.rules).map_err(|problems| {
            FetchError::Content {
                address: jwks_uri.to_owned(),
                problem: joined(&problems),
            }
        })?;
        Ok(Fetched {
            keys,
            max_age: answer.max_age,
            date: answer.date,
        })
    }

    /// Whether the issuer answers as it must, and what time it has, as its `Date` says it.
    ///
    /// # Errors
    /// Why its keys cannot be fetched.
    pub(crate) async fn probe(&self, provider: &Provider) -> Result<Option<String>, String> {
        let fetched = self.fetch(provider).await;
        fetched
            .map(|fetched| fetched.date)
            .map_err(|error| error.to_string())
    }

    async fn get(&self, address: &str, is_loopback_fine: bool) -> Result<Answer, FetchError> {
        let url = Url::parse(address)
            .ok()
            .filter(|url| is_allowed(url, is_loopback_fine));
        let Some(url) = url else {
            return Err(FetchError::Address(address.to_owned()));
        };
        let failed = |source: reqwest::Error| FetchError::Request {
            address: address.to_owned(),
            source: source.without_url(),
        };
        let mut response = self.client.get(url).send().await.map_err(failed)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status {
                address: address.to_owned(),
                status: response.status().as_u16(),
            });
        }
        let cache_control = response.headers().get(http::header::CACHE_CONTROL);
        let max_age = cache_control.and_then(|value| max_age(value.to_str().ok()?));
        let date = response.headers().get(http::header::DATE);
        let date = date.and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if chunk.len() > BODY_BYTES_MAX.saturating_sub(body.len()) {
                return Err(FetchError::TooLarge(address.to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            body,
            max_age,
            date,
        })
    }
}

fn joined(problems: &[document::Problem]) -> String {
    let first: Vec<_> = problems.iter().take(5).map(ToString::to_string).collect();
    first.join("; ")
}

/// https, or http on loopback where the issuer itself is there.
fn is_allowed(url: &Url, is_loopback_fine: bool) -> bool {
    let is_plain = url.username().is_empty() && url.password().is_none();
    let is_loopback = match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    };
    let is_safe = match url.scheme() {
        "https" => true,
        "http" => is_loopback_fine && is_loopback,
        _ => false,
    };
    is_plain && is_safe
}

/// The `max-age` of a `Cache-Control` header; zero for `no-store` and `no-cache`.
fn max_age(cache_control: &str) -> Option<Duration> {
    cache_control
        .split(',')
        .map(str::trim)
        .find_map(|directive| {
            let directive = directive.to_ascii_lowercase();
            if directive == "no-store" || directive == "no-cache" {
                return Some(Duration::ZERO);
            }
            let seconds = directive
                .strip_prefix("max-age=")?
                .trim_matches('"')
                .parse()
                .ok()?;
            Some(Duration::from_secs(seconds))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_https_or_from_the_same_loopback() {
        let check = |address: &str, is_loopback_fine| {
            is_allowed(&Url::parse(address).unwrap(), is_loopback_fine)
        };
        assert!(check("https://idp.example/keys", false));
        assert!(check("http://127.0.0.1:9/keys", true));
        assert!(check("http://[::1]:9/keys", true));
        assert!(!check("http://127.0.0.1:9/keys", false));
        assert!(!check("http://idp.example/keys", true));
        assert!(!check("http://127.0.0.1.evil.example/keys", true));
        assert!(!check("file:///etc/passwd", true));
        assert!(!check("https://user:pass@idp.example/keys", false));
    }

    #[test]
    fn the_issuer_says_how_long_keys_may_be_kept() {
        assert_eq!(max_age("public, max-age=90"), Some(Duration::from_secs(90)));
        assert_eq!(max_age("no-store"), Some(Duration::ZERO));
        assert_eq!(max_age("public"), None);
        assert_eq!(max_age("max-age=x"), None);
    }
}
