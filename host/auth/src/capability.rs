//! One vocabulary for manifests and roles: what a component may touch.
//!
//! Owns the shapes, what is inside what, and what a manifest and a role allow together. The
//! host calls themselves are made, and refused, in the runtime.

mod address;
mod ambient;
mod config;
mod endpoint;
mod filesystem;
mod http;
mod limits;
mod origin;
mod path;
mod quantity;
mod reading;
mod reserved;

use document::{Fields, Problem, Problems};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

pub use address::is_private_address;
pub use ambient::Ambient;
pub use config::Config;
pub use endpoint::Endpoint;
pub use filesystem::{Access, Filesystem};
pub use http::{Http, HttpAllowed};
pub use limits::{Limit, Limits};
pub use origin::{Origin, OriginPattern, Scheme};
pub use path::PathPattern;
pub(crate) use reading::prose;

/// Everything a manifest needs or a role grants; the default is nothing at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Outgoing HTTP.
    pub http: Vec<Http>,
    /// Volumes.
    pub filesystem: Vec<Filesystem>,
    /// Configuration values; in a manifest, what each is for.
    pub config: Config,
    /// Limits.
    pub limits: Limits,
    /// Clock, randomness and caller.
    pub ambient: Ambient,
}

/// A host call was outside what the attempt may touch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused by `{rule}`: {reason}")]
pub struct Refused {
    /// The rule that decided.
    pub rule: &'static str,
    /// What is missing and what to add, in one line.
    pub reason: String,
}

/// Which of the two documents is read: they differ in what an entry must and may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A component's manifest: every entry has a reason.
    Manifest,
    /// A role: every limit has a value.
    Role,
}

/// In which documents an entry must stand for a request to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// In a component's manifest and in its role.
    Pairing,
    /// In a role alone.
    Role,
}

impl Holder {
    fn places(self) -> &'static str {
        match self {
            Self::Pairing => "in the manifest and in the role",
            Self::Role => "in the role",
        }
    }
}

impl Capabilities {
    /// Reads the members of the vocabulary out of a manifest or role.
    pub(crate) fn parse(fields: &mut Fields<'_>, shape: Shape, problems: &mut Problems) -> Self {
        let capabilities = Self {
            http: http::parse(fields, shape, problems),
            filesystem: filesystem::parse(fields, shape, problems),
            config: config::parse(fields, shape, problems),
            limits: limits::parse(fields, shape, problems),
            ambient: ambient::parse(fields, shape, problems),
        };
        reserved::refuse(fields, problems);
        capabilities
    }

    /// The shape on the wire: what was read, in normal form, without members that say nothing.
    pub fn to_json(&self) -> Value {
        let list = |items: Vec<Value>| (!items.is_empty()).then_some(Value::Array(items));
        let members = [
            ("http", list(self.http.iter().map(Http::to_json).collect())),
            (
                "filesystem",
                list(self.filesystem.iter().map(Filesystem::to_json).collect()),
            ),
            ("config", self.config.to_json()),
            ("limits", self.limits.to_json()),
            ("ambient", self.ambient.to_json()),
        ];
        let present = members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(present.collect::<Map<_, _>>())
    }

    /// The same capabilities with every list sorted, so that order of writing does not show.
    pub fn canonical(&self) -> Self {
        let mut canonical = self.clone();
        canonical.http.iter_mut().for_each(Http::sort);
        canonical.http.sort_unstable();
        canonical.filesystem.sort_unstable();
        canonical
    }

    /// Whether one HTTP request may be made; `path` may carry a query, which is not looked at.
    ///
    /// # Errors
    /// Which of origin, method and path no entry allows, or why the path has no one meaning.
    pub fn http_request(
        &self,
        method: &str,
        origin: &Origin,
        path: &str,
    ) -> Result<HttpAllowed, Refused> {
        http::request(&self.http, Holder::Pairing, method, origin, path)
    }

    /// Whether a role by itself, with no component in between, lets one HTTP request be made;
    /// `path` may carry a query, which is not looked at.
    ///
    /// # Errors
    /// As [`Self::http_request`].
    pub fn http_granted(
        &self,
        method: &str,
        origin: &Origin,
        path: &str,
    ) -> Result<HttpAllowed, Refused> {
        http::request(&self.http, Holder::Role, method, origin, path)
    }
}

impl Serialize for Capabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

/// What of `needs` is not inside `grants`: one problem for each missing part, with its pointer
/// into `needs` and what to add to the role. Empty means that whatever a call allowed under
/// `needs` does, `grants` allows too. Serves manifest in role and role in wider role alike.
pub fn needs_within(needs: &Capabilities, grants: &Capabilities) -> Vec<Problem> {
    let mut problems = Problems::default();
    http::within(&needs.http, &grants.http, &mut problems);
    filesystem::within(&needs.filesystem, &grants.filesystem, &mut problems);
    config::within(&needs.config, &grants.config, &mut problems);
    limits::within(&needs.limits, &grants.limits, &mut problems);
    ambient::within(&needs.ambient, &grants.ambient, &mut problems);
    problems.into_vec()
}

/// What an attempt may touch: the needs that are inside the grants, the role's configuration
/// values and the smaller limits. Never more than either side; a need that is only partly
/// granted is left out whole.
pub fn effective(needs: &Capabilities, grants: &Capabilities) -> Capabilities {
    Capabilities {
        http: http::effective(&needs.http, &grants.http),
        filesystem: filesystem::effective(&needs.filesystem, &grants.filesystem),
        config: needs.config.valued_by(&grants.config),
        limits: needs.limits.smaller(&grants.limits),
        ambient: needs.ambient.both(&grants.ambient),
    }
}

#[cfg(test)]
mod tests;
