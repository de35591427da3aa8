//! One vocabulary for manifests and roles: what a component may touch.
//!
//! Owns the shapes, what is inside what, and what a manifest and a role allow together. The
//! host calls themselves are made, and refused, in the runtime.

mod ambient;
mod config;
mod filesystem;
mod http;
mod limits;

use serde::{Deserialize, Serialize};

pub use ambient::Ambient;
pub use config::Config;
pub use filesystem::{Access, Filesystem};
pub use http::{Http, Inject};
pub use limits::Limits;

/// Everything a manifest needs or a role grants; the default is nothing at all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Outgoing HTTP.
    pub http: Vec<Http>,
    /// Volumes.
    pub filesystem: Vec<Filesystem>,
    /// Configuration values.
    pub config: Config,
    /// Limits.
    pub limits: Limits,
    /// Clock, randomness and caller.
    pub ambient: Ambient,
}
