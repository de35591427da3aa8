//! The durable state of one execution.
//!
//! Owns where an execution stands, what changed since it was last stored, and how it comes back
//! from what was stored. It does not know how it moves on: that is the interpreter's.

mod frame;
mod frames;
mod restore;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use frame::FrameId;
pub(crate) use frame::{ChildrenWait, Deadline, Frame, MapWait, TaskWait, Waiting};
use frames::Frames;
pub use restore::RestoreError;

use crate::{Delta, Effect, EffectId, HistoryEvent, Payload, PayloadId, TaskRun, Timestamp};

/// Names one execution in this store; sorts by start time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecutionId(String);

impl ExecutionId {
    /// Accepts 1 to 64 characters of `[a-z0-9-]`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_valid = (1..=64).contains(&text.len()) && text.bytes().all(is_plain);
        is_valid.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What is fixed when an execution starts; the context object is built from it and the input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The execution's id in this store.
    pub id: ExecutionId,
    /// `arn:aws:states:{region}:{account}:execution:{machine}:{name}`.
    pub arn: String,
    /// The execution's name, unique within its state machine.
    pub name: String,
    /// The state machine's ARN.
    pub machine_arn: String,
    /// The state machine's name.
    pub machine_name: String,
    /// The role ARN or name the execution was started under, if the machine has one.
    pub role_arn: Option<String>,
    /// When it was started.
    pub started_at: Timestamp,
    /// Who started it, for the history: `issuer|subject`.
    pub principal: String,
    /// Who acted for the principal, if someone did.
    pub actor: Option<String>,
}

/// Where an execution stands; the service's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Still going.
    Running,
    /// Reached a Succeed state or an End.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Ran past the machine's `TimeoutSeconds`.
    TimedOut,
    /// Stopped by a caller.
    Aborted,
}

impl Status {
    /// Whether nothing more can happen.
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Running)
    }

    /// The service's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }
}

/// One execution: its frames and everything else that must survive between events.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    pub(crate) header: Header,
    pub(crate) input: Payload,
    pub(crate) standing: Standing,
    pub(crate) frames: Frames,
    pub(crate) context: ContextCache,
    record: u32,
    pending: Pending,
}

/// What an execution holds outside its frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Standing {
    #[serde(rename = "s")]
    pub(crate) status: Status,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<Payload>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
    #[serde(rename = "h")]
    pub(crate) next_event: u64,
    #[serde(rename = "n")]
    pub(crate) next_effect: u64,
    #[serde(rename = "f")]
    pub(crate) next_frame: u32,
    /// The machine's `TimeoutSeconds`.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<Deadline>,
    /// The `Continue` that is asked for; nothing enters a state until it comes.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub(crate) continuing: Option<EffectId>,
    /// The frame that had the last turn.
    #[serde(rename = "l", default)]
    pub(crate) last_turn: FrameId,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            status: Status::Running,
            output: None,
            error: None,
            cause: None,
            next_event: 1,
            next_effect: 0,
            next_frame: 0,
            timeout: None,
            continuing: None,
            last_turn: FrameId(0),
        }
    }
}

/// What the next record will hold besides frames.
#[derive(Clone, Debug, Default, PartialEq)]
struct Pending {
    payloads: Vec<Arc<Value>>,
    history: Vec<HistoryEvent>,
}

/// The members of the context object that last as long as the execution, once they were needed.
/// No part of its state.
#[derive(Default)]
pub(crate) struct ContextCache(pub(crate) Option<serde_json::Map<String, Value>>);

impl Clone for ContextCache {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for ContextCache {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for ContextCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ContextCache")
    }
}

impl Execution {
    /// A new execution, to which nothing has happened until [`crate::EventKind::Start`]. Its
    /// input must be one that [`crate::payload_bytes`] accepts, or it fails when it starts.
    pub fn start(header: Header, input: Value) -> Self {
        let input = Payload::new(PayloadId { record: 0, index: 0 }, Arc::new(input));
        Self {
            header,
            pending: Pending { payloads: vec![input.shared()], history: Vec::new() },
            input,
            standing: Standing::default(),
            frames: Frames::default(),
            context: ContextCache::default(),
            record: 0,
        }
    }

