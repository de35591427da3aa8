//! What is known of a stored component version: facts that never change.

use std::sync::Arc;

use crate::manifest::Manifest;
use crate::names::{Digest, Name};

/// One version of a component, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its name.
    pub name: Name,
    /// Its version (semver).
    pub version: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Every imported interface, as read from the binary.
    pub imports: Vec<String>,
    /// What it says it needs.
    pub manifest: Arc<Manifest>,
    /// The keys of whoever uploaded it and of those who acted for them, see [`crate::review::hands`].
    pub uploaded_by: Vec<String>,
}
