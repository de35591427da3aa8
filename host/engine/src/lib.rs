//! Runs executions: applies events, commits transitions, then performs effects.
//!
//! Owns the order of things: authority is asked before anything is written, everything is
//! written before anything is done or told. It does not know HTTP, sled or wasmtime, and has no
//! clock of its own: all of them come in as ports.

#![warn(clippy::wildcard_enum_match_arm)]

mod activities;
mod actor;
mod admission;
mod authority;
mod backoff;
mod children;
mod components;
mod error;
mod executions;
mod inspections;
mod load;
mod machines;
mod map_runs;
mod mocks;
mod pressure;
mod reads;
mod reviews;
mod roles;
mod room;
mod service;
mod shared;
mod tasks;
mod witness;

pub use activities::Activity;
pub use components::Component;
pub use error::{Created, Error};
pub use executions::{StartRequest, Started};
pub use load::Load;
pub use machines::{
    Alias, AliasChange, AliasName, Definition, Draft, Machine, MachineChange, MachineType, Pin,
    Published, Qualifier, Registration, RoleReference, Route, Routing, RoutingProblem, Settings,
    Standing, TAGS_MAX, Tags, Version, VersionRequest,
};
pub use map_runs::{MapRun, MapRunCounts, MapRunLine};
pub use mocks::Mocks;
pub use pressure::{Full, Scarce, Share, Shares};
pub use reviews::StoredReview;
pub use roles::RoleRevision;
pub use room::MachineLimits;
pub use service::Service;
pub use shared::{Config, Engine, Health, Ports};
pub use tasks::{ActivityTask, TaskError, WaitingTask};
