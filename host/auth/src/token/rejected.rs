//! Why a token was not believed, and what to tell the client.

/// A token, or the request around it, was refused. The reason holds no part of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Rejected {
    /// What the client, or the host, can do about it.
    pub kind: RejectedKind,
    /// What is wrong, in one line.
    pub reason: String,
    /// The scopes that would have been enough; empty unless scopes are missing.
    pub scopes: Vec<String>,
}

/// The error codes of RFC 6750 section 3.1, and one of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectedKind {
    /// The request is malformed: 400.
    InvalidRequest,
    /// The token is malformed, expired, revoked or not for us: 401.
    InvalidToken,
    /// The token is good but does not reach as far as this host asks: 403.
    InsufficientScope,
    /// The issuer's key set has no such key: fetch it again once, then 401.
    UnknownKey,
}

impl RejectedKind {
    /// The error code of RFC 6750 section 3.1.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken | Self::UnknownKey => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}

impl Rejected {
    pub(super) fn token(reason: impl Into<String>) -> Self {
        Self::new(RejectedKind::InvalidToken, reason)
    }

    pub(super) fn request(reason: impl Into<String>) -> Self {
        Self::new(RejectedKind::InvalidRequest, reason)
    }

    pub(super) fn unknown_key() -> Self {
        Self::new(
            RejectedKind::UnknownKey,
            "the issuer has no key of this `kid`",
        )
    }

    pub(super) fn scope(reason: impl Into<String>, scopes: &[String]) -> Self {
        Self {
            scopes: scopes.to_vec(),
            ..Self::new(RejectedKind::InsufficientScope, reason)
        }
    }

    fn new(kind: RejectedKind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            reason: reason.into(),
            scopes: Vec::new(),
        }
    }
}

/// The value of `WWW-Authenticate` (RFC 6750 section 3): without an error where no credentials
/// were given, with `resource_metadata` (RFC 9728 section 5.1) where its address is known.
pub fn challenge(
    realm: &str,
    resource_metadata: Option<&str>,
    rejected: Option<&Rejected>,
) -> String {
    let mut parameters = vec![("realm", quotable(realm))];
    if let Some(rejected) = rejected {
        parameters.push(("error", rejected.kind.code().to_owned()));
        parameters.push(("error_description", quotable(&rejected.reason)));
        if !rejected.scopes.is_empty() {
            parameters.push(("scope", quotable(&rejected.scopes.join(" "))));
        }
    }
    if let Some(address) = resource_metadata {
        parameters.push(("resource_metadata", quotable(address)));
    }
    let parameters = parameters.into_iter();
    let parameters: Vec<_> = parameters
        .map(|(name, value)| format!("{name}=\"{value}\""))
        .collect();
    format!("Bearer {}", parameters.join(", "))
}

/// Leaves only the characters that RFC 6750 section 3 allows inside the quotes.
fn quotable(text: &str) -> String {
    let is_allowed =
        |character: &char| matches!(character, '\x20'..='\x7e') && !matches!(character, '"' | '\\');
    text.chars().filter(is_allowed).collect()
}
