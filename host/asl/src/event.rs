//! What can happen to an execution.

use serde_json::Value;

use crate::{EffectId, Timestamp};

/// Something that happened, with the time and randomness its consequences may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it happened; the interpreter has no other clock.
    pub at: Timestamp,
    /// Randomness for jitter; the interpreter has no other source.
    pub seed: u64,
    /// The activities that do not exist at that time, of those the machine's Tasks name.
    pub absent: Vec<String>,
    /// What happened.
    pub kind: EventKind,
}

/// The kinds of events.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// The execution begins; the first event of every execution.
    Start,
    /// An attempt was admitted and its code is about to run.
    TaskStarted {
        /// The [`crate::Effect::RunTask`] it answers.
        effect: EffectId,
        /// What was decided about the attempt, where a component runs.
        facts: Option<AttemptFacts>,
        /// Who took an activity's task, as it calls itself.
        worker: Option<String>,
    },
    /// What was called has accepted the work; somebody else will answer it.
    TaskSubmitted {
        /// The [`crate::Effect::RunTask`] it answers.
        effect: EffectId,
        /// What it answered.
        output: Value,
    },
    /// Whoever works on the task gave a sign of life.
    TaskHeartbeat {
        /// The [`crate::Effect::RunTask`] it is for.
        effect: EffectId,
    },
    /// An attempt ended well.
    TaskSucceeded {
        /// The [`crate::Effect::RunTask`] it answers.
        effect: EffectId,
        /// What the component returned.
        output: Value,
    },
    /// An attempt failed, was refused, or was interrupted.
    TaskFailed {
        /// The [`crate::Effect::RunTask`] it answers.
        effect: EffectId,
        /// An ASL error name.
        error: String,
        /// Text for people.
        cause: String,
    },
    /// A child execution of a map run ended well.
    ChildSucceeded {
        /// The [`crate::Effect::StartChild`] it answers.
        effect: EffectId,
        /// Its output.
        output: Value,
    },
    /// A child execution of a map run ended otherwise, or could not be started.
    ChildFailed {
        /// The [`crate::Effect::StartChild`] it answers.
        effect: EffectId,
        /// An ASL error name.
        error: String,
        /// Text for people.
        cause: String,
    },
    /// The items of a map run were read.
    ItemsRead {
        /// The [`crate::Effect::ReadItems`] it answers.
        effect: EffectId,
        /// The items.
        items: Vec<Value>,
    },
    /// The results of a map run were written.
    ResultsWritten {
        /// The [`crate::Effect::WriteResults`] it answers.
        effect: EffectId,
        /// Where: `ResultWriterDetails`.
        details: Value,
    },
    /// A map run's items could not be read, or its results not be written.
    MapRunFailed {
        /// The [`crate::Effect::ReadItems`] or [`crate::Effect::WriteResults`] it answers.
        effect: EffectId,
        /// An ASL error name.
        error: String,
        /// Text for people.
        cause: String,
    },
    /// A timer's time has come.
    TimerFired {
        /// The [`crate::Effect::StartTimer`] it answers.
        effect: EffectId,
    },
    /// The interpreter asked to be continued, see [`crate::Effect::Continue`].
    Continued {
        /// The [`crate::Effect::Continue`] it answers.
        effect: EffectId,
    },
    /// Somebody stops the execution (StopExecution).
    Stop {
        /// An ASL error name, if the caller gave one.
        error: Option<String>,
        /// Text for people, if the caller gave one.
        cause: Option<String>,
        /// Who stopped it, for the history.
        principal: String,
    },
}

/// What only this host knows of an attempt; goes into the history's own fields.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptFacts {
    /// The component's name.
    pub component: String,
    /// The component's version.
    pub version: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// The role the attempt runs under.
    pub role: String,
    /// The role's revision.
    pub role_revision: u64,
}
