//! What a signed token's claims must say before anyone is named by them.

use serde_json::{Map, Value};

use crate::token::{IssuerRules, Rejected};

const TEXT_BYTES_MAX: usize = 256;
const LIST_ITEMS_MAX: usize = 1000;
/// The last second of the year 9999.
const SECONDS_MAX: i64 = 253_402_300_799;

/// Typed access to claims: a claim of the wrong type is refused, never skipped.
#[derive(Clone, Copy)]
pub(super) struct Claims<'a>(&'a Map<String, Value>);

impl<'a> Claims<'a> {
    pub(super) fn new(members: &'a Map<String, Value>) -> Self {
        Self(members)
    }

    pub(super) fn has(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn value(self, name: &str) -> Option<&'a Value> {
        self.0.get(name)
    }

    /// A string of 1 to 256 bytes without control characters.
    pub(super) fn text(self, name: &str) -> Result<Option<&'a str>, Rejected> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let text = value.as_str().filter(|text| is_plain(text));
        let problem = || Rejected::token(format!("claim `{name}` is not a short plain string"));
        text.map(Some).ok_or_else(problem)
    }

    pub(super) fn required_text(self, name: &str) -> Result<&'a str, Rejected> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    /// Seconds since the Unix epoch (RFC 7519 section 2, NumericDate); fractions are cut off.
    pub(super) fn seconds(self, name: &str) -> Result<Option<i64>, Rejected> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let cut = |number: f64| number.is_finite().then_some(number as i64);
        let seconds = value.as_i64().or_else(|| value.as_f64().and_then(cut));
        let seconds = seconds.filter(|seconds| (0..=SECONDS_MAX).contains(seconds));
        let problem = || Rejected::token(format!("claim `{name}` is not a time in seconds"));
        seconds.map(Some).ok_or_else(problem)
    }

    /// An array of at most 1000 strings as in [`Claims::text`].
    pub(super) fn texts(self, name: &str) -> Result<Option<Vec<&'a str>>, Rejected> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let problem = || {
            Rejected::token(format!(
                "claim `{name}` is not an array of short plain strings"
            ))
        };
        let items = value
            .as_array()
            .filter(|items| items.len() <= LIST_ITEMS_MAX);
        let items = items.ok_or_else(problem)?.iter();
        let texts = items.map(|item| item.as_str().filter(|text| is_plain(text)));
        texts
            .collect::<Option<Vec<_>>>()
            .map(Some)
            .ok_or_else(problem)
    }

    /// Space-separated words in one string.
    pub(super) fn words(self, name: &str) -> Result<Option<Vec<&'a str>>, Rejected> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let problem = || {
            Rejected::token(format!(
                "claim `{name}` is not one string of space-separated words"
            ))
        };
        let words: Vec<_> = value
            .as_str()
            .ok_or_else(problem)?
            .split_ascii_whitespace()
            .collect();
        let is_bounded = words.len() <= LIST_ITEMS_MAX && words.iter().all(|word| is_plain(word));
        is_bounded.then_some(Some(words)).ok_or_else(problem)
    }
}

/// Checks everything that does not depend on who is named: for whom, from when and until when
/// the token is, and that it is an access token of a kind this host can verify in full.
pub(super) fn check(
    claims: &Claims<'_>,
    rules: &IssuerRules,
    now_seconds: i64,
) -> Result<(), Rejected> {
    let settings = rules.settings();
    if claims.required_text("iss")? != rules.issuer() {
        return Err(Rejected::token("claim `iss` is not the issuer"));
    }
    check_audience(*claims, &settings.audiences)?;
    check_times(*claims, rules, now_seconds)?;
    if claims.has("cnf") {
        return Err(Rejected::token(
            "the token is bound to a key (claim `cnf`), which cannot be verified here",
        ));
    }
    for name in ["nonce", "at_hash", "c_hash", "s_hash"] {
        if claims.has(name) {
            return Err(Rejected::token(format!(
                "claim `{name}` marks an ID token, send an access token"
            )));
        }
    }
    if let (Some(found), Some(expected)) = (claims.text("ver")?, &settings.version)
        && found != expected
    {
        return Err(Rejected::token(format!("claim `ver` is not `{expected}`")));
    }
    check_listed(*claims, "tid", &settings.tenants)?;
    check_listed(*claims, &settings.client_claim, &settings.clients)
}

fn check_audience(claims: Claims<'_>, audiences: &[String]) -> Result<(), Rejected> {
    let found = match claims.value("aud") {
        None => return Err(missing("aud")),
        Some(Value::String(single)) => vec![single.as_str()],
        Some(_) => claims.texts("aud")?.unwrap_or_default(),
    };
    let is_ours = |audience: &str| audiences.iter().any(|ours| ours == audience);
    if !found.into_iter().any(is_ours) {
        return Err(Rejected::token(
            "the token is for another audience (claim `aud`)",
        ));
    }
    Ok(())
}

fn check_times(claims: Claims<'_>, rules: &IssuerRules, now: i64) -> Result<(), Rejected> {
    let settings = rules.settings();
    let skew = settings.skew_seconds;
    let expires = claims.seconds("exp")?.ok_or_else(|| missing("exp"))?;
    let issued = claims.seconds("iat")?.ok_or_else(|| missing("iat"))?;
    if now.saturating_sub(skew) >= expires {
        return Err(Rejected::token("the token has expired (claim `exp`)"));
    }
    if issued > now.saturating_add(skew) {
        return Err(Rejected::token(
            "the token is from the future (claim `iat`)",
        ));
    }
    if claims
        .seconds("nbf")?
        .is_some_and(|begins| begins > now.saturating_add(skew))
    {
        return Err(Rejected::token("the token is not valid yet (claim `nbf`)"));
    }
    if expires <= issued || expires - issued > settings.lifetime_seconds_max {
        return Err(Rejected::token(format!(
            "the token lives longer than {} seconds, or ends before it begins (claims `iat`, `exp`)",
            settings.lifetime_seconds_max
        )));
    }
    Ok(())
}

fn check_listed(claims: Claims<'_>, name: &str, listed: &[String]) -> Result<(), Rejected> {
    if listed.is_empty() {
        return Ok(());
    }
    let found = claims.required_text(name)?;
    if !listed.iter().any(|value| value == found) {
        return Err(Rejected::token(format!(
            "claim `{name}` is not one of the configured values"
        )));
    }
    Ok(())
}

fn missing(name: &str) -> Rejected {
    Rejected::token(format!("claim `{name}` is missing"))
}

fn is_plain(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}
