//! Requests that Tasks make themselves, with no component in between.

use std::sync::Arc;

use async_trait::async_trait;
use auth::authority::EgressPermit;
use bytes::Bytes;

/// What is sent besides what the permit says: method and address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutgoingRequest {
    /// Names and values, in order; never `Host` or what frames the message.
    pub headers: Vec<(String, String)>,
    /// The body; none is no body.
    pub body: Option<Bytes>,
}

/// A response that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingResponse {
    /// The status code.
    pub status: u16,
    /// What the status code is called; empty where it has no name.
    pub status_text: String,
    /// Names in lower case with their values, in the order received.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// Where the address leads may not be connected to; nothing was sent.
    #[error("refused by `{rule}`: {reason}")]
    Refused {
        /// The rule that decided.
        rule: String,
        /// What is missing and what to add, in one line.
        reason: String,
    },
    /// It cannot be sent as HTTP; nothing was sent.
    #[error("the request cannot be sent: {0}")]
    Unsendable(Arc<str>),
    /// The other side could not be reached or broke off; it may have acted on the request.
    #[error("no response: {0}")]
    Unanswered(Arc<str>),
    /// The role's time was over; the other side may have acted on the request.
    #[error("no response within the {limit_ms} ms that the role's `limits.time` allows")]
    TimedOut {
        /// In milliseconds.
        limit_ms: u64,
    },
    /// The response is longer than the role, or the host, allows.
    #[error("the response is longer than {limit_bytes} bytes")]
    TooLong {
        /// In bytes.
        limit_bytes: u64,
    },
}

/// Makes requests.
#[async_trait]
pub trait Egress: Send + Sync {
    /// Makes the one request that was permitted, follows no redirect, and reads the response.
    /// Every address is decided on before a connection is made. A crash during the call, or
    /// dropping it, leaves open whether the other side acted on the request.
    ///
    /// # Errors
    /// As [`EgressError`] says; a response with any status is none.
    async fn request(
        &self,
        permit: EgressPermit,
        request: OutgoingRequest,
    ) -> Result<OutgoingResponse, EgressError>;
}
