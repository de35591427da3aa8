//! Runs executions: applies events, commits transitions, then performs effects.
//!
//! Owns the order of things: authority is asked before anything is written, everything is
//! written before anything is done or told. It does not know HTTP, sled or wasmtime, and has no
//! clock of its own: all of them come in as ports.

#![warn(clippy::wildcard_enum_match_arm)]

mod activities;
mod actor;
mod admission;
mod alarms;
mod arns;
mod authority;
mod backoff;
mod backups;
mod children;
mod components;
mod config;
mod engine;
mod error;
mod executions;
mod express;
mod followers;
mod inspections;
mod load;
mod machines;
mod map_runs;
mod metrics;
mod mocks;
mod pressure;
mod reads;
mod recovery;
mod retention;
mod reviews;
mod roles;
mod room;
mod roster;
mod service;
mod shared;
mod taking_up;
mod tasks;
mod traces;
mod witness;

pub use activities::Activity;
pub use components::Component;
pub use config::Config;
pub use engine::{Engine, Health};
pub use error::{Created, Error};
pub use executions::{StartRequest, Started};
pub use followers::{Follower, Gone};
pub use load::Load;
pub use machines::{
    Alias, AliasChange, AliasName, Definition, Draft, Machine, MachineChange, MachineType, Pin,
    Published, Qualifier, Registration, RoleReference, Route, Routing, RoutingProblem, Settings,
    Standing, TAGS_MAX, Tags, Version, VersionRequest,
};
pub use map_runs::{MapRun, MapRunCounts, MapRunLine};
pub use metrics::{AttemptEnd, ExecutionEnd, ExecutionKind, Metrics, Phases, Refused};
pub use mocks::Mocks;
pub use pressure::{Full, Scarce, Share, Shares};
pub use retention::{MachineNames, MachineRule, RetentionRules};
pub use reviews::StoredReview;
pub use roles::RoleRevision;
pub use room::MachineLimits;
pub use service::Service;
pub use shared::Ports;
pub use tasks::{ActivityTask, TaskError, WaitingTask};
