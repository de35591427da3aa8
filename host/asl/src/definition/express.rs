//! What a state machine of type `EXPRESS` cannot do.

use std::collections::BTreeMap;

use document::Problem;

use super::{BlockId, Call, Integration, Mode, Pattern, State, StateKind, StateMachine};
use crate::diagnostic::{self, code};

impl StateMachine {
    /// Every reason why this state machine cannot be of type `EXPRESS`: states that wait for
    /// somebody outside, and distributed Maps.
    pub fn express_problems(&self) -> Vec<Problem> {
        let states = self.states();
        states
            .filter_map(|(_, state)| state.express_problem())
            .collect()
    }

    /// Every reason why the child executions of its Maps cannot be of the type that they have.
    pub(super) fn child_problems(&self) -> Vec<Problem> {
        let mut problems = BTreeMap::new();
        for (_, state) in self.states() {
            if let StateKind::Map(map) = &state.kind
                && let Mode::Distributed(processor) = &map.mode
                && processor.execution_type == "EXPRESS"
            {
                let inside = self.states_within(map.processor);
                let found = inside.into_iter().filter_map(State::express_problem);
                // Maps inside Maps find the same.
                problems.extend(found.map(|problem| (problem.pointer.clone(), problem)));
            }
        }
        problems.into_values().collect()
    }

    /// Every state of a block and of the blocks inside it.
    fn states_within(&self, block: BlockId) -> Vec<&State> {
        let mut open = vec![block];
        let mut found = Vec::new();
        while let Some(block) = open.pop().and_then(|id| self.block(id)) {
            for state in block.states.values() {
                open.extend(state.blocks());
                found.push(state);
            }
        }
        found
    }
}

impl State {
    /// The blocks directly inside the state.
    fn blocks(&self) -> Vec<BlockId> {
        match &self.kind {
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

    fn express_problem(&self) -> Option<Problem> {
        let (field, what) = match &self.kind {
            StateKind::Task(task) => ("Resource", express_refusal(&task.call)?),
            StateKind::Map(map) if matches!(map.mode, Mode::Distributed(_)) => (
                "ItemProcessor/ProcessorConfig/Mode",
                "DISTRIBUTED mode of Map state",
            ),
            StateKind::Map(_)
            | StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed
            | StateKind::Fail(_)
            | StateKind::Parallel(_) => return None,
        };
        let pointer = format!("{}/{field}", self.pointer);
        let theirs = format!("Express state machine does not support {what}");
        let message = format!(
            "a state machine of type `EXPRESS` does not support {}",
            what.trim()
        );
        Some(diagnostic::problem(&pointer, message, code::SCHEMA, theirs))
    }
}

/// What of a call the type does not support, in the service's words to the letter.
fn express_refusal(call: &Call) -> Option<&'static str> {
    match call {
        Call::Component | Call::Function(_) => None,
        Call::Activity => Some("Activity ARN"),
        Call::Integration(Integration { pattern, .. }) => match pattern {
            Pattern::RequestResponse => None,
            Pattern::Sync | Pattern::Sync2 => Some("'.sync' service integration"),
            Pattern::WaitForTaskToken => Some("'.waitForTaskToken' service integration "),
        },
    }
}
