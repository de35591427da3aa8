//! The Amazon States Language: definitions, and the interpreter as a pure function.
//!
//! Owns what a definition means: which states exist, what an event does to an execution and
//! which effects follow. It does not know who runs the effects, where anything is stored, who
//! is asking, or what time it is: times, seeds and results arrive inside events.

pub mod definition;
mod delta;
mod effect;
mod event;
mod execution;
mod failure;
mod history;
pub mod path;
mod payload;
pub mod template;
mod timestamp;

pub use definition::StateMachine;
pub use delta::Delta;
pub use effect::{Effect, EffectId, TaskPhase, TaskRun};
pub use event::{AttemptFacts, Event, EventKind};
pub use execution::{ExecutionId, Header, Status};
pub use failure::Failure;
pub use history::HistoryEvent;
pub use payload::{Payload, PayloadId};
pub use timestamp::Timestamp;
