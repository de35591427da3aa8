//! Between a caller and the engine: who is it, and does policy permit it.
//!
//! Owns that every refusal is recorded before it is told. The deciding is `auth`'s.

use auth::policy::{Action, Permit, Resource};
use auth::principal::Caller;
use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::parameters::query_pairs;
use super::problem::Problem;
use super::state::App;
use crate::identity::{Bearer, Refusal};

/// Proof that `caller` may do `A` to `resource`.
///
/// # Errors
/// 403 with the deciding rule, once the refusal is in the audit log; 500 if it cannot be recorded.
pub(super) async fn authorize<A: Action>(
    app: &App,
    caller: &Caller,
    resource: &Resource,
) -> Result<Permit<A>, Problem> {
    let engine = app.engine()?;
    match engine.policies().permits::<A>(caller, resource) {
        Ok(permit) => Ok(permit),
        Err(denied) => {
            engine.record_denied(caller, &denied).await?;
            tracing::info!(action = A::NAME, rule = %denied.rule, "policy refused a request");
            Err(denied.into())
        }
    }
}

/// Whoever sent a request, shown by its one bearer token.
pub(super) struct Authenticated(pub(super) Caller);

impl FromRequestParts<App> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let opened = app.opened()?;
        let bearer = bearer(parts)?;
        match opened.identity.authenticate(&bearer).await {
            Ok(caller) => Ok(Self(caller)),
            Err(refusal) => {
                tracing::info!(%refusal, "a token was refused");
                Err(refusal.into())
            }
        }
    }
}

/// The one credential of a request (RFC 6750 section 2.1).
fn bearer(parts: &Parts) -> Result<Bearer, Refusal> {
    let is_in_query = query_pairs(parts.uri.query().unwrap_or_default())
        .iter()
        .any(|(name, _)| name == "access_token");
    if is_in_query {
        return Err(Refusal::Ambiguous("a token in the query is never read"));
    }
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Err(Refusal::Missing);
    };
    if values.next().is_some() {
        return Err(Refusal::Ambiguous("there are two `Authorization` headers"));
    }
    let malformed = Refusal::Ambiguous("the `Authorization` header is not `Bearer TOKEN`");
    let Ok(text) = value.to_str() else {
        return Err(malformed);
    };
    let (scheme, token) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::Missing);
    }
    let token = token.trim();
    if token.is_empty() || token.contains(|character: char| character.is_ascii_whitespace()) {
        return Err(malformed);
    }
    Ok(Bearer::new(token))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn check(uri: &str, headers: &[&str], expected: Result<(), Refusal>) {
        let mut request = Request::builder().uri(uri);
        for value in headers {
            request = request.header(AUTHORIZATION, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let found = bearer(&parts).map(|_| ());
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{uri} {headers:?}");
    }

    #[test]
    fn exactly_one_bearer_token_is_read() {
        check("/", &["Bearer a.b.c"], Ok(()));
        check("/", &["bearer  a.b.c "], Ok(()));
        check("/", &[], Err(Refusal::Missing));
        check("/", &["Basic abc"], Err(Refusal::Missing));
        let two = Refusal::Ambiguous("there are two `Authorization` headers");
        check("/", &["Bearer a", "Bearer a"], Err(two));
        let malformed = "the `Authorization` header is not `Bearer TOKEN`";
        check("/", &["Bearer"], Err(Refusal::Ambiguous(malformed)));
        check("/", &["Bearer a b"], Err(Refusal::Ambiguous(malformed)));
    }

    #[test]
    fn a_token_in_the_query_is_refused_even_beside_a_header() {
        let refusal = || Refusal::Ambiguous("a token in the query is never read");
        check("/?access_token=x", &[], Err(refusal()));
        check("/?a=b&access%5Ftoken=x", &["Bearer a"], Err(refusal()));
        check("/?access_tokens=x", &["Bearer a"], Ok(()));
    }
}
