//! Between a caller and the engine: who is it, and does policy permit it.
//!
//! Owns that every refusal is recorded before it is told. The deciding is `auth`'s.

use auth::policy::{Action, Permit, Resource};
use auth::principal::Caller;
use auth::token::{RawToken, Rejected, RejectedKind};
use axum::extract::FromRequestParts;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::parameters::query_pairs;
use super::problem::Problem;
use super::state::App;
use crate::identity::Refusal;

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
    let decided = engine.policies().permits::<A>(caller, resource);
    app.requests().decided(A::NAME, decided.is_ok());
    match decided {
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
        Ok(identify(parts, app).await?.map(Self)?)
    }
}

/// Who sent a request.
///
/// # Errors
/// 503 until the store is open; within, why its one bearer token shows nobody.
pub(super) async fn identify(parts: &Parts, app: &App) -> Result<Result<Caller, Refusal>, Problem> {
    let opened = app.opened()?;
    let caller = match bearer(parts) {
        Ok(token) => opened.identity.authenticate(&token).await,
        Err(refusal) => Err(refusal),
    };
    app.requests().authenticated(match &caller {
        Ok(_) => "authenticated",
        Err(Refusal::Missing) => "missing",
        Err(Refusal::Rejected(_)) => "rejected",
        Err(Refusal::KeysUnavailable) => "keys-unavailable",
    });
    Ok(caller.inspect_err(|refusal| tracing::info!(%refusal, "a request was not authenticated")))
}

/// The one credential of a request (RFC 6750 section 2.1).
fn bearer(parts: &Parts) -> Result<RawToken, Refusal> {
    let is_in_query = query_pairs(parts.uri.query().unwrap_or_default())
        .iter()
        .any(|(name, _)| name == "access_token");
    if is_in_query {
        return Err(Refusal::Rejected(Rejected {
            kind: RejectedKind::InvalidRequest,
            reason: "a token in the query is never read, send it in `Authorization`".to_owned(),
            scopes: Vec::new(),
        }));
    }
    let values = parts.headers.get_all(AUTHORIZATION).iter();
    let token = RawToken::from_authorization(values.map(HeaderValue::as_bytes))?;
    token.ok_or(Refusal::Missing)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// `{"alg":"ES256"}`, `{"iss":"x"}` and any signature.
    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl";

    fn check(uri: &str, headers: &[&str], expected: &str) {
        let mut request = Request::builder().uri(uri);
        for value in headers {
            request = request.header(AUTHORIZATION, value.replace("TOKEN", TOKEN));
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let found = match bearer(&parts) {
            Ok(token) => token.issuer_hint().unwrap_or_default().to_owned(),
            Err(Refusal::Rejected(rejected)) => rejected.kind.code().to_owned(),
            Err(refusal @ (Refusal::Missing | Refusal::KeysUnavailable)) => refusal.to_string(),
        };
        assert_eq!(found, expected, "{uri} {headers:?}");
    }

    #[test]
    fn exactly_one_bearer_token_is_read() {
        check("/", &["Bearer TOKEN"], "x");
        check("/", &["bearer TOKEN"], "x");
        check("/", &[], &Refusal::Missing.to_string());
        check("/", &["Basic abc"], "invalid_token");
        check("/", &["Bearer TOKEN", "Bearer TOKEN"], "invalid_request");
        check("/", &["Bearer"], "invalid_request");
        check("/", &["Bearer a b"], "invalid_token");
    }

    #[test]
    fn a_token_in_the_query_is_refused_even_beside_a_header() {
        check("/?access_token=x", &[], "invalid_request");
        check(
            "/?a=b&access%5Ftoken=x",
            &["Bearer TOKEN"],
            "invalid_request",
        );
        check("/?access_tokens=x", &["Bearer TOKEN"], "x");
    }
}
