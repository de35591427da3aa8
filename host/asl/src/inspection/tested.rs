//! The state under test: alone, or one of a machine.
//!
//! Owns how a state without a machine is read: the states it leads to are taken as given.

use std::collections::BTreeSet;

use document::{Finding, Problem};
use serde_json::{Map, Value, json};

use super::request::Refusal;
use crate::definition::{BlockId, State, StateKind, check_expressions};
use crate::diagnostic::{self, code};
use crate::jsonata::Evaluator;
use crate::{Diagnostic, StateMachine};

/// What a state under test is called in its context, whatever its name.
pub(crate) const STATE_NAME: &str = "StateName";

/// The state under test with the machine it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Tested {
    pub(crate) machine: StateMachine,
    /// Where the state is, under [`STATE_NAME`].
    pub(crate) block: BlockId,
    pub(crate) state: State,
}

impl Tested {
    /// Reads a definition of one state, or of a machine with a state `name`.
    ///
    /// # Errors
    /// The definition is not one, or has no such state.
    pub(crate) fn parse(
        text: &str,
        name: Option<&str>,
        evaluator: &dyn Evaluator,
    ) -> Result<Self, Refusal> {
        let definition = document::parse_json(text.as_bytes()).map_err(|problem| {
            let (message, code) = (problem.message, code::INVALID_JSON);
            refuse(vec![diagnostic::problem("", message, code, "")], "")
        })?;
        match name {
            Some(name) => Self::read(&definition, name, "", evaluator),
            None => Self::alone(definition, evaluator),
        }
    }

    fn alone(definition: Value, evaluator: &dyn Evaluator) -> Result<Self, Refusal> {
        let targets = targets(&definition);
        let mut name = STATE_NAME.to_owned();
        while targets.contains(&name) {
            name.push('_');
        }
        let ends = targets
            .into_iter()
            .map(|target| (target, json!({ "Type": "Succeed" })));
        let mut states: Map<String, Value> = ends.collect();
        states.insert(name.clone(), definition);
        let machine = json!({ "StartAt": name, "States": states });
        let place = format!("/States/{name}");
        Self::read(&machine, &name, &place, evaluator)
    }

    fn read(
        machine: &Value,
        name: &str,
        place: &str,
        evaluator: &dyn Evaluator,
    ) -> Result<Self, Refusal> {
        let parsed = StateMachine::parse(machine).map_err(|problems| refuse(problems, place))?;
        // An evaluator that cannot be asked says so again when the state runs.
        let judged = check_expressions(&parsed.machine, evaluator).unwrap_or_default();
        if !judged.problems.is_empty() {
            return Err(refuse(judged.problems, place));
        }
        Self::find(parsed.machine, name)
            .ok_or_else(|| Refusal::validation("State not found in definition"))
    }

    fn find(mut machine: StateMachine, name: &str) -> Option<Self> {
        let mut states = machine.states();
        let (block, state) = states.find(|(_, state)| state.name == name)?;
        let state = state.clone();
        drop(states);
        let states = &mut machine
            .blocks
            .get_mut(usize::try_from(block.0).ok()?)?
            .states;
        states.insert(STATE_NAME.to_owned(), state.clone());
        Some(Self {
            machine,
            block,
            state,
        })
    }

    /// Whether a state called `name` is inside the state, at any depth.
    pub(crate) fn has_inside(&self, name: &str) -> bool {
        let mut open = blocks(&self.state);
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            let Some(block) = self.machine.block(id).filter(|_| seen.insert(id)) else {
                continue;
            };
            if block.states.contains_key(name) {
                return true;
            }
            open.extend(block.states.values().flat_map(blocks));
        }
        false
    }
}

/// The blocks of a Parallel's branches, or of a Map's processor.
fn blocks(state: &State) -> Vec<BlockId> {
    match &state.kind {
        StateKind::Parallel(parallel) => parallel.branches.clone(),
        StateKind::Map(map) => vec![map.processor],
        StateKind::Task(_)
        | StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_) => Vec::new(),
    }
}

/// The names of the states that the state leads to, as far as it can be read.
fn targets(state: &Value) -> BTreeSet<String> {
    let list = |name: &str| {
        state
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let handlers = list("Choices").chain(list("Catch"));
    let nexts = handlers.filter_map(|handler| handler.get("Next"));
    let own = [state.get("Next"), state.get("Default")];
    nexts
        .chain(own.into_iter().flatten())
        .filter_map(|target| Some(target.as_str()?.to_owned()))
        .collect()
}

/// The one place where problems of a tested definition get the service's words; `place` is where
/// the definition itself stands in what was read.
fn refuse(problems: Vec<Problem>, place: &str) -> Refusal {
    let within = |pointer: &mut String| {
        if let Some(rest) = pointer.strip_prefix(place) {
            *pointer = rest.to_owned();
        }
    };
    let problems: Vec<Problem> = problems
        .into_iter()
        .map(|mut problem| {
            within(&mut problem.pointer);
            if let Finding::Named(named) = &mut problem.finding {
                named.pointer.iter_mut().for_each(within);
            }
            problem
        })
        .collect();
    let diagnostics = Diagnostic::errors(&problems);
    let lines: Vec<_> = diagnostics.iter().map(Diagnostic::to_string).collect();
    Refusal::InvalidDefinition(format!(
        "Invalid State Machine Definition: '{}'",
        lines.join(", ")
    ))
}
