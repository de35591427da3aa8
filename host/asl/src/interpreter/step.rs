//! One transition in the making: the execution, the event's time and randomness, the effects so
//! far. Owns the primitives that every kind of state is written in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::inspect::Probe;
use crate::definition::{Block, BlockId, Next, State};
use crate::execution::{Deadline, Frame};
use crate::history::{ErrorDetail, HistoryDetail, Provenance};
use crate::intrinsic::Random;
use crate::jsonata::Evaluator;
use crate::payload::payload_bytes_within;
use crate::{
    Effect, EffectId, Execution, Failure, FrameId, HistoryEvent, Payload, StateMachine, Timestamp,
};

/// One transition in the making.
pub(super) struct Step<'m> {
    pub(super) machine: &'m StateMachine,
    pub(super) execution: Execution,
    pub(super) at: Timestamp,
    pub(super) seed: u64,
    pub(super) evaluator: &'m dyn Evaluator,
    /// What expressions draw from.
    pub(super) random: Random,
    /// The activities that do not exist.
    pub(super) absent: Vec<String>,
    pub(super) effects: Vec<Effect>,
    /// Frames whose children have all reached their ends.
    pub(super) gathered: Vec<FrameId>,
    /// What evaluating expressions has cost so far, in visits.
    pub(super) spent: usize,
    /// Who looks on, where a state is tested rather than run.
    pub(super) probe: Option<Probe>,
}

/// What a state made of its turn.
pub(super) enum Progress<'m> {
    /// It set what its frame waits for.
    Waits,
    /// It is done.
    Leaves { exit: Exit, next: Onward<'m> },
}

/// What a state leaves behind.
pub(super) struct Exit {
    pub(super) output: Payload,
    /// The variables that it set.
    pub(super) assigned: BTreeMap<String, Payload>,
}

/// What a state made of its turn, or the error it raised.
pub(super) type Outcome<'m> = Result<Progress<'m>, Fault>;

/// Where a frame goes from a state.
#[derive(Clone, Copy)]
pub(super) enum Onward<'m> {
    State(&'m str),
    End,
}

/// An error on its way to whoever handles it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) error: Option<String>,
    pub(super) cause: Option<String>,
    /// A timeout that was a heartbeat's: `States.HeartbeatTimeout` matches it too.
    pub(super) is_heartbeat: bool,
    /// The field whose JSONata expression failed, until that is on record.
    pub(super) location: Option<String>,
}

impl<'m> Step<'m> {
    pub(super) fn new(
        machine: &'m StateMachine,
        execution: Execution,
        (at, seed): (Timestamp, u64),
        evaluator: &'m dyn Evaluator,
    ) -> Self {
        let salt = execution.next_event_id().rotate_left(32);
        Self {
            machine,
            execution,
            at,
            seed,
            evaluator,
            random: Random::drawn_from(seed ^ salt),
            absent: Vec::new(),
            effects: Vec::new(),
            gathered: Vec::new(),
            spent: 0,
            probe: None,
        }
    }

    /// The execution and the effects to perform; what the transition itself cancelled again is
    /// never begun.
    pub(super) fn into_parts(self) -> (Execution, Vec<Effect>) {
        let mut effects = self.effects;
        let all_begun: BTreeSet<_> = effects.iter().filter_map(begun).collect();
        let mut void: BTreeSet<_> = effects.iter().filter_map(cancelled).collect();
        void.retain(|effect| all_begun.contains(effect));
        if !void.is_empty() {
            let is_void = |effect: &Effect| {
                let effect = begun(effect).or_else(|| cancelled(effect));
                effect.is_some_and(|effect| void.contains(&effect))
            };
            effects.retain(|effect| !is_void(effect));
        }
        (self.execution, effects)
    }

