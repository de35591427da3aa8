//! The Amazon States Language: definitions, and the interpreter as a pure function.
//!
//! Owns what a definition means: which states exist, what an event does to an execution and
//! which effects follow. It does not know who runs the effects, where anything is stored, who
//! is asking, or what time it is: times, seeds and results arrive inside events.

#![warn(clippy::wildcard_enum_match_arm)]

mod budget;
pub mod definition;
mod delta;
pub mod diagnostic;
mod effect;
mod event;
mod execution;
mod expression;
mod failure;
mod history;
pub mod inspection;
mod interpreter;
mod intrinsic;
pub mod items;
pub mod jsonata;
mod number;
pub mod path;
mod payload;
mod scope;
pub mod template;
mod timestamp;
mod token;
mod variables;

pub use definition::{Parsed, StateMachine};
pub use delta::Delta;
pub use diagnostic::{Diagnostic, Severity};
pub use effect::{ChildRun, Effect, EffectId, ItemsRead, ResultsWrite, TaskPhase, TaskRun};
pub use event::{AttemptFacts, Event, EventKind};
pub use execution::{
    Behind, Execution, ExecutionId, FrameId, Header, Limits, MapRunChild, Place, Posture,
    RestoreError, Status,
};
pub use expression::Expression;
pub use failure::Failure;
pub use history::{
    Called, ErrorDetail, HistoryDetail, HistoryEvent, Iteration, Provenance, StateType, TaskEvent,
};
pub use interpreter::{Ignored, MAP_RUN_ID_SHARED, Transition, apply};
pub use intrinsic::Intrinsic;
pub use payload::{
    PAYLOAD_BYTES_MAX, PAYLOAD_NESTING_MAX, Payload, PayloadId, payload_bytes, payload_bytes_within,
};
pub use timestamp::Timestamp;
pub use token::TaskToken;
pub(crate) use variables::Variables;
