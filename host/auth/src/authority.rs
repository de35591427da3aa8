//! The authority chain: what all of upload, publish, start and attempt must allow.

use std::sync::Arc;

use crate::capability::Capabilities;
use crate::names::{Digest, Name};

/// Counts every change to roles, reviews, components and policy; decisions name the count they
/// were made under, and the store refuses to commit one whose count has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct AuthorityVersion(pub u64);

/// Proof that one attempt of one component was allowed under one role, and what it may touch.
#[derive(Clone, Debug)]
pub struct AttemptPermit {
    component: Name,
    version: String,
    digest: Digest,
    role: Name,
    role_revision: u64,
    idempotent: bool,
    capabilities: Arc<Capabilities>,
    decided_under: AuthorityVersion,
    rules: Vec<String>,
}
