//! Why a command did not do what it was asked, and the exit code that says so.

use std::process::ExitCode;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The host refused, the execution failed, or the audit log is broken.
    #[error("{0}")]
    Refused(String),
    /// The command line or a file named on it is at fault.
    #[error("{0}")]
    Usage(String),
    /// No host answered, or it could not do its work.
    #[error("{0}")]
    Unreachable(String),
}

impl CliError {
    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
        })
    }
}
