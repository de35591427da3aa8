//! From what happened to the outcome of an attempt, and the error names that are ours.
//!
//! - `Sluice.AccessDenied`: a host call was refused, whatever the component made of it.
//! - `Sluice.LimitExceeded`: a limit was hit; the cause names it, and where to raise it if it can be.
//! - `States.Timeout`: the time the state allows, less than the role's, was over.
//! - `Sluice.Trapped`: the component crashed.
//! - `Sluice.InvalidOutput`: what it answered is not JSON.
//! - `States.TaskFailed`: a command's exit code was not 0, or a step failed under a name it may
//!   not use: none, one of over 256 bytes, or one that begins with `States.` or `Sluice.`.
//!
//! Every other name and its cause are the step's own.

use auth::capability::Limit;
use ports::{Outcome, Refusal};
use serde::de::IgnoredAny;
use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

use crate::capability::log::Written;
use crate::ledger::Summary;
use crate::limits::LimitExceeded;
use crate::step::Failure;
use crate::text;

const ACCESS_DENIED: &str = "Sluice.AccessDenied";
const LIMIT_EXCEEDED: &str = "Sluice.LimitExceeded";
const TRAPPED: &str = "Sluice.Trapped";
const INVALID_OUTPUT: &str = "Sluice.InvalidOutput";
const TASK_FAILED: &str = "States.TaskFailed";
const TIMEOUT: &str = "States.Timeout";

const ERROR_BYTES_MAX: usize = 256;
const CAUSE_BYTES_MAX: usize = 32 << 10;
/// Bytes of the sandbox's own words in a cause.
const MESSAGE_BYTES_MAX: usize = 1 << 10;

/// What wasmtime says when a guest passes more to the host than it may; it has no type for it.
const HOST_CALL_FUEL: &str = "fuel allocated for hostcalls";

/// How a guest came to its end.
pub(crate) enum Ended {
    Returned(wasmtime::Result<Answer>),
    /// The ledger says why.
    Stopped,
    /// The time was over that the state allows.
    TimedOut {
        ms: u64,
    },
    Cancelled,
}

/// What a guest that came to its own end answered.
pub(crate) enum Answer {
    Step(Result<String, Failure>),
    Command(Result<(), ()>),
}

/// Decides how the attempt ended. A refusal outweighs a limit, and a limit any answer.
pub(crate) fn judge(
    ended: Ended,
    summary: &Summary,
    written: &Written,
    output_bytes_max: u64,
) -> Outcome {
    if matches!(ended, Ended::Cancelled) {
        return Outcome::Cancelled;
    }
    if let Some(refusal) = &summary.refused {
        return denied(refusal);
    }
    if let Some(exceeded) = &summary.exceeded {
        return failed(LIMIT_EXCEEDED, exceeded.to_string());
    }
    match ended {
        Ended::Cancelled => Outcome::Cancelled,
        Ended::TimedOut { ms } => failed(
            TIMEOUT,
            format!("the attempt took longer than the {ms} ms its state allows"),
        ),
        Ended::Stopped => failed(TRAPPED, "the attempt was stopped".to_owned()),
        Ended::Returned(Ok(Answer::Step(Ok(output)))) => output_of(output, output_bytes_max),
        Ended::Returned(Ok(Answer::Step(Err(failure)))) => failure_of(failure),
        Ended::Returned(Ok(Answer::Command(Ok(())))) => command_output(written, output_bytes_max),
        Ended::Returned(Ok(Answer::Command(Err(())))) => exit(1, written),
        Ended::Returned(Err(error)) => crash(&error, written, output_bytes_max),
    }
}

fn failed(error: &str, cause: String) -> Outcome {
    Outcome::Failed {
        error: error.to_owned(),
        cause,
    }
}

fn denied(refusal: &Refusal) -> Outcome {
    let Refusal {
        capability,
        asked,
        rule,
        reason,
        ..
    } = refusal;
    failed(
        ACCESS_DENIED,
        format!("{capability} `{asked}` was refused by rule `{rule}`: {reason}"),
    )
}

fn output_of(output: String, bytes_max: u64) -> Outcome {
    if u64::try_from(output.len()).unwrap_or(u64::MAX) > bytes_max {
        return too_long(bytes_max);
    }
    match serde_json::from_str::<IgnoredAny>(&output) {
        Ok(IgnoredAny) => Outcome::Succeeded { output },
        Err(error) => failed(INVALID_OUTPUT, format!("the output is not JSON: {error}")),
    }
}

fn too_long(bytes_max: u64) -> Outcome {
    let exceeded = LimitExceeded::Granted {
        limit: Limit::Output,
        allowed: bytes_max,
    };
    failed(LIMIT_EXCEEDED, exceeded.to_string())
}

