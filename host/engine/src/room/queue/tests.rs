//! The order, the counts, and that nobody is forgotten.

use std::collections::{BTreeMap, VecDeque};

use asl::ExecutionId;
use proptest::prelude::*;

use super::*;
use crate::room::claims::Stage;

type Limits<'a> = &'a [(char, usize)];

fn owner(principal: &str, execution: &str) -> Owner {
    Owner {
        principal: principal.into(),
        execution: Arc::new(ExecutionId::parse(execution).unwrap()),
        stage: Stage::UnderWay,
    }
}

/// A queue whose payloads say who waits; those who have room, oldest first.
struct Host {
    queue: Queue<char, &'static str>,
    running: VecDeque<Holding<char>>,
    order: Vec<&'static str>,
}

impl Host {
    fn full(max: usize) -> Self {
        let mut queue = Queue::new(max);
        let running = (0..max).map(|_| queue.try_take(&[]).unwrap()).collect();
        Self {
            queue,
            running,
            order: Vec::new(),
        }
    }

    fn join(&mut self, who: &'static str, limits: Limits<'_>) -> Ticket {
        let (principal, execution) = who.split_once('/').unwrap();
        let ticket = self.queue.join(owner(principal, execution), limits, who);
        self.collect();
        ticket
    }

    fn collect(&mut self) {
        for (holding, who) in self.queue.take_picked() {
            self.running.push_back(holding);
            self.order.push(who);
        }
    }

    /// Ends attempts, the oldest first, until none is left.
    fn run_out(mut self) -> Vec<&'static str> {
        while let Some(ended) = self.running.pop_front() {
            self.queue.give_back(&ended);
            self.collect();
        }
        assert_eq!((self.queue.waiting(), self.queue.running()), (0, 0));
        assert!(self.queue.lines.is_empty());
        self.order
    }
}

fn check(waiting: &[(&'static str, Limits<'_>)], expected: &[&str]) {
    let mut host = Host::full(1);
    for (who, limits) in waiting {
        host.join(who, limits);
    }
    assert_eq!(host.run_out(), expected);
}

#[test]
fn principals_take_turns_then_their_executions_then_the_order_of_asking() {
    let none: Limits<'_> = &[];
    check(
        &[("p/a", none), ("p/a", none), ("p/b", none), ("q/c", none)],
        &["p/a", "q/c", "p/b", "p/a"],
    );
}

#[test]
fn the_same_order_holds_at_a_narrower_limit() {
    let one: Limits<'_> = &[('r', 1)];
    check(
        &[("p/a", one), ("p/a", one), ("p/b", one), ("q/c", one)],
        // The first had room in `r` when it came; the others waited for it.
        &["p/a", "p/a", "q/c", "p/b"],
    );
}

#[test]
fn whoever_waits_for_one_limit_does_not_hold_up_others() {
    let mut host = Host::full(4);
    for _ in 0..3 {
        let ended = host.running.pop_front().unwrap();
        host.queue.give_back(&ended);
    }
    host.join("p/a", &[('r', 1)]);
    host.join("p/a", &[('r', 1)]);
    host.join("p/a", &[('r', 1)]);
    assert_eq!(host.order, ["p/a"]);
    host.join("p/b", &[('s', 1)]);
    host.join("q/c", &[]);
    assert_eq!(host.order, ["p/a", "p/b", "q/c"]);
    assert_eq!(host.queue.waiting(), 2);
}

#[test]
fn a_limit_that_grows_lets_more_go_and_one_that_shrinks_counts_who_runs() {
    let mut host = Host::full(8);
    host.running
        .drain(..)
        .for_each(|ended| host.queue.give_back(&ended));
    for _ in 0..5 {
        host.join("p/a", &[('r', 2)]);
    }
    assert_eq!(host.queue.running(), 2);
    host.queue.change(&'r', 4);
    host.collect();
    assert_eq!(host.queue.running(), 4);
    // Whoever asks under the newest limit says so for all.
    assert!(host.queue.try_take(&[('r', 1)]).is_none());
    for left in [3, 2, 1] {
        let ended = host.running.pop_front().unwrap();
        host.queue.give_back(&ended);
        host.collect();
        assert_eq!((host.queue.running(), host.queue.waiting()), (left, 1));
    }
    assert_eq!(host.run_out().len(), 5);
}

