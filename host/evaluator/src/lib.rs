//! Evaluates JSONata inside the sandbox.
//!
//! Owns the language as the service has it: the crate that implements JSONata, the service's
//! own functions, and JSON text in and out. It does not stop itself: time, memory and depth of
//! the stack are the host's to bound.

mod bindings;
mod error;
mod evaluation;
mod export;
mod expression;
mod functions;
mod json;
mod language;
mod references;
mod signatures;
