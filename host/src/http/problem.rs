//! The one place where something that went wrong becomes an HTTP answer (RFC 9457).
//!
//! The outside learns a short message; the cause of an internal failure goes to the log only.

use auth::policy::Denied;
use auth::token::{RejectedKind, challenge};
use axum::response::{IntoResponse, Response};
use engine::{Error, Full};
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use ports::StoreError;
use serde_json::{Map, Value, json};

use crate::identity::Refusal;

const CONTENT_TYPE_PROBLEM: &str = "application/problem+json";
const REALM: &str = "sluice";
/// When to come back while the host starts, stops, or waits for an identity provider.
const RETRY_SOON_S: u64 = 2;
/// When to come back while the disk is full.
const RETRY_FULL_S: u64 = 10;
const PROBLEMS_MAX: usize = 200;
/// What the outside learns of a failure inside.
const INTERNAL: &str = "the host could not do this, its log says why";

/// Something that went wrong, as the caller is told of it.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    errors: Vec<document::Problem>,
    rule: Option<String>,
    retry_after_s: Option<u64>,
    challenge: Option<String>,
}

/// The kinds of problems; each has a status, a type and a title of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Malformed,
    Unauthenticated,
    Denied,
    NotFound,
    MethodNotAllowed,
    Timeout,
    Conflict,
    TooLarge,
    UnsupportedMediaType,
    Refused,
    TooManyRequests,
    Internal,
    Unavailable,
    StorageFull,
}

impl Kind {
    fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Refused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unauthenticated => "unauthenticated",
            Self::Denied => "access-denied",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Timeout => "timeout",
            Self::Conflict => "conflict",
            Self::TooLarge => "too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::Refused => "refused",
            Self::TooManyRequests => "too-many-requests",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::StorageFull => "storage-full",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request is malformed",
            Self::Unauthenticated => "The caller is not known",
            Self::Denied => "Access denied",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::Timeout => "The request took too long to arrive",
            Self::Conflict => "Conflict",
            Self::TooLarge => "The request is too large",
            Self::UnsupportedMediaType => "Unsupported media type",
            Self::Refused => "The order of authority refuses this",
            Self::TooManyRequests => "Too many requests",
            Self::Internal => "The host failed",
            Self::Unavailable => "Not available at the moment",
            Self::StorageFull => "The disk is full",
        }
    }
}

