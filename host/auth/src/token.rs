//! Bearer tokens to callers.
//!
//! Owns which tokens are believed, and under which rules of their issuer. It fetches no keys and
//! has no clock: key sets and the time of day are arguments, so that every check here can be
//! shown with a table of tokens.

mod actors;
mod algorithm;
mod claims;
mod header;
mod identity;
mod issuer;
mod issuer_url;
mod keys;
mod raw;
mod rejected;

pub use algorithm::Algorithm;
pub use issuer::{IssuerRules, IssuerSettings, KindRule, ScopeClaim, TokenType};
pub use keys::KeySet;
pub use raw::RawToken;
pub use rejected::{Rejected, RejectedKind, challenge};

use crate::principal::Caller;
use claims::Claims;

/// Believes or refuses a token of one issuer, at a time in seconds since the Unix epoch.
///
/// The order is that of RFC 8725: what the header may say, the key's one algorithm, the
/// signature, and only then the claims.
///
/// # Errors
/// Why not; never with anything that the token says. [`RejectedKind::UnknownKey`] asks for the
/// issuer's keys to be fetched again, once.
pub fn verify(
    token: &RawToken,
    rules: &IssuerRules,
    keys: &KeySet,
    now_seconds: i64,
) -> Result<Caller, Rejected> {
    let header = header::check(token.header(), rules)?;
    if token.issuer_hint() != Some(rules.issuer()) {
        return Err(Rejected::token("`iss` is not the issuer that was selected"));
    }
    keys.verify(token, &header, rules)?;
    let claims = Claims::new(token.claims());
    claims::check(&claims, rules, now_seconds)?;
    identity::caller(&claims, &header, rules, token.hash())
}

#[cfg(test)]
mod tests;
