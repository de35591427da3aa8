//! Who is calling.

use serde::{Deserialize, Serialize};

/// Who is calling, as an identity provider vouched for them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Principal {
    /// The issuer that vouched, byte for byte as configured.
    pub issuer: String,
    /// The issuer's stable key for the principal; never an e-mail address or login name.
    pub subject: String,
    /// What kind of principal it is.
    pub kind: Kind,
    /// Groups, in the issuer's words.
    pub groups: Vec<String>,
    /// A name for people to read; nothing is decided on it.
    pub display_name: Option<String>,
}

/// The kinds of principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A person.
    User,
    /// A program with its own credentials.
    Service,
    /// An AI agent.
    Agent,
}

/// A principal, whoever acts for it, and how that was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Caller {
    /// For whom the call is made.
    pub principal: Principal,
    /// Who acts for the principal: the current actor first, earlier ones after (RFC 8693 section 4.1).
    pub actors: Vec<Principal>,
    /// How it was shown: `oidc`.
    pub method: String,
    /// When the principal authenticated, in seconds since the Unix epoch.
    pub authenticated_at: Option<i64>,
    /// When the proof ends, in seconds since the Unix epoch.
    pub expires_at: i64,
    /// `sha256:` of the raw token; the token itself is never kept.
    pub token_hash: String,
}

impl Principal {
    /// `issuer|subject`: one text that names the principal.
    pub fn key(&self) -> String {
        format!("{}|{}", self.issuer, self.subject)
    }
}