impl Problem {
    fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            rule: None,
            retry_after_s: None,
            challenge: None,
        }
    }

    /// What kind of problem it is.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// What the caller is told.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether what was asked for is not here.
    pub(super) fn is_not_found(&self) -> bool {
        self.kind == Kind::NotFound
    }

    /// 400 for a request whose parts cannot be read.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Kind::Malformed, detail)
    }

    /// 400 with every problem of a document.
    pub(crate) fn invalid(problems: Vec<document::Problem>) -> Self {
        Self::with_errors(Kind::Malformed, "the document is not valid", problems)
    }

    /// 404 for `detail`.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, detail)
    }

    /// 405; the router adds `Allow`.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            Kind::MethodNotAllowed,
            "the route has no such method, see `Allow`",
        )
    }

    /// 408 for a body that did not arrive in time.
    pub(crate) fn body_timeout(limit_ms: u64) -> Self {
        Self::new(
            Kind::Timeout,
            format!("the body did not arrive within {limit_ms} ms"),
        )
    }

    /// 413 for a body above `limit_bytes`.
    pub(crate) fn too_large(limit_bytes: usize) -> Self {
        Self::new(
            Kind::TooLarge,
            format!("the body is larger than {limit_bytes} bytes"),
        )
    }

    /// 415 for a body that is none of `expected`.
    pub(crate) fn unsupported_media_type(expected: &[&str]) -> Self {
        let expected = expected.join("` or `");
        Self::new(
            Kind::UnsupportedMediaType,
            format!("the content type must be `{expected}`"),
        )
    }

    /// 429 for one stream too many of a principal's, 503 for one too many on this host.
    pub(crate) fn too_many_streams(full: Full) -> Self {
        let (kind, detail) = match full {
            Full::Share => (
                Kind::TooManyRequests,
                "you have your share of the host's event streams open",
            ),
            Full::Host => (
                Kind::Unavailable,
                "too many event streams are open on this host",
            ),
        };
        let mut problem = Self::new(kind, detail);
        problem.retry_after_s = Some(RETRY_SOON_S);
        problem
    }

    /// 503 while the store is being opened.
    pub(crate) fn starting() -> Self {
        let mut problem = Self::new(Kind::Unavailable, "the host is starting, try again");
        problem.retry_after_s = Some(RETRY_SOON_S);
        problem
    }

    /// 500; the cause goes to the log.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed inside the host");
        Self::new(Kind::Internal, INTERNAL)
    }

    fn with_errors(kind: Kind, detail: &str, mut errors: Vec<document::Problem>) -> Self {
        let count = errors.len();
        errors.truncate(PROBLEMS_MAX);
        let detail = match errors.as_slice() {
            [only] => only.to_string(),
            _ if count > PROBLEMS_MAX => {
                format!("{detail}: the first {PROBLEMS_MAX} of {count} problems are listed")
            }
            _ => format!("{detail}: {count} problems are listed"),
        };
        Self {
            errors,
            ..Self::new(kind, detail)
        }
    }

    fn to_json(&self) -> Value {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put(
            "type",
            json!(format!("urn:sluice:problem:{}", self.kind.name())),
        );
        put("title", json!(self.kind.title()));
        put("status", json!(self.kind.status().as_u16()));
        put("detail", json!(self.detail));
        if !self.errors.is_empty() {
            let errors = self.errors.iter().map(document::Problem::to_json);
            put("errors", errors.collect());
        }
        if let Some(rule) = &self.rule {
            put("rule", json!(rule));
        }
        Value::Object(body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.kind.status(), self.to_json().to_string()).into_response();
        let retry = self.retry_after_s.map(|seconds| seconds.to_string());
        let headers: [(HeaderName, Option<String>); 3] = [
            (CONTENT_TYPE, Some(CONTENT_TYPE_PROBLEM.to_owned())),
            (WWW_AUTHENTICATE, self.challenge),
            (RETRY_AFTER, retry),
        ];
        for (name, value) in headers {
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(problems) => Self::invalid(problems),
            Error::Refused(problems) => {
                Self::with_errors(Kind::Refused, "authority is missing", problems)
            }
            Error::Denied(denied) => denied.into(),
            Error::NotFound(what) => Self::not_found(format!("{what} does not exist")),
            Error::Conflict(detail) => Self::new(Kind::Conflict, detail),
            Error::Deleting(_) | Error::StaleRevision { .. } | Error::InUse(_) => {
                Self::new(Kind::Conflict, error.to_string())
            }
            Error::TypeNotSupported(_) => Self::malformed(error.to_string()),
            Error::TooLarge(detail) => Self::new(Kind::TooLarge, detail),
            Error::TooMany { retry_after_s, .. } => Self {
                retry_after_s: Some(retry_after_s),
                ..Self::new(Kind::TooManyRequests, error.to_string())
            },
            Error::Busy { retry_after_s, .. } | Error::Recovering { retry_after_s } => Self {
                retry_after_s: Some(retry_after_s),
                ..Self::new(Kind::Unavailable, error.to_string())
            },
            Error::Closing => Self {
                retry_after_s: Some(RETRY_SOON_S),
                ..Self::new(Kind::Unavailable, error.to_string())
            },
            Error::Stranded { .. } => {
                tracing::error!(%error, "a request is about an execution that cannot be taken up");
                Self::new(Kind::Internal, error.to_string())
            }
            Error::Store(StoreError::Full { .. }) => Self {
                retry_after_s: Some(RETRY_FULL_S),
                ..Self::new(Kind::StorageFull, Chain(&error).to_string())
            },
            Error::Store(_) | Error::Host(_) => {
                tracing::error!(error = %Chain(&error), "a request failed inside the host");
                Self::new(Kind::Internal, INTERNAL)
            }
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        Self {
            rule: Some(denied.rule.clone()),
            ..Self::new(Kind::Denied, denied.to_string())
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::Missing => Self {
                challenge: Some(challenge(REALM, None, None)),
                ..Self::new(Kind::Unauthenticated, detail)
            },
            Refusal::Rejected(rejected) => {
                let kind = match rejected.kind {
                    RejectedKind::InvalidRequest => Kind::Malformed,
                    RejectedKind::InvalidToken | RejectedKind::UnknownKey => Kind::Unauthenticated,
                    RejectedKind::InsufficientScope => Kind::Denied,
                };
                Self {
                    challenge: Some(challenge(REALM, None, Some(&rejected))),
                    ..Self::new(kind, detail)
                }
            }
            Refusal::KeysUnavailable => Self {
                retry_after_s: Some(RETRY_SOON_S),
                ..Self::new(Kind::Unavailable, detail)
            },
        }
    }
}

