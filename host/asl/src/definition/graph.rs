//! Whether the states of one block lead to each other.

use std::collections::BTreeMap;

use document::Problems;

use super::fields;
use super::parse::Target;
use super::state::State;

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

    /// Reports transitions to nowhere; where there are none and every transition is known, also
    /// states that nothing leads to, and a block without an end.
    pub(super) fn check(mut self, start: &Target, problems: &mut Problems) {
        let mut has_every_target = self.check_target(start, problems);
        for name in &self.order {
            let targets = self.nodes.get(name).map(|node| node.targets.as_slice());
            for target in targets.unwrap_or_default() {
                has_every_target &= self.check_target(target, problems);
            }
        }
        if !self.is_complete || !has_every_target {
            return;
        }
        self.walk(&start.state);
        for name in &self.order {
            if let Some(node) = self.nodes.get(name).filter(|node| !node.is_reached) {
                let name = fields::bounded(name);
                let message = format!("no transition leads to state `{name}`");
                problems.push(node.pointer.clone(), message);
            }
        }
        if !self.has_end {
            let message = "no state ends the block, give one `\"End\": true` or add a `Succeed` or `Fail` state";
            problems.push(self.pointer, message);
        }
    }

    fn check_target(&self, target: &Target, problems: &mut Problems) -> bool {
        let is_there = self.nodes.contains_key(&target.state);
        if !is_there {
            let name = fields::bounded(&target.state);
            let message = format!("there is no state `{name}` beside this one");
            problems.push(target.pointer.clone(), message);
        }
        is_there
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
