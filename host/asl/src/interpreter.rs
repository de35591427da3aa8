//! What an event does to an execution.
//!
//! Owns the transition function: which frame an event is for, whose turn it is to enter a state,
//! and when a transition has done enough. It does not know what a kind of state does (one file
//! each), nor who performs the effects.

mod abort;
mod answer;
mod callable;
mod children;
mod choice;
mod context;
mod data;
mod error;
mod fail;
mod inspect;
mod map;
mod map_run;
mod parallel;
mod pass;
mod passage;
mod quantity;
mod step;
mod succeed;
mod task;
mod wait;

pub(crate) use error::can_retry;
pub(crate) use inspect::inspect;
use map_run::Ended;
pub use map_run::MAP_RUN_ID_SHARED;
use step::Step;

use crate::history::ErrorDetail;
use crate::jsonata::Evaluator;
use crate::{Effect, EffectId, Event, EventKind, Execution, StateMachine, Status};

/// How many states one transition enters before it asks to be continued.
const ENTRIES_MAX: usize = 200;
/// How many visits the expressions of one transition cost before it asks to be continued.
const SPENT_MAX: usize = 1_000_000;

/// What an event made of an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The execution as it stands after the event.
    pub execution: Execution,
    /// What to do once it is stored, in order.
    pub effects: Vec<Effect>,
    /// Why the event changed nothing, if it did not.
    pub ignored: Option<Ignored>,
}

/// Why an event changed nothing: it was late, repeated, or never asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// The execution had ended.
    Ended(Status),
    /// The execution had been started before.
    AlreadyStarted,
    /// Nothing waits for the effect: it was answered or cancelled before.
    NotWaiting(EffectId),
    /// The attempt had been recorded as started before.
    AttemptAlreadyStarted(EffectId),
    /// The effect is of another kind than the answer.
    WrongAnswer(EffectId),
}

/// Applies one event; JSONata beyond plain paths and literals is `evaluator`'s. Pure: the same
/// arguments always give the same transition, and an ignored event leaves the execution as it was.
pub fn apply(
    machine: &StateMachine,
    execution: Execution,
    event: Event,
    evaluator: &dyn Evaluator,
) -> Transition {
    let mut step = Step::new(machine, execution, (event.at, event.seed), evaluator);
    step.absent = event.absent;
    let ignored = step.handle(event.kind).err();
    if ignored.is_none() {
        step.keep_to_the_quota();
        step.run();
    }
    let (execution, effects) = step.into_parts();
    Transition {
        execution,
        effects,
        ignored,
    }
}

impl Step<'_> {
    fn handle(&mut self, kind: EventKind) -> Result<(), Ignored> {
        let status = self.execution.status();
        if status.is_terminal() {
            return Err(Ignored::Ended(status));
        }
        match kind {
            EventKind::Start => self.start(),
            EventKind::TaskStarted {
                effect,
                facts,
                worker,
            } => self.task_started(effect, facts, worker),
            EventKind::TaskSubmitted { effect, output } => self.task_submitted(effect, output),
            EventKind::TaskHeartbeat { effect } => self.task_heartbeat(effect),
            EventKind::TaskSucceeded { effect, output } => self.task_succeeded(effect, output),
            EventKind::TaskFailed {
                effect,
                error,
                cause,
            } => self.task_failed(effect, error, cause),
            EventKind::ChildSucceeded { effect, output } => {
                self.child_answered(effect, Ended::Succeeded(output))
            }
            EventKind::ChildFailed {
                effect,
                error,
                cause,
            } => self.child_answered(effect, Ended::failed(error, cause)),
            EventKind::ItemsRead { effect, items } => self.items_read(effect, items),
            EventKind::ResultsWritten { effect, details } => self.results_written(effect, details),
            EventKind::MapRunFailed {
                effect,
                error,
                cause,
            } => self.map_run_failed(effect, error, cause),
            EventKind::TimerFired { effect } => self.timer_fired(effect),
            EventKind::Continued { effect } => self.continued(effect),
            EventKind::Stop {
                error,
                cause,
                principal,
            } => {
                self.stop(error, cause, principal);
                Ok(())
            }
        }
    }

    /// Lets frames enter states in turn until everything waits.
    fn run(&mut self) {
        let mut entries_left = ENTRIES_MAX;
        loop {
            while let Some(parent) = self.gathered.pop() {
                self.gather(parent);
            }
            let standing = &self.execution.standing;
            if standing.status.is_terminal() || standing.continuing.is_some() {
                return;
            }
            let Some(id) = self.execution.frames.next_turn(standing.last_turn) else {
                return;
            };
            if entries_left == 0 || self.has_spent_enough() {
                self.ask_to_continue();
                return;
            }
            entries_left -= 1;
            self.execution.standing.last_turn = id;
            if let Some(frame) = self.execution.frames.take(id) {
                self.enter(frame);
            }
        }
    }

    fn keep_to_the_quota(&mut self) {
        let execution = &self.execution;
        let events_max = execution.header.limits.history_events_max;
        if execution.status().is_terminal() || execution.next_event_id() < events_max {
            return;
        }
        let previous = self.abort_all();
        let detail = ErrorDetail {
            error: Some("States.Runtime".to_owned()),
            cause: Some(format!(
                "The execution reached the maximum number of history events ({events_max})."
            )),
        };
        self.end(Status::Failed, previous, detail, None);
    }

    /// Whether expressions have cost as much as those of one transition may.
    fn has_spent_enough(&self) -> bool {
        self.spent > SPENT_MAX
    }

    /// Asks to be continued, once, where the transition has done enough.
    fn ask_to_continue(&mut self) {
        if self.execution.standing.continuing.is_some() {
            return;
        }
        let effect = self.execution.new_effect();
        self.execution.standing.continuing = Some(effect);
        self.effects.push(Effect::Continue(effect));
    }

    fn continued(&mut self, effect: EffectId) -> Result<(), Ignored> {
        if self.execution.standing.continuing == Some(effect) {
            self.execution.standing.continuing = None;
            self.go_on_with_runs();
            return Ok(());
        }
        if self.execution.is_waiting_for(effect) {
            return Err(Ignored::WrongAnswer(effect));
        }
        Err(Ignored::NotWaiting(effect))
    }
}

#[cfg(test)]
mod tests;
