//! What an execution wants done outside the interpreter.

use serde::{Deserialize, Serialize};

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
    /// The task or timer is no longer wanted; its answer would be a named no-op.
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
