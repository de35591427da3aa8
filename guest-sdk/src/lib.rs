//! Write a Sluice step in Rust: one annotated function over serde types.
//!
//! ```
//! use sluice_step::{Context, Failure, step};
//!
//! #[derive(serde::Deserialize)]
//! struct Input { name: String }
//!
//! #[derive(serde::Serialize)]
//! struct Output { greeting: String }
//!
//! #[step]
//! fn hello(input: Input, _context: &Context) -> Result<Output, Failure> {
//!     Ok(Output { greeting: format!("Hello, {}", input.name) })
//! }
//! ```
//!
//! Build it as a `cdylib` with `cargo build --release --target wasm32-wasip2`; the `.wasm` file
//! is the component. What a step needs, it says in a manifest: `#[step(manifest =
//! "manifest.toml")]`. Files are reached through `std::fs` below the mounts the manifest names;
//! `println!` and `eprintln!` become log lines; a panic fails the attempt with its message in
//! the log. The features `http` and `config` bring [`http`] and [`config`], so that a step
//! without them does not import what it does not use.
//!
//! Owns the types a step sees and their way over the component boundary. It does not know what
//! the host grants: a call that is not granted returns an error.

#[doc(hidden)]
pub mod bindings;
#[cfg(feature = "config")]
pub mod config;
mod context;
mod failure;
#[cfg(feature = "http")]
pub mod http;
mod run;

pub use context::{Caller, Context, Principal, PrincipalKind};
pub use failure::{Failure, OrFail};
pub use sluice_step_macro::step;

/// What the `step` attribute writes refers to; no part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::sluice::step::types::{Context, Failure};
    pub use crate::bindings::{Guest, export};
    pub use crate::run::run;
}
