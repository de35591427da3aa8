//! What went wrong, in the service's words: the one place where it becomes an answer of this face.

use axum::response::{IntoResponse, Response};
use engine::Error;
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use super::CONTENT_TYPE_JSON;
use crate::http::problem::{Kind, Problem};
use crate::identity::Refusal;

/// Something that went wrong: a code that clients branch on, and a message.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    code: &'static str,
    message: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Fault {
    /// An error that the service's model names.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self::with_status(StatusCode::BAD_REQUEST, code, message)
    }

    fn with_status(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            headers: Vec::new(),
        }
    }

    /// The request names no operation that this face has.
    pub(super) fn unknown_operation() -> Self {
        let message = "The requested operation is not recognized by the service.";
        Self::with_status(StatusCode::NOT_FOUND, "UnknownOperationException", message)
    }

    /// The body is not what the service's protocol says.
    pub(super) fn serialization(message: impl Into<String>) -> Self {
        Self::new("SerializationException", message)
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    pub(super) fn invalid_arn(what: &str) -> Self {
        Self::new("InvalidArn", format!("Invalid Arn: '{what}'"))
    }

    pub(super) fn invalid_name(name: &str) -> Self {
        Self::new("InvalidName", format!("Invalid Name: '{name}'"))
    }

    pub(super) fn invalid_token() -> Self {
        Self::new("InvalidToken", "Invalid Token: 'Invalid token'")
    }

    pub(super) fn machine_missing(arn: &str) -> Self {
        Self::new(
            "StateMachineDoesNotExist",
            format!("State Machine Does Not Exist: '{arn}'"),
        )
    }

    pub(super) fn execution_missing(arn: &str) -> Self {
        Self::new(
            "ExecutionDoesNotExist",
            format!("Execution Does Not Exist: '{arn}'"),
        )
    }

    pub(super) fn resource_missing(arn: &str) -> Self {
        Self::new("ResourceNotFound", format!("Resource not found: '{arn}'"))
    }

    pub(super) fn type_not_supported() -> Self {
        Self::new(
            "StateMachineTypeNotSupported",
            "This operation is not supported by this type of state machine",
        )
    }

    /// What an operation on the state machine `arn` met.
    pub(super) fn of_machine(arn: &str, error: Error) -> Self {
        match error {
            Error::NotFound(_) => Self::machine_missing(arn),
            Error::Deleting(_) => Self::new(
                "StateMachineDeleting",
                format!("State Machine is being deleted: '{arn}'"),
            ),
            Error::TypeNotSupported(_) => Self::type_not_supported(),
            other => other.into(),
        }
    }

    /// Whether a state machine that was named does not exist.
    pub(super) fn is_missing_machine(&self) -> bool {
        self.code == "StateMachineDoesNotExist"
    }

    /// The same, with when to come back.
    pub(super) fn with_retry_after(mut self, seconds: u64) -> Self {
        self.headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
        self
    }

    #[cfg(test)]
    pub(super) fn told(&self) -> (u16, &'static str, &str) {
        (self.status.as_u16(), self.code, &self.message)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Problem::from(error).into()
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        let (status, code) = match problem.kind() {
            Kind::Malformed => (StatusCode::BAD_REQUEST, "ValidationException"),
            Kind::Unauthenticated => (StatusCode::FORBIDDEN, "UnrecognizedClientException"),
            Kind::Denied => (StatusCode::FORBIDDEN, "AccessDeniedException"),
            Kind::NotFound => (StatusCode::BAD_REQUEST, "ResourceNotFound"),
            Kind::MethodNotAllowed => (StatusCode::NOT_FOUND, "UnknownOperationException"),
            Kind::Timeout => (StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException"),
            Kind::Conflict => (StatusCode::BAD_REQUEST, "ConflictException"),
            Kind::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLargeException",
            ),
            Kind::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UnsupportedMediaTypeException",
            ),
            Kind::Refused => (StatusCode::BAD_REQUEST, "ValidationException"),
            Kind::TooManyRequests => (StatusCode::BAD_REQUEST, "ThrottlingException"),
            Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure"),
            // Clients try again after this one.
            Kind::Unavailable | Kind::StorageFull => {
                (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable")
            }
        };
        let message = problem.detail().to_owned();
        let mut fault = Self::with_status(status, code, message);
        let answer = problem.into_response();
        for name in [WWW_AUTHENTICATE, RETRY_AFTER] {
            if let Some(value) = answer.headers().get(&name) {
                fault.headers.push((name, value.clone()));
            }
        }
        fault
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let is_missing = matches!(refusal, Refusal::Missing);
        let fault = Self::from(Problem::from(refusal));
        match is_missing {
            true => Self {
                code: "MissingAuthenticationTokenException",
                ..fault
            },
            false => fault,
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = json!({"__type": self.code, "message": self.message});
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.extend(self.headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE_JSON));
        response
    }
}

#[cfg(test)]
mod tests {
    use ports::StoreError;

    use super::*;

    #[test]
    fn whoever_sends_no_token_learns_what_to_send() {
        let fault = Fault::from(Refusal::Missing);
        assert_eq!(fault.told().0, 403);
        assert_eq!(fault.told().1, "MissingAuthenticationTokenException");
        assert!(
            fault
                .into_response()
                .headers()
                .contains_key(WWW_AUTHENTICATE)
        );
        let unavailable = Fault::from(Refusal::KeysUnavailable);
        assert_eq!(unavailable.told().1, "ServiceUnavailable");
        assert!(
            unavailable
                .into_response()
                .headers()
                .contains_key(RETRY_AFTER)
        );
    }

    #[test]
    fn whoever_has_to_come_back_is_told_so_in_words_that_clients_retry_on() {
        let (scarce, retry_after_s) = (engine::Scarce::Attempts, 3);
        let own = Error::TooMany {
            scarce,
            retry_after_s,
        };
        let busy = Error::Busy {
            scarce,
            retry_after_s,
        };
        for (error, status, code) in [
            (own, 400, "ThrottlingException"),
            (busy, 503, "ServiceUnavailable"),
        ] {
            let fault = Fault::from(error);
            assert_eq!((fault.told().0, fault.told().1), (status, code));
            assert_eq!(fault.into_response().headers()[RETRY_AFTER], "3");
        }
    }

    #[test]
    fn a_full_disk_is_told_as_what_clients_retry_on_and_a_failed_one_is_not() {
        let full = Fault::from(Error::Store(StoreError::Full {
            free_bytes: 7,
            reserve_bytes: 64,
        }));
        let (status, code, message) = full.told();
        assert_eq!((status, code), (503, "ServiceUnavailable"));
        assert!(message.contains("the disk is full"), "{message}");
        assert_eq!(full.into_response().headers()[RETRY_AFTER], "10");
        let failed = Fault::from(Error::Store(StoreError::Io("/secret/path".into())));
        assert_eq!((failed.told().0, failed.told().1), (500, "InternalFailure"));
        assert!(!failed.message.contains("secret"), "{}", failed.message);
        assert!(!failed.into_response().headers().contains_key(RETRY_AFTER));
    }

    #[test]
    fn an_internal_failure_keeps_its_cause_inside() {
        let fault = Fault::from(Error::Host("secret path /x".into()));
        assert!(!fault.message.contains("secret"));
        assert_eq!(fault.told().1, "InternalFailure");
    }
}