/// An error with its sources, in one line.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(formatter, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use auth::token::Rejected;
    use http_body_util::BodyExt as _;

    use super::*;

    async fn check(problem: Problem, status: u16, expected: Value) -> http::HeaderMap {
        let response = problem.into_response();
        assert_eq!(response.status().as_u16(), status);
        let (parts, body) = response.into_parts();
        assert_eq!(parts.headers[CONTENT_TYPE], CONTENT_TYPE_PROBLEM);
        let bytes = body.collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&body[name], value, "{name} of {body}");
        }
        parts.headers
    }

    #[tokio::test]
    async fn every_problem_of_a_document_is_listed() {
        let problems = vec![
            document::Problem::new("/http/0", "first"),
            document::Problem::new("", "second"),
        ];
        let errors = json!([
            {"pointer": "/http/0", "detail": "first"},
            {"pointer": "", "detail": "second"},
        ]);
        let invalid = Error::Invalid(problems.clone()).into();
        check(invalid, 400, json!({"errors": errors, "status": 400})).await;
        let refused = Error::Refused(problems).into();
        check(refused, 422, json!({"errors": errors})).await;
    }

    #[tokio::test]
    async fn a_denial_names_its_rule_and_challenges_nobody() {
        let denied = Denied {
            action: "StartExecution",
            resource: "state-machine/x".to_owned(),
            rule: "no-agents".to_owned(),
            reason: "agents may not".to_owned(),
        };
        let headers = check(denied.into(), 403, json!({"rule": "no-agents"})).await;
        assert!(!headers.contains_key(WWW_AUTHENTICATE));
    }

    #[tokio::test]
    async fn an_internal_failure_keeps_its_cause_inside() {
        let problem = Problem::from(Error::Host("secret path /x".into()));
        assert!(!problem.detail.contains("secret"));
        check(problem, 500, json!({"title": "The host failed"})).await;
    }

    #[tokio::test]
    async fn being_busy_says_when_to_come_back() {
        let (scarce, retry_after_s) = (engine::Scarce::Executions, 7);
        let own = Error::TooMany {
            scarce,
            retry_after_s,
        };
        let busy = Error::Busy {
            scarce,
            retry_after_s,
        };
        let recovering = Error::Recovering { retry_after_s };
        for (error, status) in [(own, 429), (busy, 503), (recovering, 503)] {
            let headers = check(error.into(), status, json!({})).await;
            assert_eq!(headers[RETRY_AFTER], "7");
        }
        for (full, status) in [(Full::Share, 429), (Full::Host, 503)] {
            let headers = check(Problem::too_many_streams(full), status, json!({})).await;
            assert!(headers.contains_key(RETRY_AFTER));
        }
        let full = StoreError::Full {
            free_bytes: 1,
            reserve_bytes: 2,
        };
        let headers = check(Error::Store(full).into(), 507, json!({})).await;
        assert!(headers.contains_key(RETRY_AFTER));
        let headers = check(Error::Closing.into(), 503, json!({})).await;
        assert!(headers.contains_key(RETRY_AFTER));
    }

    #[tokio::test]
    async fn a_missing_token_is_challenged_without_an_error_code() {
        let headers = check(Refusal::Missing.into(), 401, json!({})).await;
        assert_eq!(headers[WWW_AUTHENTICATE], "Bearer realm=\"sluice\"");
        let two = Refusal::Rejected(Rejected {
            kind: RejectedKind::InvalidRequest,
            reason: "two".to_owned(),
            scopes: Vec::new(),
        });
        let headers = check(two.into(), 400, json!({})).await;
        let challenge = headers[WWW_AUTHENTICATE].to_str().unwrap();
        assert!(
            challenge.contains("error=\"invalid_request\""),
            "{challenge}"
        );
    }
}