    /// What was fixed when it started.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        self.standing.status
    }

    /// Its output, once it succeeded.
    pub fn output(&self) -> Option<&Payload> {
        self.standing.output.as_ref()
    }

    /// The error it ended with, if it has a name.
    pub fn error(&self) -> Option<&str> {
        self.standing.error.as_deref()
    }

    /// The cause it ended with, if one was given.
    pub fn cause(&self) -> Option<&str> {
        self.standing.cause.as_deref()
    }

    /// The id of the next history event.
    pub fn next_event_id(&self) -> u64 {
        self.standing.next_event
    }

    /// The number of the record being built: how many deltas were taken before.
    pub fn record_number(&self) -> u32 {
        self.record
    }

    /// Whether an answer to `effect` would be listened to.
    pub fn is_waiting_for(&self, effect: EffectId) -> bool {
        let own = [self.standing.timeout.map(|timeout| timeout.effect), self.standing.continuing];
        own.contains(&Some(effect)) || self.frames.waiting_for(effect).is_some()
    }

    /// Every open effect, as it has to be performed again after a crash.
    // INVARIANT: never empty between `Start` and the end.
    pub fn outstanding(&self) -> Vec<Effect> {
        let own = self.standing.timeout.map(Deadline::to_effect);
        let own = own.into_iter().chain(self.standing.continuing.map(Effect::Continue));
        own.chain(self.frames.iter().flat_map(Frame::outstanding)).collect()
    }

    /// Hands out everything that changed since the last call and begins the next record.
    pub fn take_delta(&mut self) -> Delta {
        let Pending { payloads, history } = std::mem::take(&mut self.pending);
        let (frames, removed) = self.frames.take_changes(FrameId(self.standing.next_frame));
        self.record = self.record.saturating_add(1);
        Delta { payloads, history, frames, removed, standing: self.standing.clone() }
    }

    /// Gives a value its place in the record being built.
    pub(crate) fn payload(&mut self, value: Arc<Value>) -> Payload {
        let index = u32::try_from(self.pending.payloads.len()).unwrap_or(u32::MAX);
        self.pending.payloads.push(Arc::clone(&value));
        Payload::new(PayloadId { record: self.record, index }, value)
    }

    /// Puts `null` in the place of an input that no record could hold.
    pub(crate) fn discard_input(&mut self) {
        self.input.fill(Arc::new(Value::Null));
        if let (0, Some(input)) = (self.record, self.pending.payloads.first_mut()) {
            *input = self.input.shared();
        }
    }

    pub(crate) fn record_event(&mut self, event: HistoryEvent) {
        self.standing.next_event = event.id.saturating_add(1);
        self.pending.history.push(event);
    }

    pub(crate) fn new_effect(&mut self) -> EffectId {
        let effect = EffectId(self.standing.next_effect);
        self.standing.next_effect = self.standing.next_effect.saturating_add(1);
        effect
    }

    pub(crate) fn new_frame(&mut self) -> FrameId {
        let frame = FrameId(self.standing.next_frame);
        self.standing.next_frame = self.standing.next_frame.saturating_add(1);
        frame
    }
}

impl Deadline {
    pub(crate) fn to_effect(self) -> Effect {
        Effect::StartTimer { effect: self.effect, at: self.at }
    }
}

impl Frame {
    /// The attempt the frame waits for, if it does.
    pub(crate) fn task_run(&self) -> Option<TaskRun> {
        let Waiting::Task(task) = &self.waiting else { return None };
        Some(TaskRun {
            effect: task.effect,
            state: self.state.clone(),
            resource: task.resource.clone(),
            role_arn: task.role_arn.clone(),
            input: task.input.clone(),
            attempt: self.attempt(),
            timeout_at: task.timeout.map(|timeout| timeout.at),
            phase: task.phase,
        })
    }

    fn outstanding(&self) -> Vec<Effect> {
        let timer = match &self.waiting {
            Waiting::Task(task) => task.timeout,
            Waiting::Time(timer) | Waiting::Delay(timer) => Some(*timer),
            Waiting::Turn | Waiting::Children(_) | Waiting::Siblings { .. } => None,
        };
        let task = self.task_run().map(Effect::RunTask);
        task.into_iter().chain(timer.map(Deadline::to_effect)).collect()
    }
}
