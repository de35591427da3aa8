//! Events from outside, each for one frame or for the execution itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::step::{Fault, Outcome, Step};
use super::{Ignored, task};
use crate::definition::{BlockId, State};
use crate::execution::{Deadline, Frame, Waiting};
use crate::history::{ErrorDetail, HistoryDetail, Provenance};
use crate::{AttemptFacts, EffectId, Failure, FrameId, Status, TaskPhase, Timestamp};

/// What an effect stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Attempt(FrameId, TaskPhase),
    AttemptTimeout(FrameId),
    Heartbeat(FrameId),
    Time(FrameId),
    Delay(FrameId),
    MachineTimeout,
    Continue,
}

impl<'m> Step<'m> {
    pub(super) fn start(&mut self) -> Result<(), Ignored> {
        if self.execution.next_event_id() > 1 {
            return Err(Ignored::AlreadyStarted);
        }
        let is_acceptable = self.payload_bytes(self.execution.input.value()).is_some();
        if !is_acceptable {
            self.execution.discard_input();
        }
        self.record_start();
        let child = self.execution.header.map_run.as_ref();
        let root = child.map_or(BlockId::ROOT, |child| child.block);
        let is_child = child.is_some();
        let Some(block) = self.block(root).filter(|_| is_acceptable) else {
            let fault = Fault::new(
                "States.DataLimitExceeded",
                "The execution's input exceeds the service limit.",
            );
            self.end(Status::Failed, 0, fault.to_detail(), None);
            return Ok(());
        };
        // The machine's time is the parent's.
        let own = self.machine.timeout_seconds.filter(|_| !is_child);
        let header = &self.execution.header;
        let most = header.limits.running_seconds_max;
        let began = match most {
            // What begins again after a crash has the whole of its time again.
            Some(_) => self.at,
            None => header.started_at,
        };
        let seconds = own.into_iter().chain(most).min();
        self.execution.standing.timeout =
            seconds.map(|seconds| self.begin_timer(after_seconds(began, seconds)));
        let frame = Frame {
            id: self.execution.new_frame(),
            parent: None,
            place: 0,
            block: root,
            state: block.start_at.clone(),
            input: self.execution.input.clone(),
            entered_at: self.at,
            entered_event: 0,
            retries: Vec::new(),
            last_event: 0,
            before_entry: 0,
            variables: BTreeMap::new(),
            token: None,
            waiting: Waiting::Turn,
        };
        self.execution.frames.put(frame);
        Ok(())
    }

    pub(super) fn stop(&mut self, error: Option<String>, cause: Option<String>, principal: String) {
        if self.execution.next_event_id() == 1 {
            self.record_start();
        }
        let previous = self.abort_all();
        let provenance = Provenance::Caller {
            principal,
            actor: None,
        };
        self.end(
            Status::Aborted,
            previous,
            ErrorDetail { error, cause },
            Some(provenance),
        );
    }

    pub(super) fn task_started(
        &mut self,
        effect: EffectId,
        facts: Option<AttemptFacts>,
        worker: Option<String>,
    ) -> Result<(), Ignored> {
        match self.awaited(effect)? {
            Awaited::Attempt(id, TaskPhase::Scheduled) => {
                if let Some(mut frame) = self.execution.frames.take(id) {
                    task::started(self, &mut frame, facts, worker);
                    self.execution.frames.put(frame);
                }
                Ok(())
            }
            Awaited::Attempt(_, TaskPhase::Started | TaskPhase::Submitted) => {
                Err(Ignored::AttemptAlreadyStarted(effect))
            }
            Awaited::AttemptTimeout(_)
            | Awaited::Heartbeat(_)
            | Awaited::Time(_)
            | Awaited::Delay(_)
            | Awaited::MachineTimeout
            | Awaited::Continue => Err(Ignored::WrongAnswer(effect)),
        }
    }

    pub(super) fn task_submitted(
        &mut self,
        effect: EffectId,
        output: Value,
    ) -> Result<(), Ignored> {
        match self.awaited(effect)? {
            Awaited::Attempt(id, TaskPhase::Scheduled | TaskPhase::Started) => {
                self.resume(id, |step, frame, _| {
                    task::submitted(step, frame, Arc::new(output))
                });
                Ok(())
            }
            Awaited::Attempt(_, TaskPhase::Submitted) => {
                Err(Ignored::AttemptAlreadyStarted(effect))
            }
            Awaited::AttemptTimeout(_)
            | Awaited::Heartbeat(_)
            | Awaited::Time(_)
            | Awaited::Delay(_)
            | Awaited::MachineTimeout
            | Awaited::Continue => Err(Ignored::WrongAnswer(effect)),
        }
    }

    pub(super) fn task_heartbeat(&mut self, effect: EffectId) -> Result<(), Ignored> {
        let id = self.attempt(effect)?;
        if let Some(mut frame) = self.execution.frames.take(id) {
            task::heartbeat(self, &mut frame);
            self.execution.frames.put(frame);
        }
        Ok(())
    }

    pub(super) fn task_succeeded(
        &mut self,
        effect: EffectId,
        output: Value,
    ) -> Result<(), Ignored> {
        let id = self.attempt(effect)?;
        self.resume(id, |step, frame, state| {
            task::succeeded(step, frame, state, output)
        });
        Ok(())
    }

    pub(super) fn task_failed(
        &mut self,
        effect: EffectId,
        error: String,
        cause: String,
    ) -> Result<(), Ignored> {
        let id = self.attempt(effect)?;
        self.resume(id, |step, frame, _| {
            Err(task::failed(step, frame, error, cause))
        });
        Ok(())
    }

