//! What a component may touch, one file per capability.
//!
//! Each file links its interfaces, checks every value against the permit, has refusals
//! witnessed, and acts, in that order. None of them decides what is granted.

pub(crate) mod ambient;
pub(crate) mod config;
pub(crate) mod filesystem;
pub(crate) mod http;
pub(crate) mod log;
