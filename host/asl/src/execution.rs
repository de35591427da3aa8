//! The durable state of one execution.
//!
//! Owns where an execution stands, what changed since it was last stored, and how it comes back
//! from what was stored. It does not know how it moves on: that is the interpreter's.

mod frame;
mod frames;
mod fullness;
mod header;
mod place;
mod posture;
mod restore;
mod standing;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

pub use frame::FrameId;
pub(crate) use frame::{
    Batch, ChildrenWait, Deadline, Frame, MapWait, RunPhase, RunWait, TaskWait, Waiting,
};
use frames::Frames;
use fullness::Fullness;
pub use header::{ExecutionId, Header, Limits, MapRunChild};
pub use place::Place;
pub use posture::Posture;
pub use restore::{Behind, RestoreError};
pub(crate) use standing::Standing;
pub use standing::Status;

use crate::{
    ChildRun, Delta, Effect, EffectId, HistoryEvent, ItemsRead, Payload, PayloadId, ResultsWrite,
    TaskRun,
};

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
    since_full: Fullness,
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
    pub fn start(header: Header, input: impl Into<Arc<Value>>) -> Self {
        let input = Payload::new(
            PayloadId {
                record: 0,
                index: 0,
            },
            input.into(),
        );
        Self {
            header,
            pending: Pending {
                payloads: vec![input.shared()],
                history: Vec::new(),
            },
            input,
            standing: Standing::default(),
            frames: Frames::default(),
            context: ContextCache::default(),
            record: 0,
            since_full: Fullness::default(),
        }
    }

    /// What was fixed when it started.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What it was started with.
    pub fn input(&self) -> Arc<Value> {
        self.input.shared()
    }

    /// Whether anything has happened to it.
    pub fn has_begun(&self) -> bool {
        self.standing.next_event > 1
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
        let own = [
            self.standing.timeout.map(|timeout| timeout.effect),
            self.standing.continuing,
        ];
        own.contains(&Some(effect)) || self.frames.waiting_for(effect).is_some()
    }

    /// The attempt that `effect` asked for, if an answer to it would be listened to.
    pub fn attempt(&self, effect: EffectId) -> Option<TaskRun> {
        let run = self.frames.waiting_for(effect)?.task_run();
        run.filter(|run| run.effect == effect)
    }

    /// Every open effect, as it has to be performed again after a crash.
    // INVARIANT: never empty between `Start` and the end.
    pub fn outstanding(&self) -> Vec<Effect> {
        let own = self.standing.timeout.map(Deadline::to_effect);
        let own = own
            .into_iter()
            .chain(self.standing.continuing.map(Effect::Continue));
        let frames = self.frames.iter();
        let of_frames = frames.flat_map(|frame| {
            let of_run = self.effect_of_run(frame);
            frame.outstanding().into_iter().chain(of_run)
        });
        own.chain(of_frames).collect()
    }

    /// Hands out everything that changed since the last call and begins the next record. Now and
    /// then, that is all of the execution.
    pub fn take_delta(&mut self) -> Delta {
        let Pending { payloads, history } = std::mem::take(&mut self.pending);
        let is_full = self.since_full.is_due(self.frames.len());
        let (mut frames, removed) = self.frames.take_changes(FrameId(self.standing.next_frame));
        self.since_full
            .count(is_full, frames.len().saturating_add(removed.len()));
        let behind = is_full.then(|| {
            frames = self.frames.iter().cloned().collect();
            self.payloads_behind(&mut frames)
        });
        self.record = self.record.saturating_add(1);
        Delta {
            payloads,
            history,
            frames,
            removed,
            standing: self.standing.clone(),
            behind,
        }
    }

    /// The payloads of earlier records that the execution has, in the order of records.
    fn payloads_behind(&self, frames: &mut [Frame]) -> Vec<PayloadId> {
        let of_frames = frames.iter_mut().flat_map(Frame::payloads_mut);
        let of_frames = of_frames.map(|payload| payload.id);
        let output = self.standing.output.iter().map(|output| output.id);
        let all = of_frames.chain(output).chain([self.input.id]);
        let behind: BTreeSet<_> = all.filter(|id| id.record < self.record).collect();
        behind.into_iter().collect()
    }

    /// Gives a value its place in the record being built.
    pub(crate) fn payload(&mut self, value: Arc<Value>) -> Payload {
        let index = u32::try_from(self.pending.payloads.len()).unwrap_or(u32::MAX);
        self.pending.payloads.push(Arc::clone(&value));
        Payload::new(
            PayloadId {
                record: self.record,
                index,
            },
            value,
        )
    }

    /// Puts `null` in the place of an input that no record could hold.
    pub(crate) fn discard_input(&mut self) {
        self.input.fill(Arc::new(Value::Null));
        if let (0, Some(input)) = (self.record, self.pending.payloads.first_mut()) {
            *input = self.input.shared();
        }
    }

    /// What a strand of a map run, or the run itself, wants done.
    pub(crate) fn effect_of_run(&self, frame: &Frame) -> Option<Effect> {
        match &frame.waiting {
            Waiting::Child { effect, .. } => {
                let parent = self.frames.get(frame.parent?)?;
                let (_, run) = parent.map_run()?;
                Some(Effect::StartChild(ChildRun {
                    effect: *effect,
                    map_run: run.arn.clone(),
                    state: parent.state.clone(),
                    block: frame.block,
                    index: frame.place,
                    input: frame.input.clone(),
                }))
            }
            Waiting::Children(_) => frame.map_run_effect(),
            Waiting::Turn
            | Waiting::Task(_)
            | Waiting::Time(_)
            | Waiting::Delay(_)
            | Waiting::Siblings { .. } => None,
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
        Effect::StartTimer {
            effect: self.effect,
            at: self.at,
        }
    }
}