#[test]
fn a_limit_that_shrinks_holds_for_those_who_wait_for_the_host() {
    let mut host = Host::full(2);
    for _ in 0..3 {
        host.join("p/a", &[('r', 9)]);
    }
    host.queue.change(&'r', 1);
    for running in [0, 1, 2] {
        let of_limit = host.order.len();
        assert!(of_limit <= running, "{:?}", host.order);
        let ended = host.running.pop_front().unwrap();
        host.queue.give_back(&ended);
        host.collect();
    }
    assert_eq!(host.run_out().len(), 3);
}

#[test]
fn whoever_leaves_gives_up_its_place_and_what_it_holds() {
    let mut host = Host::full(1);
    let ready = host.join("p/a", &[('r', 1)]);
    let stuck = host.join("q/b", &[('r', 1)]);
    host.join("p/c", &[('r', 1)]);
    host.queue.leave(stuck);
    host.queue.leave(ready);
    host.queue.leave(ready);
    assert_eq!(host.queue.waiting(), 1);
    assert_eq!(host.run_out(), ["p/c"]);
}

#[test]
fn two_limits_at_once_are_waited_for_in_turn() {
    let mut host = Host::full(8);
    host.running
        .drain(..)
        .for_each(|ended| host.queue.give_back(&ended));
    host.join("p/a", &[('r', 1)]);
    host.join("p/b", &[('s', 1)]);
    host.join("q/c", &[('r', 1), ('s', 1)]);
    host.join("q/d", &[('r', 1)]);
    host.join("q/e", &[('s', 1)]);
    let first = host.running.pop_front().unwrap();
    host.queue.give_back(&first);
    host.collect();
    // `r` is free, but the first in its line also needs `s`: the next one goes.
    assert_eq!(host.order, ["p/a", "p/b", "q/d"]);
    assert_eq!(host.run_out().len(), 5);
}

const LIMITS: [(char, usize); 3] = [('r', 1), ('s', 2), ('t', 3)];

#[derive(Clone, Debug)]
enum Step {
    Join {
        principal: usize,
        execution: usize,
        limits: Vec<bool>,
    },
    TryTake {
        limits: Vec<bool>,
    },
    Leave(usize),
    GiveBack(usize),
    Change(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let limits = || prop::collection::vec(any::<bool>(), LIMITS.len());
    prop_oneof![
        4 => (0..3_usize, 0..3_usize, limits()).prop_map(|(principal, execution, limits)| {
            Step::Join { principal, execution, limits }
        }),
        1 => limits().prop_map(|limits| Step::TryTake { limits }),
        1 => any::<usize>().prop_map(Step::Leave),
        4 => any::<usize>().prop_map(Step::GiveBack),
        1 => (0..LIMITS.len(), 1..4_usize).prop_map(|(limit, max)| Step::Change(limit, max)),
    ]
}

/// The queue, and everything that can be known of it from outside.
struct Model {
    queue: Queue<char, usize>,
    host_max: usize,
    max: BTreeMap<char, usize>,
    /// Who joined: its ticket, its principal and its limits.
    joined: Vec<(Ticket, usize, Vec<char>)>,
    waiting: Vec<usize>,
    running: Vec<(Holding<char>, Vec<char>)>,
    /// Since each principal has been waiting without a break: how often each one was picked.
    picks: BTreeMap<usize, BTreeMap<usize, usize>>,
}

impl Model {
    fn new(host_max: usize) -> Self {
        Self {
            queue: Queue::new(host_max),
            host_max,
            max: LIMITS.into(),
            joined: Vec::new(),
            waiting: Vec::new(),
            running: Vec::new(),
            picks: BTreeMap::new(),
        }
    }

