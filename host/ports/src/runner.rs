//! Running components.

use std::sync::Arc;
use std::time::Duration;

use asl::{ExecutionId, Timestamp};
use async_trait::async_trait;
use auth::authority::AttemptPermit;
use auth::names::Digest;
use auth::principal::Caller;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::LogLine;

/// What reading a binary showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// The digest of the bytes.
    pub digest: Digest,
    /// Every imported interface, such as `wasi:http/outgoing-handler@0.2.6`, sorted.
    pub imports: Vec<String>,
    /// Which of the two step interfaces it exports.
    pub exports: Exports,
    /// The text of its custom section `sluice:manifest`, if it has one.
    pub manifest: Option<String>,
}

/// The two step interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exports {
    /// The world `sluice:step/step`: `run` with context and input.
    Step,
    /// `wasi:cli/run`: input on stdin, output on stdout.
    Command,
}

/// Why bytes are not a component this host can run.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Rejected {
    /// The bytes are at fault; each line says what and where.
    #[error("not a usable component: {}", .0.join("; "))]
    Invalid(Vec<String>),
    /// The host could not look.
    #[error("the component could not be inspected: {0}")]
    Host(Arc<str>),
}

/// What a step may read about where it runs.
#[derive(Clone, Debug)]
pub struct StepContext {
    /// The execution's ARN.
    pub execution_arn: String,
    /// The execution's id, for log lines.
    pub execution: ExecutionId,
    /// The state machine's name.
    pub state_machine: String,
    /// The Task state.
    pub state: String,
    /// The component's name.
    pub component: String,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The same for every rerun of this attempt, different for every other attempt.
    pub idempotency_key: String,
    /// When the attempt will be cut off.
    pub deadline: Timestamp,
    /// Who called; the runner withholds it unless granted.
    pub caller: Caller,
}

/// One attempt to run.
pub struct Attempt {
    /// Proof that it may run, with what it may touch.
    pub permit: AttemptPermit,
    /// What the step may read.
    pub context: StepContext,
    /// JSON text.
    pub input: String,
    /// How long it may run, host calls included: the role's limit or the state's, whichever is less.
    pub time: Duration,
    /// Cancelled when nobody wants the result any more.
    pub cancelled: CancellationToken,
    /// Told of refused host calls before the component is.
    pub witness: Arc<dyn Witness>,
}

/// How an attempt ended: data, not an error of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// JSON text.
    Succeeded {
        /// The step's output.
        output: String,
    },
    /// The step failed, trapped, hit a limit or was refused something it did not survive.
    Failed {
        /// An ASL error name.
        error: String,
        /// Text for people.
        cause: String,
    },
    /// It was cancelled.
    Cancelled,
}

/// What an attempt did and used.
#[derive(Clone, Debug)]
pub struct AttemptReport {
    /// How it ended.
    pub outcome: Outcome,
    /// What it wrote to stdout and stderr, bounded by its limits.
    pub logs: Vec<LogLine>,
    /// What it used up.
    pub usage: Usage,
    /// Host calls that were allowed and made, each once with a count.
    pub uses: Vec<Use>,
    /// When it ran, if the runner came so far.
    pub times: Option<RunTimes>,
}

/// When an attempt passed from one of the runner's phases to the next.
#[derive(Clone, Copy, Debug)]
pub struct RunTimes {
    /// It was linked and instantiated from here on.
    pub began: Instant,
    /// Its code ran from here on, if it came so far.
    pub instantiated: Option<Instant>,
    /// Its code had ended.
    pub ended: Instant,
}

/// What an attempt used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Wall time in microseconds.
    pub wall_us: u64,
    /// Guest CPU time in milliseconds, as the epochs count it.
    pub cpu_ms: u64,
    /// The largest sum of its linear memories and tables, in bytes.
    pub memory_bytes: u64,
    /// Outgoing HTTP requests made.
    pub http_requests: u64,
}

/// One kind of host call that was allowed, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Use {
    /// The capability: `http`, `filesystem`.
    pub capability: String,
    /// On what: `POST https://orders.internal:8443/v1/orders`, `read-write invoices`.
    pub on: String,
    /// How often.
    pub count: u64,
}

/// One refused host call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The execution.
    pub execution: ExecutionId,
    /// The state.
    pub state: String,
    /// The attempt.
    pub attempt: u32,
    /// The capability: `http`, `filesystem`.
    pub capability: String,
    /// What was asked for.
    pub asked: String,
    /// The rule that refused it.
    pub rule: String,
    /// Why, in a sentence that names what is missing.
    pub reason: String,
}

/// The refusal could not be recorded; the attempt must not go on.
#[derive(Debug, thiserror::Error)]
#[error("a refusal could not be recorded: {0}")]
pub struct WitnessError(pub Arc<str>);

/// Is told of refusals while an attempt runs.
#[async_trait]
pub trait Witness: Send + Sync {
    /// Records a refusal durably; the component learns of it only afterwards. A crash before
    /// the return may lose the record together with the attempt.
    ///
    /// # Errors
    /// The record could not be written.
    async fn refused(&self, refusal: Refusal) -> Result<(), WitnessError>;
}

/// The host could not run the component; says nothing about the component.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The component's bytes are missing from the catalogue.
    #[error("component `{0}` is not in the catalogue")]
    Missing(Digest),
    /// The host failed.
    #[error("the runner failed: {0}")]
    Host(Arc<str>),
}

/// Reads and runs components.
#[async_trait]
pub trait Runner: Send + Sync {
    /// Reads a binary without running it. No effect; a crash means nothing.
    ///
    /// # Errors
    /// Why it is not a component this host can run.
    async fn inspect(&self, wasm: Bytes) -> Result<Inspection, Rejected>;

    /// Compiles a stored component ahead of its first attempt. No durable effect.
    ///
    /// # Errors
    /// The bytes are missing or the host failed.
    async fn prepare(&self, digest: &Digest) -> Result<(), RunError>;

    /// Runs one attempt to its end. A crash during the call may have had any prefix of the
    /// component's effects.
    ///
    /// # Errors
    /// The host could not run it; a failing component is an [`Outcome`].
    async fn run(&self, attempt: Attempt) -> Result<AttemptReport, RunError>;
}