    pub(super) fn block(&self, id: BlockId) -> Option<&'m Block> {
        self.machine.blocks.get(usize::try_from(id.0).ok()?)
    }

    /// The state a frame is in; `None` if the execution belongs to another machine.
    pub(super) fn state(&self, frame: &Frame) -> Option<&'m State> {
        self.block(frame.block)?.states.get(&frame.state)
    }

    /// Records an event behind `previous`.
    pub(super) fn record(&mut self, previous: u64, detail: HistoryDetail) -> u64 {
        self.record_with(previous, detail, None)
    }

    /// Records an event with what only this host knows of it.
    pub(super) fn record_with(
        &mut self,
        previous: u64,
        detail: HistoryDetail,
        sluice: Option<Provenance>,
    ) -> u64 {
        let id = self.execution.next_event_id();
        self.execution.record_event(HistoryEvent {
            id,
            previous_id: previous,
            at: self.at,
            detail,
            sluice,
        });
        id
    }

    /// Records an event as the next one of the frame's strand.
    pub(super) fn record_next(&mut self, frame: &mut Frame, detail: HistoryDetail) {
        frame.last_event = self.record(frame.last_event, detail);
    }

    /// Keeps a value that `what` made, unless it is larger than the service's quota.
    pub(super) fn keep(&mut self, value: Arc<Value>, what: &str) -> Result<Payload, Fault> {
        match self.payload_bytes(&value) {
            Some(_) => Ok(self.execution.payload(value)),
            None => Err(Fault::too_large(what)),
        }
    }

    /// The bytes of a value's JSON text, unless it is larger than the execution's limit.
    pub(super) fn payload_bytes(&self, value: &Value) -> Option<usize> {
        payload_bytes_within(value, self.payload_bytes_max())
    }

    pub(super) fn payload_bytes_max(&self) -> usize {
        self.execution.header.limits.payload_bytes_max
    }

    /// Asks for a timer.
    pub(super) fn begin_timer(&mut self, at: Timestamp) -> Deadline {
        let timer = Deadline {
            effect: self.execution.new_effect(),
            at,
        };
        self.effects.push(timer.to_effect());
        timer
    }

    pub(super) fn cancel(&mut self, effect: EffectId) {
        self.effects.push(Effect::Cancel(effect));
    }

    /// Evenly distributed within `0..=max`, the same for the same event and effect.
    pub(super) fn random_up_to(&self, max: u64) -> u64 {
        let salt = self.execution.standing.next_effect.wrapping_add(1);
        let mut bits = self.seed ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let scaled = (u128::from(bits) * (u128::from(max) + 1)) >> 64;
        u64::try_from(scaled).unwrap_or(max)
    }
}

fn begun(effect: &Effect) -> Option<EffectId> {
    match effect {
        Effect::RunTask(task) => Some(task.effect),
        Effect::StartTimer { effect, .. } => Some(*effect),
        Effect::StartChild(child) => Some(child.effect),
        Effect::ReadItems(read) => Some(read.effect),
        Effect::WriteResults(write) => Some(write.effect),
        Effect::Cancel(_) | Effect::Continue(_) => None,
    }
}

fn cancelled(effect: &Effect) -> Option<EffectId> {
    match effect {
        Effect::Cancel(effect) => Some(*effect),
        Effect::RunTask(_)
        | Effect::StartTimer { .. }
        | Effect::StartChild(_)
        | Effect::ReadItems(_)
        | Effect::WriteResults(_)
        | Effect::Continue(_) => None,
    }
}

impl<'m> From<&'m Next> for Onward<'m> {
    fn from(next: &'m Next) -> Self {
        match next {
            Next::State(name) => Self::State(name),
            Next::End => Self::End,
        }
    }
}

impl Fault {
    pub(super) fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self {
            error: Some(error.into()),
            cause: Some(cause.into()),
            is_heartbeat: false,
            location: None,
        }
    }

    /// An error raised while a state's own fields were evaluated, in the service's words.
    pub(super) fn of_state(frame: &Frame, failure: Failure) -> Self {
        let Failure {
            error,
            cause,
            location,
        } = failure;
        let place = Self::place(frame);
        Self {
            location,
            ..Self::new(error, format!("{place} {cause}"))
        }
    }

    /// Where an error was raised, as causes begin.
    pub(super) fn place(frame: &Frame) -> String {
        let (state, event) = (&frame.state, frame.entered_event);
        format!(
            "An error occurred while executing the state '{state}' (entered at the event id #{event})."
        )
    }

    pub(super) fn too_large(what: &str) -> Self {
        let cause = format!(
            "The state/task '{what}' returned a result with a size exceeding the maximum number of bytes service limit."
        );
        Self::new("States.DataLimitExceeded", cause)
    }

    pub(super) fn is(&self, error: &str) -> bool {
        self.error.as_deref() == Some(error)
    }

    pub(super) fn to_detail(&self) -> ErrorDetail {
        ErrorDetail {
            error: self.error.clone(),
            cause: self.cause.clone(),
        }
    }
}
