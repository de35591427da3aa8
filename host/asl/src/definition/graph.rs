//! Whether the states of one block lead to each other.

use std::collections::{BTreeMap, BTreeSet};

use document::Problems;

use super::fields;
use super::parse::Target;
use super::state::State;
use crate::diagnostic::{self, code};

/// The states of one block and where they lead.
#[derive(Debug)]
pub(super) struct Graph {
    pointer: String,
    nodes: BTreeMap<String, Reached>,
    order: Vec<String>,
    /// Whether every state was read without a problem, so that all transitions are known.
    is_complete: bool,
    has_end: bool,
}

#[derive(Debug)]
struct Reached {
    pointer: String,
    targets: Vec<Target>,
    is_reached: bool,
}

impl Graph {
    /// A graph without states; `pointer` is where `States` stands.
    pub(super) fn new(pointer: &str) -> Self {
        Self {
            pointer: pointer.to_owned(),
            nodes: BTreeMap::new(),
            order: Vec::new(),
            is_complete: true,
            has_end: false,
        }
    }

    /// Adds a state; `state` is there if it was read without a problem.
    pub(super) fn add(
        &mut self,
        name: &str,
        pointer: &str,
        targets: Vec<Target>,
        state: Option<&State>,
    ) {
        self.is_complete &= state.is_some();
        self.has_end |= state.is_some_and(State::is_terminal);
        self.order.push(name.to_owned());
        let reached = Reached {
            pointer: pointer.to_owned(),
            targets,
            is_reached: false,
        };
        self.nodes.insert(name.to_owned(), reached);
    }

    /// Reports transitions to nowhere and, where every state is known, a block without an end or
    /// else states that no other leads to.
    ///
    /// States that only lead to each other are worth a warning: the service takes them, too.
    pub(super) fn check(
        mut self,
        start: &Target,
        problems: &mut Problems,
        warnings: &mut Problems,
    ) {
        self.check_target(start, problems);
        for name in &self.order {
            let targets = self.nodes.get(name).map(|node| node.targets.as_slice());
            for target in targets.unwrap_or_default() {
                self.check_target(target, problems);
            }
        }
        if !self.is_complete {
            return;
        }
        if !self.has_end {
            let message = "no state ends the block, give one `\"End\": true` or add a `Succeed` or `Fail` state";
            let (code, theirs) = (code::MISSING_END_STATE, "Workflow has no terminal state");
            problems.extend([diagnostic::placed(
                &self.pointer,
                message,
                None,
                code,
                theirs,
            )]);
            return;
        }
        self.check_reached(start, problems, warnings);
    }

    fn check_reached(&mut self, start: &Target, problems: &mut Problems, warnings: &mut Problems) {
        let mut led_to = BTreeSet::from([start.state.clone()]);
        for (name, node) in &self.nodes {
            let others = node.targets.iter().map(|target| &target.state);
            led_to.extend(others.filter(|other| *other != name).cloned());
        }
        let is_start_there = self.nodes.contains_key(&start.state);
        self.walk(&start.state);
        for name in &self.order {
            let Some(node) = self.nodes.get(name).filter(|node| !node.is_reached) else {
                continue;
            };
            let shown = fields::bounded(name);
            if !led_to.contains(name) {
                let message = format!("no transition leads to state `{shown}`");
                let theirs = format!("State \"{shown}\" is not reachable.");
                let code = code::MISSING_TRANSITION_TARGET;
                problems.extend([diagnostic::problem(&node.pointer, message, code, theirs)]);
            } else if is_start_there {
                let message = format!("no path from `StartAt` leads to state `{shown}`");
                warnings.push(node.pointer.clone(), message);
            }
        }
    }

    fn check_target(&self, target: &Target, problems: &mut Problems) {
        if !self.nodes.contains_key(&target.state) {
            let name = fields::bounded(&target.state);
            let message = format!("there is no state `{name}` beside this one");
            let theirs = format!("Missing 'Next' target: {name}");
            let code = code::MISSING_TRANSITION_TARGET;
            problems.extend([diagnostic::problem(&target.pointer, message, code, theirs)]);
        }
    }

    fn walk(&mut self, start: &str) {
        let mut open = vec![start.to_owned()];
        while let Some(name) = open.pop() {
            if let Some(node) = self.nodes.get_mut(&name)
                && !node.is_reached
            {
                node.is_reached = true;
                open.extend(node.targets.iter().map(|target| target.state.clone()));
            }
        }
    }
}
