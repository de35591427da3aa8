//! Runs components in wasmtime with exactly the capabilities they were granted.
//!
//! Owns the sandbox: reading binaries, compiling, linking, limits, and every host call with
//! its check. It does not know why something is granted, who is told of an outcome, or what a
//! state machine is; it is the only crate that knows wasmtime.

mod attempt;
mod bare;
mod capability;
mod compiled;
mod config;
mod evaluator;
mod guest;
mod inspect;
mod ledger;
mod limits;
mod link;
mod meter;
mod metrics;
mod outcome;
mod probe;
mod runtime;
mod sandbox;
mod step;
mod text;
mod ticker;
mod volumes;

pub use bare::Bare;
pub use config::{RuntimeConfig, StartError};
pub use evaluator::{EvaluatorConfig, JsonataEvaluator};
pub use metrics::{Compilation, EvaluationEnd, EvaluatorMetrics, Metrics};
pub use probe::probe;
pub use runtime::Runtime;
pub use volumes::VolumeFiles;
