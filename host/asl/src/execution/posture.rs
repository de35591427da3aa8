//! Whether an execution goes on by itself.
//!
//! Owns telling what waits for this host from what waits for time or for somebody outside. It
//! does not know what a host does with an execution that only waits.

use serde::{Deserialize, Serialize};

use super::frame::{Deadline, Frame, TaskWait, Waiting};
use super::{Execution, Status};
use crate::definition::{Call, Pattern};
use crate::{TaskPhase, TaskRun, Timestamp};

/// What an execution waits for, as far as it matters to whoever runs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Posture {
    /// Something that its host does: an attempt, a child, an offer, a continuation. So does one
    /// that has ended, as it waits for nothing.
    #[default]
    Active,
    /// Only time, or answers from outside.
    #[serde(rename_all = "camelCase")]
    Parked {
        /// When the first of its timers is due, if it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wake_at: Option<Timestamp>,
    },
}

impl Posture {
    /// Whether the execution goes on by itself.
    pub fn is_active(&self) -> bool {
        *self == Self::Active
    }
}

impl Execution {
    /// What the execution waits for. Costs the same however many frames there are.
    pub fn posture(&self) -> Posture {
        let goes_on = self.standing.continuing.is_some() || self.frames.is_stirring();
        if goes_on || self.standing.status != Status::Running || self.frames.is_empty() {
            return Posture::Active;
        }
        let own = self.standing.timeout.map(|timeout| timeout.at);
        let wake_at = own.into_iter().chain(self.frames.next_deadline()).min();
        Posture::Parked { wake_at }
    }
}

impl TaskRun {
    /// Whether nothing of this host works on the attempt: somebody outside has it, and answers
    /// it by its token.
    pub fn is_outside(&self) -> bool {
        is_outside(self.phase, &self.resource)
    }
}

impl Frame {
    /// Whether the frame waits for something that its host does.
    pub(super) fn is_stirring(&self) -> bool {
        match &self.waiting {
            Waiting::Turn | Waiting::Child { .. } => true,
            Waiting::Task(TaskWait {
                phase, resource, ..
            }) => !is_outside(*phase, resource),
            Waiting::Children(children) => children.run_effect().is_some(),
            Waiting::Time(_) | Waiting::Delay(_) | Waiting::Siblings { .. } => false,
        }
    }

    /// The frame's timers.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = Deadline> {
        let deadlines = match &self.waiting {
            Waiting::Task(task) => [task.timeout, task.heartbeat],
            Waiting::Time(timer) | Waiting::Delay(timer) => [Some(*timer), None],
            Waiting::Turn
            | Waiting::Children(_)
            | Waiting::Child { .. }
            | Waiting::Siblings { .. } => [None, None],
        };
        deadlines.into_iter().flatten()
    }
}

fn is_outside(phase: TaskPhase, resource: &str) -> bool {
    match phase {
        TaskPhase::Scheduled => false,
        TaskPhase::Started => Call::parse(resource) == Call::Activity,
        TaskPhase::Submitted => match Call::parse(resource) {
            Call::Activity => true,
            Call::Integration(integration) => integration.pattern == Pattern::WaitForTaskToken,
            Call::Component | Call::Function(_) => false,
        },
    }
}
