//! What an execution wants done outside the interpreter.

use serde::{Deserialize, Serialize};

use crate::definition::BlockId;
use crate::{Payload, Timestamp};

/// Names one effect of one execution; never reused within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EffectId(pub u64);

/// Something to be performed once the transition that asked for it is stored. An effect may be
/// performed twice after a crash; its id is the idempotency key.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Run a Task's component; answered by `TaskStarted`, then `TaskSucceeded` or `TaskFailed`.
    RunTask(TaskRun),
    /// Wake the execution at a point in time; answered by `TimerFired`.
    StartTimer {
        /// Names the timer.
        effect: EffectId,
        /// When to fire; a time in the past fires at once.
        at: Timestamp,
    },
    /// Run a child execution of a map run; answered by `ChildSucceeded` or `ChildFailed`.
    StartChild(ChildRun),
    /// Read a map run's items; answered by `ItemsRead` or `MapRunFailed`.
    ReadItems(ItemsRead),
    /// Write a map run's results; answered by `ResultsWritten` or `MapRunFailed`.
    WriteResults(ResultsWrite),
    /// The task, timer or child is no longer wanted; its answer would be a named no-op.
    Cancel(EffectId),
    /// Apply `Continued` after storing: the transition was cut short to bound its size.
    Continue(EffectId),
}

/// One attempt of one Task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRun {
    /// Names the attempt; the idempotency key is made of it.
    pub effect: EffectId,
    /// The Task state.
    pub state: String,
    /// The state's `Resource`, as written.
    pub resource: String,
    /// The state's `Credentials.RoleArn`, as written or evaluated.
    pub role_arn: Option<String>,
    /// What the component is given.
    pub input: Payload,
    /// 1 for the first attempt, one more for each retry.
    pub attempt: u32,
    /// When the state's `TimeoutSeconds` ends the attempt; the interpreter's own timer enforces it.
    pub timeout_at: Option<Timestamp>,
    /// How often a sign of life must come from whoever works on it.
    pub heartbeat_seconds: Option<u64>,
    /// What whoever has the task identifies it with, where somebody outside answers it.
    pub token: Option<String>,
    /// How far it has come.
    pub phase: TaskPhase,
}

/// One child execution of a map run.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildRun {
    /// Names the child; performing it twice must find the same execution.
    pub effect: EffectId,
    /// The map run's ARN.
    pub map_run: String,
    /// The Map state.
    pub state: String,
    /// The block it runs.
    pub block: BlockId,
    /// Which child of the run it is, from 0.
    pub index: u32,
    /// Its input.
    pub input: Payload,
}

/// The items of a map run, from outside the state's input.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemsRead {
    /// Names the reading.
    pub effect: EffectId,
    /// The Map state.
    pub state: String,
    /// `ItemReader.Resource`.
    pub resource: String,
    /// `ItemReader.Parameters` or `Arguments`, evaluated.
    pub arguments: Payload,
    /// `ItemReader.ReaderConfig`, evaluated.
    pub config: Payload,
    /// The most items to read; 0 is no limit of the definition's.
    pub max_items: u64,
}

/// The results of a map run, to be kept outside the state's output.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultsWrite {
    /// Names the writing.
    pub effect: EffectId,
    /// The Map state.
    pub state: String,
    /// The map run's ARN.
    pub map_run: String,
    /// `ResultWriter.Resource`.
    pub resource: Option<String>,
    /// `ResultWriter.Parameters` or `Arguments`, evaluated.
    pub arguments: Payload,
    /// `ResultWriter.WriterConfig`, evaluated.
    pub config: Payload,
    /// The children's outputs, or their errors, in order.
    pub results: Vec<Payload>,
}

/// How far an attempt has come in the durable record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskPhase {
    /// Asked for; no code has run.
    Scheduled,
    /// Recorded as started; code may have run.
    Started,
    /// Handed over; somebody outside answers it.
    Submitted,
}
