//! Why a request got no usable response.

use std::fmt;

/// Why a request got no usable response; as a [`crate::Failure`] it has the name in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpError {
    /// The request was never valid: URL, method, header or body (`Http.InvalidRequest`).
    InvalidRequest(String),
    /// The host refused it: the manifest does not name it or the role does not grant it (`Sluice.AccessDenied`).
    Denied(String),
    /// Connecting or answering took too long (`Http.Timeout`).
    Timeout(String),
    /// The connection could not be made or broke (`Http.Socket`).
    Socket(String),
    /// The response has more body bytes than the request accepts (`Http.InvalidResponse`).
    TooLarge {
        /// The most it accepts.
        bytes_max: usize,
    },
    /// The response is not what was expected (`Http.InvalidResponse`).
    InvalidResponse(String),
    /// The response has a status of 400 and above (`Http.StatusCode.404`, for example).
    Status {
        /// The status code.
        status: u16,
        /// The beginning of the body.
        excerpt: String,
    },
}

impl HttpError {
    /// The ASL error name that `Retry` and `Catch` match.
    pub fn error_name(&self) -> String {
        let name = match self {
            Self::InvalidRequest(_) => "Http.InvalidRequest",
            Self::Denied(_) => "Sluice.AccessDenied",
            Self::Timeout(_) => "Http.Timeout",
            Self::Socket(_) => "Http.Socket",
            Self::TooLarge { .. } | Self::InvalidResponse(_) => "Http.InvalidResponse",
            Self::Status { status, .. } => return format!("Http.StatusCode.{status}"),
        };
        name.to_owned()
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidRequest(message) => {
                write!(formatter, "the request is not valid: {message}")
            }
            Self::Denied(message) => write!(formatter, "the host refused the request: {message}"),
            Self::Timeout(message) => write!(formatter, "the request took too long: {message}"),
            Self::Socket(message) => write!(formatter, "the connection failed: {message}"),
            Self::TooLarge { bytes_max } => write!(
                formatter,
                "the response has more than {bytes_max} body bytes"
            ),
            Self::InvalidResponse(message) => {
                write!(formatter, "the response is not usable: {message}")
            }
            Self::Status { status, excerpt } => {
                write!(formatter, "the response has status {status}: {excerpt}")
            }
        }
    }
}

impl std::error::Error for HttpError {}
