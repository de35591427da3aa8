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

/// Of an express execution the start is stored, and the end.
pub(crate) fn is_start_or_end(execution: &Execution, records: usize) -> Verdict {
    let is_over = execution.status().is_terminal();
    let is_either = match records {
        1 => true,
        2 => is_over,
        _ => false,
    };
    holds(
        is_either && execution.outstanding().is_empty(),
        "nothing is stored between start and end of an express execution",
        || {
            let (id, status) = (&execution.header().id, execution.status().as_str());
            format!("`{id}` is {status} after {records} records")
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

    /// Every express execution has ended, on whichever host.
    pub(crate) fn express_ones_ended(&self) -> Verdict {
        let mut executions = self.executions.values();
        let running = executions.find(|(execution, _)| {
            let is_express = execution.header().arn.contains(":express:");
            is_express && !execution.status().is_terminal()
        });
        holds(running.is_none(), "an express execution ends", || {
            format!(
                "`{:?}` runs on",
                running.map(|(running, _)| &running.header().id)
            )
        })
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
pub(crate) fn nothing_is_left(tasks: usize, running: usize) -> Verdict {
    holds(tasks == 0, "no task outlives its host", || {
        format!("{tasks} tasks are left")
    })?;
    holds(running == 0, "what ended is not held in memory", || {
        format!("{running} executions are held")
    })
}

#[cfg(test)]
mod tests {
    use asl::{Event, EventKind, Header, StateMachine, apply};
    use serde_json::{Value, json};

    use super::*;
    use crate::evaluator::ScriptedEvaluator;

    fn id(text: &str) -> ExecutionId {
        ExecutionId::parse(text).unwrap()
    }

    fn unborn(name: &str) -> Execution {
        let header = Header {
            id: id(name),
            arn: String::new(),
            name: name.to_owned(),
            machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".to_owned(),
            machine_name: "m".to_owned(),
            role_arn: None,
            started_at: Timestamp(0),
            principal: String::new(),
            actor: None,
            map_run: None,
            limits: asl::Limits::default(),
        };
        Execution::start(header, Value::Null)
    }

    fn started(name: &str, state: &Value) -> Execution {
        let definition = json!({"StartAt": "S", "States": {"S": state}});
        let machine = StateMachine::parse(&definition).unwrap().machine;
        let event = Event {
            at: Timestamp(0),
            seed: 0,
            absent: Vec::new(),
            kind: EventKind::Start,
        };
        apply(&machine, unborn(name), event, &ScriptedEvaluator).execution
    }

    fn waiting() -> Value {
        json!({"Type": "Wait", "Seconds": 1, "End": true})
    }

    fn at_rest(now: i64, executions: Vec<(Execution, Option<Parent>)>) -> (Verdict, Verdict) {
        let named = |known: (Execution, _)| (known.0.header().id.clone(), known);
        let executions = executions.into_iter().map(named).collect();
        let rest = AtRest {
            now: Timestamp(now),
            executions: &executions,
            answered: &BTreeSet::new(),
        };
        (rest.waits_for_nobody(), rest.bound_ones_ended())
    }

    #[test]
    fn an_execution_that_waits_for_nothing_is_found() {
        assert!(waits_for_something_named(&started("e", &waiting())).is_ok());
        assert!(waits_for_something_named(&started("e", &json!({"Type": "Succeed"}))).is_ok());
        assert!(waits_for_something_named(&unborn("e")).is_err());
    }

    #[test]
    fn a_timer_that_never_fired_and_a_task_that_nobody_runs_are_found() {
        let task = json!({"Type": "Task", "Resource": "component:c", "End": true});
        let rest = |now, state: &Value| at_rest(now, vec![(started("e", state), None)]).0;
        assert!(rest(999, &waiting()).is_ok());
        assert!(rest(1_000, &waiting()).is_err());
        assert!(rest(1_000, &task).is_err());
        assert!(rest(1_000, &json!({"Type": "Succeed"})).is_ok());
    }

    #[test]
    fn a_bound_child_that_outlives_its_parent_is_found() {
        let parent = |is_bound| Parent {
            execution: id("above"),
            effect: asl::EffectId(0),
            is_bound,
            depth: 1,
        };
        let above = |state: &Value| (started("above", state), None);
        let child = |is_bound| (started("child", &waiting()), Some(parent(is_bound)));
        let ended = json!({"Type": "Succeed"});
        assert!(at_rest(0, vec![above(&waiting()), child(true)]).1.is_ok());
        assert!(at_rest(0, vec![above(&ended), child(true)]).1.is_err());
        assert!(at_rest(0, vec![above(&ended), child(false)]).1.is_ok());
    }

    #[test]
    fn an_express_execution_that_is_stored_between_start_and_end_or_never_ends_is_found() {
        let ended = started("e", &json!({"Type": "Succeed"}));
        assert!(is_start_or_end(&unborn("e"), 1).is_ok());
        assert!(is_start_or_end(&ended, 1).is_ok());
        assert!(is_start_or_end(&ended, 2).is_ok());
        assert!(is_start_or_end(&unborn("e"), 2).is_err());
        assert!(is_start_or_end(&ended, 3).is_err());
        assert!(is_start_or_end(&started("e", &waiting()), 1).is_err());
        let check = |arn: &str| {
            let mut header = unborn("e").header().clone();
            header.arn = arn.to_owned();
            let execution = Execution::start(header, Value::Null);
            let executions = [(id("e"), (execution, None))].into();
            let rest = AtRest {
                now: Timestamp(0),
                executions: &executions,
                answered: &BTreeSet::new(),
            };
            rest.express_ones_ended().is_ok()
        };
        assert!(check("arn:aws:states:us-east-1:000000000000:execution:m:e"));
        assert!(!check(
            "arn:aws:states:us-east-1:000000000000:express:m:e:e"
        ));
    }

    #[test]
    fn what_is_left_of_a_host_is_found() {
        assert!(nothing_is_left(0, 0).is_ok());
        assert!(nothing_is_left(1, 0).is_err());
        assert!(nothing_is_left(0, 1).is_err());
    }
}