    fn limits(&self, chosen: &[bool]) -> Vec<(char, usize)> {
        let chosen = LIMITS.iter().zip(chosen).filter(|(_, chosen)| **chosen);
        chosen
            .map(|((limit, _), _)| (*limit, self.max[limit]))
            .collect()
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Join {
                principal,
                execution,
                limits,
            } => {
                let limits = self.limits(limits);
                let who = owner(&principal.to_string(), &execution.to_string());
                let ticket = self.queue.join(who, &limits, self.joined.len());
                self.waiting.push(self.joined.len());
                let limits = limits.iter().map(|(limit, _)| *limit).collect();
                self.joined.push((ticket, *principal, limits));
            }
            Step::TryTake { limits } => {
                let limits = self.limits(limits);
                if let Some(holding) = self.queue.try_take(&limits) {
                    let limits = limits.iter().map(|(limit, _)| *limit).collect();
                    self.running.push((holding, limits));
                }
            }
            Step::Leave(which) if !self.waiting.is_empty() => {
                let who = self.waiting.remove(which % self.waiting.len());
                self.queue.leave(self.joined[who].0);
            }
            Step::GiveBack(which) if !self.running.is_empty() => {
                let (holding, _) = self.running.remove(which % self.running.len());
                self.queue.give_back(&holding);
            }
            Step::Change(limit, max) => {
                let (limit, _) = LIMITS[*limit];
                self.max.insert(limit, *max);
                self.queue.change(&limit, *max);
            }
            Step::Leave(_) | Step::GiveBack(_) => {}
        }
        for (holding, who) in self.queue.take_picked() {
            let place = self.waiting.iter().position(|waits| *waits == who);
            self.waiting
                .remove(place.expect("only who waits is picked"));
            let (_, principal, limits) = self.joined[who].clone();
            self.running.push((holding, limits));
            for counted in self.picks.values_mut() {
                *counted.entry(principal).or_default() += 1;
            }
        }
    }

    fn running_in(&self, limit: char) -> usize {
        let running = self.running.iter();
        running
            .filter(|(_, limits)| limits.contains(&limit))
            .count()
    }

    /// Nobody waits who could run; nothing runs beyond a limit, except what did before it shrank.
    fn check_room(&self, before: &BTreeMap<char, usize>) -> Result<(), TestCaseError> {
        prop_assert!(self.running.len() <= self.host_max);
        for limit in self.max.keys() {
            let (running, max) = (self.running_in(*limit), self.max[limit]);
            prop_assert!(running <= max.max(before[limit]), "{running} in {limit}");
        }
        for who in &self.waiting {
            let (ticket, _, limits) = &self.joined[*who];
            let is_full = |limit: &char| self.running_in(*limit) >= self.max[limit];
            let may_run = self.running.len() < self.host_max && !limits.iter().any(is_full);
            prop_assert!(!may_run, "{ticket} could run and waits");
        }
        prop_assert_eq!(self.queue.waiting(), self.waiting.len());
        for principal in 0..3 {
            let own = self
                .waiting
                .iter()
                .filter(|who| self.joined[**who].1 == principal);
            prop_assert_eq!(self.queue.waiting_of(&principal.to_string()), own.count());
        }
        prop_assert_eq!(self.queue.running(), self.running.len());
        Ok(())
    }

    /// While a principal waits, no other is picked more than once oftener.
    fn check_fairness(&mut self) -> Result<(), TestCaseError> {
        for principal in 0..3 {
            let mut waiting = self.waiting.iter();
            if !waiting.any(|who| self.joined[*who].1 == principal) {
                self.picks.remove(&principal);
                continue;
            }
            let picks = self.picks.entry(principal).or_default();
            let own = picks.get(&principal).copied().unwrap_or(0);
            prop_assert!(picks.values().all(|others| *others <= own + 1), "{picks:?}");
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn whoever_could_run_runs_and_no_limit_is_passed(
        host_max in 1..6_usize,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut model = Model::new(host_max);
        for step in &steps {
            let before = LIMITS.map(|(limit, _)| (limit, model.running_in(limit))).into();
            model.apply(step);
            model.check_room(&before)?;
        }
        // Everybody's turn comes.
        while !model.running.is_empty() {
            model.apply(&Step::GiveBack(0));
        }
        prop_assert!(model.waiting.is_empty());
        prop_assert!(model.queue.lines.is_empty());
    }

    #[test]
    fn no_principal_is_picked_twice_while_another_waits_for_the_same(
        host_max in 1..4_usize,
        role in any::<bool>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        // Either the host is scarce, or a role that counts everybody.
        let mut model = Model::new(if role { 1_000 } else { host_max });
        for step in steps {
            let step = match step {
                Step::Join { principal, execution, .. } => {
                    Step::Join { principal, execution, limits: vec![false, role, false] }
                }
                Step::TryTake { .. } => Step::TryTake { limits: vec![false, role, false] },
                step @ (Step::Leave(_) | Step::GiveBack(_) | Step::Change(..)) => step,
            };
            model.apply(&step);
            model.check_fairness()?;
        }
    }
}
