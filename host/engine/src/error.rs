//! Why a request was not carried out.

use std::sync::Arc;

use asl::ExecutionId;
use auth::policy::Denied;
use document::Problem;
use ports::{RunError, StoreError};

use crate::Scarce;

/// Why a request was not carried out; one variant per thing the caller could do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The document is malformed: correct it.
    #[error("{}", join(.0))]
    Invalid(Vec<Problem>),
    /// The document is well formed, but the authority chain refuses it: change grants, needs or reviews.
    #[error("{}", join(.0))]
    Refused(Vec<Problem>),
    /// Policy refuses: ask for the right.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Nothing of that name is here.
    #[error("{0} does not exist")]
    NotFound(String),
    /// Something else holds that name or state.
    #[error("{0}")]
    Conflict(String),
    /// It is being deleted: wait, or choose another name.
    #[error("{0} is being deleted")]
    Deleting(String),
    /// It has moved on: read it and decide again.
    #[error("revision `{asked}` is not the current one, that is `{current}`")]
    StaleRevision {
        /// Which one was asked for.
        asked: String,
        /// Which one is current.
        current: String,
    },
    /// These refer to it: change them first.
    #[error("aliases `{}` route to it", .0.join("`, `"))]
    InUse(Vec<String>),
    /// The state machine's type has no such call: use one of the other type.
    #[error("state machines of type {0} cannot do this")]
    TypeNotSupported(&'static str),
    /// Send less.
    #[error("{0}")]
    TooLarge(String),
    /// The principal has its share of the host: end something, or try again later.
    #[error("you have your share of the host's {scarce}, try again in {retry_after_s} s")]
    TooMany {
        /// What there is no more of.
        scarce: Scarce,
        /// When, in seconds.
        retry_after_s: u64,
    },
    /// The host is full: try again later.
    #[error("the host has as many {scarce} as it may, try again in {retry_after_s} s")]
    Busy {
        /// What there is no room for.
        scarce: Scarce,
        /// When, in seconds.
        retry_after_s: u64,
    },
    /// The host takes up the executions of the last one: try again soon.
    #[error("the host is not ready yet, try again in {retry_after_s} s")]
    Recovering {
        /// When, in seconds.
        retry_after_s: u64,
    },
    /// It runs but cannot be gone on with, as its records are damaged or what it needs is gone:
    /// somebody must see to the store.
    #[error("execution `{id}` cannot be taken up: {reason}")]
    Stranded {
        /// Which one.
        id: ExecutionId,
        /// Why.
        reason: Arc<str>,
    },
    /// The host is shutting down: ask the next one.
    #[error("the host is shutting down")]
    Closing,
    /// The store cannot do its work.
    #[error("the store cannot do its work")]
    Store(#[from] StoreError),
    /// The host cannot do its work.
    #[error("the host cannot do its work: {0}")]
    Host(Arc<str>),
}

fn join(problems: &[Problem]) -> String {
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

impl Error {
    /// A failure inside the host, told to its log.
    pub(crate) fn host(message: impl std::fmt::Display) -> Self {
        Self::Host(message.to_string().into())
    }
}

impl From<RunError> for Error {
    fn from(error: RunError) -> Self {
        Self::host(error)
    }
}

/// Whether a request made something or found it made already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created<T> {
    /// It was made.
    New(T),
    /// It was there, exactly so.
    Same(T),
}

impl<T> Created<T> {
    /// What was made or found.
    pub fn into_inner(self) -> T {
        match self {
            Self::New(value) | Self::Same(value) => value,
        }
    }
}
