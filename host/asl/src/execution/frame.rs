//! One strand of an execution: the root, a Parallel branch or a Map iteration.
//!
//! Owns where the strand stands and what it waits for. It does not know what its state means.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::definition::BlockId;
use crate::history::Called;
use crate::{EffectId, Payload, TaskPhase, Timestamp};

/// Names one frame of one execution; never reused within it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct FrameId(pub u32);

/// One strand. Its size does not depend on how many children it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frame {
    #[serde(rename = "i")]
    pub(crate) id: FrameId,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<FrameId>,
    /// Which branch or iteration of the parent, from 0.
    #[serde(rename = "n", default, skip_serializing_if = "is_zero")]
    pub(crate) place: u32,
    #[serde(rename = "b")]
    pub(crate) block: BlockId,
    #[serde(rename = "s")]
    pub(crate) state: String,
    /// The state's raw input.
    #[serde(rename = "in")]
    pub(crate) input: Payload,
    #[serde(rename = "t")]
    pub(crate) entered_at: Timestamp,
    /// The `…StateEntered` event; 0 before the state is entered.
    #[serde(rename = "e", default)]
    pub(crate) entered_event: u64,
    /// How often each of the state's retriers has retried; empty until one does.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) retries: Vec<u32>,
    /// The event that the strand's next event follows.
    #[serde(rename = "l", default)]
    pub(crate) last_event: u64,
    /// The event that the entry of the state followed.
    #[serde(rename = "p", default)]
    pub(crate) before_entry: u64,
    /// The variables assigned in the strand.
    #[serde(rename = "v", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) variables: BTreeMap<String, Payload>,
    /// What whoever has the state's task identifies it with, where somebody outside answers it.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    #[serde(rename = "w")]
    pub(crate) waiting: Waiting,
}

/// What a frame waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Waiting {
    /// Its turn to enter its state.
    #[serde(rename = "r")]
    Turn,
    /// An attempt.
    #[serde(rename = "t")]
    Task(TaskWait),
    /// A Wait state's time.
    #[serde(rename = "w")]
    Time(Deadline),
    /// A retrier's delay.
    #[serde(rename = "d")]
    Delay(Deadline),
    /// Branches or iterations.
    #[serde(rename = "c")]
    Children(ChildrenWait),
    /// A child execution of a map run.
    #[serde(rename = "x")]
    Child {
        /// The effect that starts it.
        #[serde(rename = "e")]
        effect: EffectId,
        /// How many items it has.
        #[serde(rename = "n")]
        items: u32,
    },
    /// Its siblings; it has reached its end.
    #[serde(rename = "f")]
    Siblings {
        /// The strand's output.
        #[serde(rename = "o")]
        output: Payload,
    },
}

/// A timer and when it fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deadline {
    #[serde(rename = "e")]
    pub(crate) effect: EffectId,
    #[serde(rename = "t")]
    pub(crate) at: Timestamp,
}

/// An open attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskWait {
    #[serde(rename = "e")]
    pub(crate) effect: EffectId,
    #[serde(rename = "p")]
    pub(crate) phase: TaskPhase,
    #[serde(rename = "u")]
    pub(crate) resource: String,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub(crate) role_arn: Option<String>,
    #[serde(rename = "in")]
    pub(crate) input: Payload,
    #[serde(rename = "c")]
    pub(crate) called: Called,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<Deadline>,
    /// By when a sign of life must have come.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub(crate) heartbeat: Option<Deadline>,
    /// `HeartbeatSeconds`, as resolved.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(crate) heartbeat_seconds: Option<u64>,
}

/// How far a Parallel or Map state has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChildrenWait {
    /// How many there will be.
    #[serde(rename = "n")]
    pub(crate) total: u32,
    #[serde(rename = "s")]
    pub(crate) started: u32,
    #[serde(rename = "d")]
    pub(crate) done: u32,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub(crate) map: Option<MapWait>,
}

/// What the iterations of a Map are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MapWait {
    /// The Map's effective input.
    #[serde(rename = "in")]
    pub(crate) input: Payload,
    /// The array under iteration.
    #[serde(rename = "a")]
    pub(crate) items: Payload,
    /// The map run, in mode `DISTRIBUTED`.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<Box<RunWait>>,
}

