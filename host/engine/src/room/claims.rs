//! What one principal waits for: its executions take turns, each in its own order.
//!
//! Owns that finishing goes before starting, and by how much. It does not know what is waited for.

use std::collections::BTreeSet;
use std::sync::Arc;

use asl::ExecutionId;

use super::turns::Turns;

/// Out of so many turns that executions under way and executions about to start both want, one
/// is of an execution about to start.
const STARTS_EVERY: u32 = 4;

/// Names one that waits; later ones have higher numbers.
pub(crate) type Ticket = u64;

/// For whom room is wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    /// The principal's key.
    pub(crate) principal: Arc<str>,
    /// The execution; children of a map run stand under their parent, so that they take turns
    /// with its principal's other executions as one.
    pub(crate) execution: Arc<ExecutionId>,
    /// Whether the execution is under way.
    pub(crate) stage: Stage,
}

/// How far an execution has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It has done nothing yet.
    Starting,
    /// Its end needs what is waited for.
    UnderWay,
}

/// The tickets of one principal.
#[derive(Default)]
pub(super) struct Claims {
    under_way: Executions,
    starting: Executions,
    /// Turns of executions under way since one about to start had one.
    passed_over: u32,
}

type Executions = Turns<Arc<ExecutionId>, BTreeSet<Ticket>>;

impl Claims {
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty() && self.starting.is_empty()
    }

    pub(super) fn add(&mut self, owner: &Owner, ticket: Ticket) {
        let executions = self.executions(owner.stage);
        executions.join(&owner.execution).insert(ticket);
    }

    pub(super) fn remove(&mut self, owner: &Owner, ticket: Ticket) {
        let executions = self.executions(owner.stage);
        let Some(tickets) = executions.of(&owner.execution) else {
            return;
        };
        tickets.remove(&ticket);
        if tickets.is_empty() {
            executions.leave(&owner.execution);
        }
    }

    /// Takes the next ticket: of an execution under way before one about to start, except that
    /// the latter has one turn in [`STARTS_EVERY`].
    pub(super) fn pop(&mut self) -> Option<Ticket> {
        let is_start = match (self.under_way.is_empty(), self.starting.is_empty()) {
            (true, _) => true,
            (false, true) => false,
            (false, false) => self.passed_over + 1 >= STARTS_EVERY,
        };
        if is_start {
            self.passed_over = 0;
            return pop(&mut self.starting);
        }
        if !self.starting.is_empty() {
            self.passed_over += 1;
        }
        pop(&mut self.under_way)
    }

    fn executions(&mut self, stage: Stage) -> &mut Executions {
        match stage {
            Stage::Starting => &mut self.starting,
            Stage::UnderWay => &mut self.under_way,
        }
    }
}

fn pop(executions: &mut Executions) -> Option<Ticket> {
    let execution = Arc::clone(executions.first()?);
    let tickets = executions.of(&execution)?;
    let ticket = tickets.pop_first();
    match tickets.is_empty() {
        true => executions.leave(&execution),
        false => executions.pass(&execution),
    }
    ticket
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(execution: &str, stage: Stage) -> Owner {
        Owner {
            principal: "someone".into(),
            execution: Arc::new(ExecutionId::parse(execution).unwrap()),
            stage,
        }
    }

    fn check(added: &[(&str, Stage)], popped: &[Ticket]) {
        let mut claims = Claims::default();
        for (ticket, (execution, stage)) in (0..).zip(added) {
            claims.add(&owner(execution, *stage), ticket);
        }
        let found: Vec<_> = std::iter::from_fn(|| claims.pop()).collect();
        assert_eq!(found, popped);
        assert!(claims.is_empty());
    }

    #[test]
    fn executions_take_turns_and_each_keeps_its_order() {
        use Stage::UnderWay;
        let added = ["a", "a", "a", "b", "c", "b"].map(|execution| (execution, UnderWay));
        check(&added, &[0, 3, 4, 1, 5, 2]);
    }

    #[test]
    fn starts_stand_back_for_three_turns_of_four() {
        use Stage::{Starting, UnderWay};
        let added = [
            ("s", Starting),
            ("t", Starting),
            ("a", UnderWay),
            ("a", UnderWay),
            ("a", UnderWay),
            ("a", UnderWay),
            ("a", UnderWay),
        ];
        check(&added, &[2, 3, 4, 0, 5, 6, 1]);
    }

    #[test]
    fn a_ticket_that_is_taken_back_is_never_picked() {
        let mut claims = Claims::default();
        let one = owner("a", Stage::UnderWay);
        claims.add(&one, 1);
        claims.add(&one, 2);
        claims.remove(&one, 1);
        claims.remove(&one, 7);
        claims.remove(&owner("b", Stage::Starting), 2);
        assert_eq!(claims.pop(), Some(2));
        assert_eq!(claims.pop(), None);
    }
}
