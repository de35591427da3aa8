//! Who is calling, what may they do, and what may a component do: pure decisions.
//!
//! Owns tokens to principals, policy, and the authority chain from manifest to attempt. It
//! fetches nothing, stores nothing and has no clock: keys, documents and times are arguments.

#![warn(clippy::wildcard_enum_match_arm)]

pub mod authority;
pub mod capability;
pub mod component;
pub mod manifest;
pub mod names;
pub mod policy;
pub mod principal;
pub mod review;
pub mod role;
pub mod token;
