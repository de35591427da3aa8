//! State machine definitions: the parsed form that the interpreter runs.
//!
//! Owns the shape of a valid definition. It does not know which components, roles or accounts
//! exist; names in `Resource` and `Credentials` stay text.

mod choice;
mod flow;
mod retry;
mod state;

use indexmap::IndexMap;

pub use choice::{ChoiceRule, Comparison, Condition, Operand, Ordering};
pub use flow::{Flow, JsonPathFlow, ResultPath};
pub use retry::{Catcher, Jitter, Retrier};
pub use state::{
    Choice, Concurrency, Credentials, Fail, Map, Next, Parallel, Pass, Seconds, State, StateKind,
    Task, Text, Wait, WaitUntil,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct BlockId(pub u32);

/// One `StartAt` with its `States`: the machine itself, a Parallel branch, or a Map's item processor.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The first state.
    pub start_at: String,
    /// Every state by name, in the order written.
    pub states: IndexMap<String, State>,
}