impl Frame {
    /// The attempt the frame waits for, if it does.
    pub(crate) fn task_run(&self) -> Option<TaskRun> {
        let Waiting::Task(task) = &self.waiting else {
            return None;
        };
        Some(TaskRun {
            effect: task.effect,
            state: self.state.clone(),
            resource: task.resource.clone(),
            role_arn: task.role_arn.clone(),
            input: task.input.clone(),
            attempt: self.attempt(),
            timeout_at: task.timeout.map(|timeout| timeout.at),
            heartbeat_seconds: task.heartbeat_seconds,
            token: self.token.clone(),
            phase: task.phase,
        })
    }

    /// The map run that the frame's state is at, with its counts.
    pub(crate) fn map_run(&self) -> Option<(&ChildrenWait, &RunWait)> {
        let Waiting::Children(children) = &self.waiting else {
            return None;
        };
        Some((children, children.map.as_ref()?.run.as_deref()?))
    }

    /// What the map run that the frame's state is at wants done itself.
    fn map_run_effect(&self) -> Option<Effect> {
        let (_, run) = self.map_run()?;
        match &run.phase {
            RunPhase::Children => None,
            RunPhase::Reading {
                effect,
                resource,
                arguments,
                config,
                max_items,
            } => Some(Effect::ReadItems(ItemsRead {
                effect: *effect,
                state: self.state.clone(),
                resource: resource.clone(),
                arguments: arguments.clone(),
                config: config.clone(),
                max_items: *max_items,
            })),
            RunPhase::Writing {
                effect,
                resource,
                arguments,
                config,
                results,
            } => Some(Effect::WriteResults(ResultsWrite {
                effect: *effect,
                state: self.state.clone(),
                map_run: run.arn.clone(),
                resource: resource.clone(),
                arguments: arguments.clone(),
                config: config.clone(),
                results: results.clone(),
            })),
        }
    }

    fn outstanding(&self) -> Vec<Effect> {
        let task = self.task_run().map(Effect::RunTask);
        let timers = self.deadlines().map(Deadline::to_effect);
        task.into_iter().chain(timers).collect()
    }
}