fn command_output(written: &Written, bytes_max: u64) -> Outcome {
    match std::str::from_utf8(&written.output) {
        Ok(output) if output.trim().is_empty() => Outcome::Succeeded {
            output: "null".to_owned(),
        },
        Ok(output) => output_of(output.trim().to_owned(), bytes_max),
        Err(error) => {
            let at = error.valid_up_to();
            failed(
                INVALID_OUTPUT,
                format!("the output is not JSON: not UTF-8 at byte {at}"),
            )
        }
    }
}

fn exit(code: i32, written: &Written) -> Outcome {
    let cause = if written.stderr_tail.is_empty() {
        format!("the command exited with code {code} and wrote nothing to stderr")
    } else {
        written.stderr_tail.clone()
    };
    failed(TASK_FAILED, cause)
}

fn failure_of(failure: Failure) -> Outcome {
    let cause = text::plain_lines(&failure.cause, CAUSE_BYTES_MAX);
    let is_reserved = failure.error.starts_with("States.") || failure.error.starts_with("Sluice.");
    let is_usable = (1..=ERROR_BYTES_MAX).contains(&failure.error.len()) && !is_reserved;
    let error = text::plain(&failure.error, ERROR_BYTES_MAX);
    if is_usable && error == failure.error || error == TASK_FAILED {
        return failed(&error, cause);
    }
    let cause = format!("the step failed with `{error}`, which is not a name it may use: {cause}");
    failed(TASK_FAILED, cause)
}

fn crash(error: &wasmtime::Error, written: &Written, output_bytes_max: u64) -> Outcome {
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return match code {
            0 => command_output(written, output_bytes_max),
            code => exit(*code, written),
        };
    }
    let message = match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    if message.contains(HOST_CALL_FUEL) {
        let exceeded = LimitExceeded::Granted {
            limit: Limit::Output,
            allowed: output_bytes_max,
        };
        let cause = format!(
            "the component passed too many bytes to the host at once; if it was its output: {exceeded}"
        );
        return failed(LIMIT_EXCEEDED, cause);
    }
    let mut cause = format!(
        "the component crashed: {}",
        text::plain(&message, MESSAGE_BYTES_MAX)
    );
    if !written.stderr_tail.is_empty() {
        cause.push_str("; the end of stderr: ");
        cause.push_str(&written.stderr_tail);
    }
    failed(TRAPPED, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> (Summary, Written) {
        let summary = Summary {
            refused: None,
            exceeded: None,
            uses: Vec::new(),
            http_requests: 0,
            memory_bytes: 0,
        };
        (
            summary,
            Written {
                logs: Vec::new(),
                stderr_tail: String::new(),
                output: Vec::new(),
            },
        )
    }

    fn check_failure(error: &str, expected_error: &str, expected_cause: &str) {
        let failure = Failure {
            error: error.to_owned(),
            cause: "why".to_owned(),
        };
        let (summary, written) = nothing();
        let outcome = judge(
            Ended::Returned(Ok(Answer::Step(Err(failure)))),
            &summary,
            &written,
            100,
        );
        let Outcome::Failed { error, cause } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(error, expected_error);
        assert!(cause.contains(expected_cause), "{cause}");
    }

    #[test]
    fn a_steps_own_failure_is_passed_on() {
        check_failure("Orders.Rejected", "Orders.Rejected", "why");
        check_failure("States.TaskFailed", "States.TaskFailed", "why");
    }

    #[test]
    fn a_step_cannot_pretend_to_be_the_host() {
        for name in [
            "Sluice.AccessDenied",
            "States.Timeout",
            "",
            "a\nb",
            &"x".repeat(257),
        ] {
            check_failure(name, "States.TaskFailed", "not a name it may use: why");
        }
    }

    #[test]
    fn an_output_must_be_json_within_its_limit() {
        let (summary, written) = nothing();
        let judge = |output: &str| {
            judge(
                Ended::Returned(Ok(Answer::Step(Ok(output.to_owned())))),
                &summary,
                &written,
                5,
            )
        };
        assert_eq!(
            judge("[1,2]"),
            Outcome::Succeeded {
                output: "[1,2]".to_owned()
            }
        );
        assert!(matches!(judge("[1,2"), Outcome::Failed { error, .. } if error == INVALID_OUTPUT));
        assert!(
            matches!(judge("[1,2,3]"), Outcome::Failed { error, .. } if error == LIMIT_EXCEEDED)
        );
    }

    #[test]
    fn a_command_that_writes_nothing_answers_null() {
        let (summary, written) = nothing();
        let outcome = judge(
            Ended::Returned(Ok(Answer::Command(Ok(())))),
            &summary,
            &written,
            5,
        );
        assert_eq!(
            outcome,
            Outcome::Succeeded {
                output: "null".to_owned()
            }
        );
    }
}
