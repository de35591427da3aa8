//! One state of each kind.

use super::{BlockId, Catcher, ChoiceRule, Flow, Retrier};
use crate::path::{Path, ReferencePath};
use crate::template::Template;

/// A state of any kind.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The state's name, unique in the machine.
    pub name: String,
    /// The author's `Comment`.
    pub comment: Option<String>,
    /// How data enters and leaves the state.
    pub flow: Flow,
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

/// A number of seconds, fixed or taken from the state's input.
#[derive(Clone, Debug, PartialEq)]
pub enum Seconds {
    /// `TimeoutSeconds`, `Seconds`.
    Fixed(u64),
    /// `TimeoutSecondsPath`, `SecondsPath`.
    At(Path),
}

/// A text, fixed or taken from the state's input.
#[derive(Clone, Debug, PartialEq)]
pub enum Text {
    /// `Error`, `Cause`.
    Fixed(String),
    /// `ErrorPath`, `CausePath`.
    At(Path),
}

/// `"Type": "Task"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// `Resource`, as written.
    pub resource: String,
    /// `Credentials`.
    pub credentials: Option<Credentials>,
    /// `TimeoutSeconds` or `TimeoutSecondsPath`.
    pub timeout: Option<Seconds>,
    /// `HeartbeatSeconds` or `HeartbeatSecondsPath`.
    pub heartbeat: Option<Seconds>,
    /// `Retry`, in order.
    pub retry: Vec<Retrier>,
    /// `Catch`, in order.
    pub catch: Vec<Catcher>,
    /// Where it leads.
    pub next: Next,
}

/// `Credentials`: the role a Task runs under.
#[derive(Clone, Debug, PartialEq)]
pub struct Credentials {
    /// `RoleArn`: a role's ARN or plain name.
    pub role_arn: String,
}

/// `"Type": "Pass"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    /// `Result`.
    pub result: Option<serde_json::Value>,
    /// Where it leads.
    pub next: Next,
}

/// `"Type": "Choice"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// `Choices`, in order.
    pub rules: Vec<ChoiceRule>,
    /// `Default`.
    pub default: Option<String>,
}

/// `"Type": "Wait"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// How long, or until when.
    pub until: WaitUntil,
    /// Where it leads.
    pub next: Next,
}

/// How long a Wait state waits.
#[derive(Clone, Debug, PartialEq)]
pub enum WaitUntil {
    /// `Seconds` or `SecondsPath`.
    Seconds(Seconds),
    /// `Timestamp`.
    Timestamp(crate::Timestamp),
    /// `TimestampPath`.
    TimestampAt(Path),
}

/// `"Type": "Fail"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fail {
    /// `Error` or `ErrorPath`.
    pub error: Option<Text>,
    /// `Cause` or `CausePath`.
    pub cause: Option<Text>,
}

/// `"Type": "Parallel"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parallel {
    /// `Branches`, in order.
    pub branches: Vec<BlockId>,
    /// `Retry`, in order.
    pub retry: Vec<Retrier>,
    /// `Catch`, in order.
    pub catch: Vec<Catcher>,
    /// Where it leads.
    pub next: Next,
}

/// `"Type": "Map"`, mode `INLINE`.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// `ItemProcessor`, or `Iterator` in older definitions.
    pub processor: BlockId,
    /// `ItemsPath`.
    pub items_path: Path,
    /// `ItemSelector`, or `Parameters` in older definitions.
    pub item_selector: Option<Template>,
    /// `MaxConcurrency` or `MaxConcurrencyPath`.
    pub max_concurrency: Concurrency,
    /// `Retry`, in order.
    pub retry: Vec<Retrier>,
    /// `Catch`, in order.
    pub catch: Vec<Catcher>,
    /// Where it leads.
    pub next: Next,
}

/// How many iterations of a Map may run at once; 0 is no limit of the definition's.
#[derive(Clone, Debug, PartialEq)]
pub enum Concurrency {
    /// `MaxConcurrency`.
    Fixed(u64),
    /// `MaxConcurrencyPath`.
    At(ReferencePath),
}
