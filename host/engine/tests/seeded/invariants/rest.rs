//! What runs waits for something named, and once everything came to rest only for an answer that
//! nobody gives; what is bound ended with what it is bound to.

use std::collections::{BTreeMap, BTreeSet};

use asl::{Effect, Execution, ExecutionId, TaskPhase, Timestamp};
use ports::Parent;

use super::{Verdict, holds};

/// A running execution waits for something; one that has ended waits for nothing.
pub(crate) fn waits_for_something_named(execution: &Execution) -> Verdict {
    let outstanding = execution.outstanding();
    let is_over = execution.status().is_terminal();
    holds(
        is_over == outstanding.is_empty(),
        "a running execution waits for something named",
        || {
            let (id, status) = (&execution.header().id, execution.status().as_str());
            format!("`{id}` is {status} and waits for {outstanding:?}")
        },
    )
}

/// Executions after everything came to rest, as the store has them.
pub(crate) struct AtRest<'a> {
    pub(crate) now: Timestamp,
    pub(crate) executions: &'a BTreeMap<ExecutionId, (Execution, Option<Parent>)>,
    /// Tokens that were answered, or are still to be.
    pub(crate) answered: &'a BTreeSet<String>,
}

impl AtRest<'_> {
    /// What still runs waits for an answer from outside that nobody gives, or for one that does.
    pub(crate) fn waits_for_nobody(&self) -> Verdict {
        for (execution, _) in self.executions.values() {
            let running = !execution.status().is_terminal();
            let forgotten = execution
                .outstanding()
                .into_iter()
                .find(|effect| !self.is_waiting_rightly(execution, effect));
            holds(
                !running || forgotten.is_none(),
                "everything ends or waits for an answer that is never given",
                || format!("`{}` waits for {forgotten:?}", execution.header().id),
            )?;
        }
        Ok(())
    }

    fn is_waiting_rightly(&self, execution: &Execution, effect: &Effect) -> bool {
        match effect {
            Effect::RunTask(run) => match (&run.token, run.phase) {
                // Whoever had it, or took it, never answers.
                (Some(token), TaskPhase::Started | TaskPhase::Submitted) => {
                    !self.answered.contains(token)
                }
                (_, TaskPhase::Submitted) => self.has_running_child(execution, run.effect),
                (_, TaskPhase::Scheduled | TaskPhase::Started) => false,
            },
            Effect::StartChild(child) => self.has_running_child(execution, child.effect),
            Effect::StartTimer { at, .. } => *at > self.now,
            Effect::ReadItems(_)
            | Effect::WriteResults(_)
            | Effect::Cancel(_)
            | Effect::Continue(_) => false,
        }
    }

    fn has_running_child(&self, execution: &Execution, effect: asl::EffectId) -> bool {
        self.executions.values().any(|(child, parent)| {
            let is_of = parent.as_ref().is_some_and(|parent| {
                parent.execution == execution.header().id && parent.effect == effect
            });
            is_of && !child.status().is_terminal()
        })
    }

    /// A bound execution ended with the effect that started it.
    pub(crate) fn bound_ones_ended(&self) -> Verdict {
        for (child, parent) in self.executions.values() {
            let Some(parent) = parent.as_ref().filter(|parent| parent.is_bound) else {
                continue;
            };
            let above = self.executions.get(&parent.execution);
            let is_wanted = above.is_some_and(|(above, _)| above.is_waiting_for(parent.effect));
            holds(
                is_wanted || child.status().is_terminal(),
                "bound children end with their parents",
                || format!("`{}` runs on", child.header().id),
            )?;
        }
        Ok(())
    }
}

/// Nothing of a host is left once it has drained.
pub(crate) fn nothing_is_left(tasks: usize, running: &[ExecutionId]) -> Verdict {
    holds(tasks == 0, "no task outlives its host", || {
        format!("{tasks} tasks are left")
    })?;
    holds(
        running.is_empty(),
        "what ended is not held in memory",
        || format!("{running:?} can still be followed"),
    )
}