    pub(super) fn timer_fired(&mut self, effect: EffectId) -> Result<(), Ignored> {
        match self.awaited(effect)? {
            Awaited::AttemptTimeout(id) => self.resume(id, |step, frame, _| {
                Err(task::timed_out(step, frame, task::Timer::Timeout))
            }),
            Awaited::Heartbeat(id) => self.resume(id, |step, frame, _| {
                Err(task::timed_out(step, frame, task::Timer::Heartbeat))
            }),
            Awaited::Time(id) => self.resume(id, super::wait::end),
            Awaited::Delay(id) => self.resume(id, super::passage::begin),
            Awaited::MachineTimeout => {
                let previous = self.abort_all();
                self.execution.standing.timeout = None;
                let detail = self.timed_out();
                self.end(Status::TimedOut, previous, detail, None);
            }
            Awaited::Attempt(..) | Awaited::Continue => return Err(Ignored::WrongAnswer(effect)),
        }
        Ok(())
    }

    /// What is told of an execution that outlasted its time: nothing but the fact where the time
    /// is the machine's own.
    fn timed_out(&self) -> ErrorDetail {
        let most = self.execution.header.limits.running_seconds_max;
        let own = self.machine.timeout_seconds;
        let Some(most) = most.filter(|most| own.is_none_or(|own| own > *most)) else {
            return ErrorDetail::default();
        };
        ErrorDetail {
            error: Some("States.Timeout".to_owned()),
            cause: Some(format!(
                "The execution reached the maximum duration of its type ({most} seconds)."
            )),
        }
    }

    /// Ends the execution with anything but success; every frame must be gone.
    pub(super) fn end(
        &mut self,
        status: Status,
        previous: u64,
        error: ErrorDetail,
        sluice: Option<Provenance>,
    ) {
        let detail = match status {
            Status::TimedOut => HistoryDetail::ExecutionTimedOut(error.clone()),
            Status::Aborted => HistoryDetail::ExecutionAborted(error.clone()),
            Status::Failed | Status::Running | Status::Succeeded => {
                HistoryDetail::ExecutionFailed(error.clone())
            }
        };
        self.record_with(previous, detail, sluice);
        self.execution.standing.error = error.error;
        self.execution.standing.cause = error.cause;
        self.close(status);
    }

    /// Marks the execution as ended.
    pub(super) fn close(&mut self, status: Status) {
        self.execution.standing.status = status;
        self.execution.standing.continuing = None;
        if let Some(Deadline { effect, .. }) = self.execution.standing.timeout.take() {
            self.cancel(effect);
        }
    }

    fn record_start(&mut self) {
        let header = &self.execution.header;
        let provenance = Provenance::Caller {
            principal: header.principal.clone(),
            actor: header.actor.clone(),
        };
        let detail = HistoryDetail::ExecutionStarted {
            input: self.execution.input.clone(),
            role_arn: header.role_arn.clone(),
        };
        self.record_with(0, detail, Some(provenance));
    }

    /// Lets the frame's state go on from what it waited for.
    pub(super) fn resume(
        &mut self,
        id: FrameId,
        go_on: impl FnOnce(&mut Self, &mut Frame, &'m State) -> Outcome<'m>,
    ) {
        let Some(mut frame) = self.execution.frames.take(id) else {
            return;
        };
        let outcome = match self.state(&frame) {
            Some(state) => go_on(self, &mut frame, state),
            None => Err(Fault::of_state(
                &frame,
                Failure::runtime("The state does not exist."),
            )),
        };
        self.settle(frame, outcome);
    }

    fn attempt(&self, effect: EffectId) -> Result<FrameId, Ignored> {
        match self.awaited(effect)? {
            Awaited::Attempt(id, _) => Ok(id),
            Awaited::AttemptTimeout(_)
            | Awaited::Heartbeat(_)
            | Awaited::Time(_)
            | Awaited::Delay(_)
            | Awaited::MachineTimeout
            | Awaited::Continue => Err(Ignored::WrongAnswer(effect)),
        }
    }

    fn awaited(&self, effect: EffectId) -> Result<Awaited, Ignored> {
        let standing = &self.execution.standing;
        if standing
            .timeout
            .is_some_and(|timeout| timeout.effect == effect)
        {
            return Ok(Awaited::MachineTimeout);
        }
        if standing.continuing == Some(effect) {
            return Ok(Awaited::Continue);
        }
        let frame = self
            .execution
            .frames
            .waiting_for(effect)
            .ok_or(Ignored::NotWaiting(effect))?;
        match &frame.waiting {
            Waiting::Task(task) if task.effect == effect => {
                Ok(Awaited::Attempt(frame.id, task.phase))
            }
            Waiting::Task(task) if task.heartbeat.is_some_and(|timer| timer.effect == effect) => {
                Ok(Awaited::Heartbeat(frame.id))
            }
            Waiting::Task(_) => Ok(Awaited::AttemptTimeout(frame.id)),
            Waiting::Time(_) => Ok(Awaited::Time(frame.id)),
            Waiting::Delay(_) => Ok(Awaited::Delay(frame.id)),
            // What these wait for has answers of its own.
            Waiting::Children(_) | Waiting::Child { .. } => Err(Ignored::WrongAnswer(effect)),
            Waiting::Turn | Waiting::Siblings { .. } => Err(Ignored::NotWaiting(effect)),
        }
    }
}

/// The point so many seconds later; saturates at the end of time.
pub(super) fn after_seconds(at: Timestamp, seconds: u64) -> Timestamp {
    at.plus_ms(i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX))
}