/// How far a map run has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunWait {
    #[serde(rename = "a")]
    pub(crate) arn: String,
    /// How many children may run at once.
    #[serde(rename = "c")]
    pub(crate) concurrency: u32,
    /// The first item that no child has.
    #[serde(rename = "n")]
    pub(crate) next_item: u32,
    /// How many items failed.
    #[serde(rename = "f")]
    pub(crate) failed: u32,
    /// How many items may fail.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub(crate) tolerated_count: Option<u64>,
    /// How many of a hundred items may fail.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(crate) tolerated_percentage: Option<f64>,
    /// How many items a batch has at most, and how many bytes.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<Batch>,
    /// The least number of bytes of its results put together, where they stay in the state's output.
    #[serde(rename = "o", default)]
    pub(crate) result_bytes: usize,
    #[serde(rename = "w")]
    pub(crate) phase: RunPhase,
}

/// How items are put together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Batch {
    #[serde(rename = "n")]
    pub(crate) items_max: u64,
    #[serde(rename = "b")]
    pub(crate) bytes_max: u64,
    /// `BatchInput`.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<Payload>,
}

/// What a map run waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum RunPhase {
    /// Its items.
    #[serde(rename = "r")]
    Reading {
        #[serde(rename = "e")]
        effect: EffectId,
        #[serde(rename = "u")]
        resource: String,
        #[serde(rename = "a")]
        arguments: Payload,
        #[serde(rename = "c")]
        config: Payload,
        #[serde(rename = "m")]
        max_items: u64,
    },
    /// Its children.
    #[serde(rename = "c")]
    Children,
    /// Its results' being written.
    #[serde(rename = "w")]
    Writing {
        #[serde(rename = "e")]
        effect: EffectId,
        #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
        resource: Option<String>,
        #[serde(rename = "a")]
        arguments: Payload,
        #[serde(rename = "c")]
        config: Payload,
        #[serde(rename = "o")]
        results: Vec<Payload>,
    },
}

impl Frame {
    /// 1 for the first attempt at the state, one more for each retry.
    pub(crate) fn attempt(&self) -> u32 {
        self.retries
            .iter()
            .fold(1, |sum, count| sum.saturating_add(*count))
    }

    /// Every effect the frame is waiting for.
    pub(crate) fn effects(&self) -> impl Iterator<Item = EffectId> {
        let effects = match &self.waiting {
            Waiting::Task(task) => [
                Some(task.effect),
                task.timeout.map(|timer| timer.effect),
                task.heartbeat.map(|timer| timer.effect),
            ],
            Waiting::Time(timer) | Waiting::Delay(timer) => [Some(timer.effect), None, None],
            Waiting::Child { effect, .. } => [Some(*effect), None, None],
            Waiting::Children(children) => [children.run_effect(), None, None],
            Waiting::Turn | Waiting::Siblings { .. } => [None; 3],
        };
        effects.into_iter().flatten()
    }

    /// Every payload the frame holds.
    pub(crate) fn payloads_mut(&mut self) -> Vec<&mut Payload> {
        let mut payloads = vec![&mut self.input];
        payloads.extend(self.variables.values_mut());
        match &mut self.waiting {
            Waiting::Task(task) => payloads.push(&mut task.input),
            Waiting::Children(ChildrenWait { map: Some(map), .. }) => {
                payloads.extend([&mut map.input, &mut map.items]);
                if let Some(run) = &mut map.run {
                    payloads.extend(run.payloads_mut());
                }
            }
            Waiting::Siblings { output } => payloads.push(output),
            Waiting::Turn
            | Waiting::Time(_)
            | Waiting::Delay(_)
            | Waiting::Child { .. }
            | Waiting::Children(ChildrenWait { map: None, .. }) => {}
        }
        payloads
    }
}

impl ChildrenWait {
    /// The effect that the map run itself waits for.
    pub(super) fn run_effect(&self) -> Option<EffectId> {
        match &self.map.as_ref()?.run.as_ref()?.phase {
            RunPhase::Reading { effect, .. } | RunPhase::Writing { effect, .. } => Some(*effect),
            RunPhase::Children => None,
        }
    }
}

impl RunWait {
    fn payloads_mut(&mut self) -> Vec<&mut Payload> {
        let batch = self.batch.as_mut().and_then(|batch| batch.input.as_mut());
        let mut payloads: Vec<_> = batch.into_iter().collect();
        match &mut self.phase {
            RunPhase::Reading {
                arguments, config, ..
            } => payloads.extend([arguments, config]),
            RunPhase::Children => {}
            RunPhase::Writing {
                arguments,
                config,
                results,
                ..
            } => payloads.extend([arguments, config].into_iter().chain(results)),
        }
        payloads
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's `skip_serializing_if` asks for a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
