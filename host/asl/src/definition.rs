//! State machine definitions: the parsed form that the interpreter runs.
//!
//! Owns the shape of a valid definition. It does not know which components, roles or accounts
//! exist; names in `Resource` and `Credentials` stay text.

mod choice;
mod express;
mod expressions;
mod fields;
mod flow;
mod graph;
mod kind;
mod language;
mod parse;
mod quantity;
mod reads;
mod resource;
mod retry;
mod state;

use indexmap::IndexMap;

pub(crate) use choice::Picked;
pub use choice::{Choice, ChoiceRule, Comparison, Condition, Operand, Ordering};
pub use expressions::{Judged, check_expressions};
pub use flow::{Flow, JsonPathFlow, JsonataFlow, ResultPath};
pub use language::Language;
pub use parse::Parsed;
pub use quantity::{Quantity, Text};
pub use resource::{Call, Integration, Pattern};
pub use retry::{Catcher, Jitter, Retrier};
pub use state::{
    Batcher, Credentials, Fail, Items, Map, Mode, Next, Parallel, Pass, Processor, Reader, State,
    StateKind, Task, Tolerance, Wait, WaitUntil, Writer,
};

/// A valid state machine. Nested `States` blocks are kept in one table, so that neither walking
/// nor dropping a machine recurses.
#[derive(Clone, Debug, PartialEq)]
pub struct StateMachine {
    /// The author's `Comment`.
    pub comment: Option<String>,
    /// `TimeoutSeconds` of the whole execution.
    pub timeout_seconds: Option<u64>,
    pub(crate) blocks: Vec<Block>,
}

/// Which `States` block of a machine; 0 is the outermost.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct BlockId(pub u32);

/// One `StartAt` with its `States`: the machine itself, a Parallel branch, or a Map's item processor.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The first state.
    pub start_at: String,
    /// Every state by name, in the order written.
    pub states: IndexMap<String, State>,
}

impl BlockId {
    /// The outermost block.
    pub const ROOT: Self = Self(0);
}

impl StateMachine {
    /// The block, which is there for every id that a state of this machine holds.
    pub fn block(&self, id: BlockId) -> Option<&Block> {
        self.blocks.get(usize::try_from(id.0).ok()?)
    }

    /// Every state of every block, outer blocks before those inside them.
    pub fn states(&self) -> impl Iterator<Item = (BlockId, &State)> {
        let ids = (0..).map(BlockId);
        let blocks = ids.zip(&self.blocks);
        blocks.flat_map(|(id, block)| block.states.values().map(move |state| (id, state)))
    }

    /// Every Task with its state; the state's pointer tells where it stands.
    pub fn tasks(&self) -> impl Iterator<Item = (&State, &Task)> {
        self.states().filter_map(|(_, state)| match &state.kind {
            StateKind::Task(task) => Some((state, task)),
            StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed
            | StateKind::Fail(_)
            | StateKind::Parallel(_)
            | StateKind::Map(_) => None,
        })
    }
}

impl Block {
    /// The state called `name`.
    pub fn state(&self, name: &str) -> Option<&State> {
        self.states.get(name)
    }
}

#[cfg(test)]
mod tests;
