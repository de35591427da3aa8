//! What a token's header may say.

use serde_json::{Map, Value};

use crate::token::{Algorithm, IssuerRules, Rejected, TokenType};

const KEY_ID_BYTES_MAX: usize = 256;

/// Members that change what the signature means; we understand none of them.
const REFUSED: [&str; 5] = ["crit", "b64", "zip", "enc", "cty"];

/// A header that passed. `jku`, `jwk`, `x5u` and `x5c` were not even looked at: a token does not
/// choose its own key.
pub(super) struct Header<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: &'a str,
    /// Whether the header says that this is an access token, in the words of RFC 9068.
    pub(super) is_marked_access_token: bool,
}

/// Checks a header against its issuer's rules.
pub(super) fn check<'a>(
    header: &'a Map<String, Value>,
    rules: &IssuerRules,
) -> Result<Header<'a>, Rejected> {
    for name in REFUSED {
        if header.contains_key(name) {
            return Err(Rejected::token(format!("header `{name}` is not supported")));
        }
    }
    let algorithm = header
        .get("alg")
        .and_then(Value::as_str)
        .and_then(Algorithm::parse)
        .filter(|algorithm| rules.algorithms().contains(algorithm));
    let Some(algorithm) = algorithm else {
        return Err(Rejected::token("`alg` is not an algorithm of this issuer"));
    };
    let is_marked_access_token = check_type(header.get("typ"), rules.settings().token_type)?;
    let key_id = header.get("kid").and_then(Value::as_str);
    let Some(key_id) = key_id.filter(|id| (1..=KEY_ID_BYTES_MAX).contains(&id.len())) else {
        return Err(Rejected::token(
            "`kid` is missing or not a string of 1 to 256 bytes",
        ));
    };
    Ok(Header {
        algorithm,
        key_id,
        is_marked_access_token,
    })
}

/// Lists what is allowed, so that every other type of token (DPoP proofs, logout tokens, security
/// events, identity assertions) is refused without being known.
fn check_type(found: Option<&Value>, expected: TokenType) -> Result<bool, Rejected> {
    let Some(found) = found else {
        return match expected {
            TokenType::AtJwt | TokenType::Jwt => Err(Rejected::token("`typ` is missing")),
            TokenType::Absent | TokenType::Any => Ok(false),
        };
    };
    let is = |name: &str| {
        found
            .as_str()
            .is_some_and(|found| found.eq_ignore_ascii_case(name))
    };
    let is_at_jwt = is("at+jwt") || is("application/at+jwt");
    let is_allowed = match expected {
        TokenType::AtJwt => is_at_jwt,
        TokenType::Jwt => is("JWT"),
        TokenType::Absent => false,
        TokenType::Any => is_at_jwt || is("JWT"),
    };
    if !is_allowed {
        return Err(Rejected::token(
            "`typ` is not that of this issuer's access tokens",
        ));
    }
    Ok(is_at_jwt)
}
