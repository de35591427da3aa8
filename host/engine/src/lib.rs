//! Runs executions: applies events, commits transitions, then performs effects.
//!
//! Owns the order of things: authority is asked before anything is written, everything is
//! written before anything is done or told. It does not know HTTP, sled or wasmtime, and has no
//! clock of its own: all of them come in as ports.

#![warn(clippy::wildcard_enum_match_arm)]

mod actor;
mod admission;
mod authority;
mod components;
mod error;
mod executions;
mod machines;
mod reads;
mod reviews;
mod roles;
mod service;
mod shared;
mod witness;

pub use components::Component;
pub use error::{Created, Error};
pub use executions::{StartRequest, Started};
pub use machines::{Machine, Pin, Published};
pub use reviews::StoredReview;
pub use roles::RoleRevision;
pub use service::Service;
pub use shared::{Config, Engine, Health, Ports};
