//! One state of each kind.

pub(super) mod fail;
pub(super) mod map;
pub(super) mod parallel;
pub(super) mod pass;
pub(super) mod task;
pub(super) mod wait;

use super::{Choice, Flow};
use crate::template::Template;
pub use fail::Fail;
pub use map::{Batcher, Items, Map, Mode, Processor, Reader, Tolerance, Writer};
pub use parallel::Parallel;
pub use pass::Pass;
pub use task::{Credentials, Task};
pub use wait::{Wait, WaitUntil};

/// A state of any kind.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The state's name, unique in the machine.
    pub name: String,
    /// Where the state stands in the definition, as a JSON pointer.
    pub pointer: String,
    /// The author's `Comment`.
    pub comment: Option<String>,
    /// How data enters and leaves the state.
    pub flow: Flow,
    /// `Assign`: the variables that leaving the state sets.
    pub assign: Option<Template>,
    /// What the state does.
    pub kind: StateKind,
}

/// What a state does.
#[derive(Clone, Debug, PartialEq)]
pub enum StateKind {
    /// Runs a component.
    Task(Task),
    /// Passes its input on, or a fixed result.
    Pass(Pass),
    /// Picks the next state.
    Choice(Choice),
    /// Waits for a time.
    Wait(Wait),
    /// Ends the block well.
    Succeed,
    /// Ends the execution with an error.
    Fail(Fail),
    /// Runs branches side by side.
    Parallel(Parallel),
    /// Runs one block for each item of an array.
    Map(Map),
}

/// Where a state leads.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// `"Next"`.
    State(String),
    /// `"End": true`.
    End,
}

impl State {
    /// Whether a block can end in this state.
    pub fn is_terminal(&self) -> bool {
        let next = match &self.kind {
            StateKind::Task(task) => &task.next,
            StateKind::Pass(pass) => &pass.next,
            StateKind::Wait(wait) => &wait.next,
            StateKind::Parallel(parallel) => &parallel.next,
            StateKind::Map(map) => &map.next,
            StateKind::Succeed | StateKind::Fail(_) => return true,
            StateKind::Choice(_) => return false,
        };
        *next == Next::End
    }
}
