//! Outgoing HTTP: which requests may be made.
//!
//! Owns origins, methods and paths of an entry, entries inside entries, and the decision on one
//! request. Addresses are decided on after name resolution, with [`super::is_private_address`].

use std::collections::BTreeSet;

use document::{Fields, Node, Problems};
use serde_json::{Map, Value};

use super::origin::{Origin, OriginPattern};
use super::path::{PathPattern, RequestPath};
use super::{Holder, Refused, Shape, reading};
use crate::names::quoted;

/// Most path patterns in one document: bounds the work of comparing two documents.
const PATHS_MAX: usize = 128;
/// Most bytes of a method.
const METHOD_BYTES_MAX: usize = 32;

/// Requests to some origins, with some methods, on some paths: every combination of the three.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Http {
    origins: Vec<OriginPattern>,
    methods: Vec<String>,
    paths: Vec<PathPattern>,
    private_addresses: bool,
    reason: Option<String>,
}

/// Proof that one request is inside what an attempt may touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAllowed {
    origin: Origin,
    rule: String,
    private_addresses: bool,
    holder: Holder,
}

impl HttpAllowed {
    /// Where the request may go.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The entry that allowed it: `http/0`.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Whether it may also connect to private addresses.
    pub fn private_addresses(&self) -> bool {
        self.private_addresses
    }

    /// Where the entry stands: `in the manifest and in the role`, or in the role alone.
    pub fn places(&self) -> &'static str {
        self.holder.places()
    }
}

impl Http {
    /// Where requests may go.
    pub fn origins(&self) -> &[OriginPattern] {
        &self.origins
    }

    /// With which methods.
    pub fn methods(&self) -> &[String] {
        &self.methods
    }

    /// On which paths.
    pub fn paths(&self) -> &[PathPattern] {
        &self.paths
    }

    /// Whether connections to private addresses are allowed.
    pub fn private_addresses(&self) -> bool {
        self.private_addresses
    }

    /// Why a component needs it; `None` in a role.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    pub(super) fn sort(&mut self) {
        self.origins.sort_unstable();
        self.methods.sort_unstable();
        self.paths.sort_unstable();
    }

    pub(super) fn to_json(&self) -> Value {
        let origins = self.origins.iter().map(ToString::to_string);
        let paths = self.paths.iter().map(ToString::to_string);
        let mut members = Map::new();
        members.insert("origins".to_owned(), origins.collect());
        members.insert("methods".to_owned(), self.methods.clone().into());
        members.insert("paths".to_owned(), paths.collect());
        if self.private_addresses {
            members.insert("private_addresses".to_owned(), true.into());
        }
        if let Some(reason) = &self.reason {
            members.insert("reason".to_owned(), reason.as_str().into());
        }
        Value::Object(members)
    }

    fn parse(node: &Node<'_>, shape: Shape, problems: &mut Problems) -> Option<Self> {
        let mut fields = node.object(problems)?;
        let origins = fields.required("origins", problems);
        let methods = fields.required("methods", problems);
        let paths = fields.required("paths", problems);
        let private_addresses = fields.optional("private_addresses");
        let entry = Self {
            origins: reading::list(origins, OriginPattern::parse, problems),
            methods: reading::list(methods, parse_method, problems),
            paths: reading::list(paths, PathPattern::parse, problems),
            private_addresses: private_addresses
                .and_then(|node| node.boolean(problems))
                .unwrap_or(false),
            reason: reading::reason(&mut fields, shape, problems),
        };
        if let Some(inject) = fields.optional("inject") {
            let message = match shape {
                Shape::Manifest => "only a role may inject, leave it out of the manifest",
                Shape::Role => "`inject` is not supported by this version yet",
            };
            inject.problem(message, problems);
        }
        fields.finish(problems);
        Some(entry)
    }

    /// Whether the entry has `method` on `path` at one of its origins.
    fn allows(&self, method: &str, origin: &Origin, path: &RequestPath) -> bool {
        self.has_origin(origin)
            && self.has_method(method)
            && self.paths.iter().any(|own| own.matches(path))
    }

    fn has_origin(&self, origin: &Origin) -> bool {
        self.origins.iter().any(|own| own.matches(origin))
    }

    fn has_method(&self, method: &str) -> bool {
        self.methods.iter().any(|own| own == method)
    }
}

/// Reads `[[http]]`.
pub(super) fn parse(fields: &mut Fields<'_>, shape: Shape, problems: &mut Problems) -> Vec<Http> {
    let nodes = reading::entries(fields, "http", problems);
    let entries: Vec<_> = nodes
        .iter()
        .filter_map(|node| Http::parse(node, shape, problems))
        .collect();
    let paths: usize = entries.iter().map(|entry| entry.paths.len()).sum();
    if paths > PATHS_MAX {
        let message =
            format!("{paths} paths in all, at most {PATHS_MAX} are allowed in one document");
        problems.push("/http", message);
    }
    entries
}

/// Each combination of a need's origin, method and path must be inside one granted entry.
pub(super) fn within(needs: &[Http], grants: &[Http], problems: &mut Problems) {
    for (index, need) in needs.iter().enumerate() {
        let mut missing = Missing {
            pointer: format!("/http/{index}"),
            reported: BTreeSet::new(),
            problems,
        };
        within_grants(need, grants, &mut missing);
    }
}

/// The needs that are granted.
pub(super) fn effective(needs: &[Http], grants: &[Http]) -> Vec<Http> {
    let is_granted = |need: &&Http| {
        let mut problems = Problems::default();
        within(std::slice::from_ref(*need), grants, &mut problems);
        problems.is_empty()
    };
    needs.iter().filter(is_granted).cloned().collect()
}

/// Decides on one request; of several entries that allow it, one with private addresses counts.
pub(super) fn request(
    entries: &[Http],
    holder: Holder,
    method: &str,
    origin: &Origin,
    path: &str,
) -> Result<HttpAllowed, Refused> {
    let places = holder.places();
    let refused = |rule, reason| Err(Refused { rule, reason });
    let requested = match RequestPath::parse(path) {
        Ok(requested) => requested,
        Err(why) => {
            return refused(
                "http.path-ambiguous",
                format!("the path could be read in more than one way: {why}"),
            );
        }
    };
    let allowing = entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.allows(method, origin, &requested));
    if let Some((index, entry)) = allowing.max_by_key(|(_, entry)| entry.private_addresses) {
        return Ok(HttpAllowed {
            origin: origin.clone(),
            rule: format!("http/{index}"),
            private_addresses: entry.private_addresses,
            holder,
        });
    }
    let (shown_method, shown_path) = (
        quoted(method),
        quoted(path.split('?').next().unwrap_or_default()),
    );
    let has_origin = |entry: &&Http| entry.has_origin(origin);
    if entries.is_empty() {
        let reason =
            format!("no HTTP is granted, add an `http` entry with origin `{origin}` {places}");
        return refused("http.not-granted", reason);
    }
    if !entries.iter().any(|entry| has_origin(&entry)) {
        let reason = format!(
            "origin `{origin}` is not granted, add it to `origins` of an `http` entry {places}"
        );
        return refused("http.origin", reason);
    }
    if !entries
        .iter()
        .filter(has_origin)
        .any(|entry| entry.has_method(method))
    {
        let reason = format!(
            "method {shown_method} is not granted for `{origin}`, add it to `methods` of that `http` entry {places}"
        );
        return refused("http.method", reason);
    }
    let reason = format!(
        "path {shown_path} is not granted for {shown_method} at `{origin}`, add it to `paths` of that `http` entry {places}"
    );
    refused("http.path", reason)
}

/// Where missing parts of one need are reported, each pointer once.
struct Missing<'a> {
    pointer: String,
    reported: BTreeSet<String>,
    problems: &'a mut Problems,
}

impl Missing<'_> {
    fn report(&mut self, part: &str, message: impl FnOnce() -> String) {
        let pointer = format!("{}/{part}", self.pointer);
        if self.reported.insert(pointer.clone()) {
            self.problems.push(pointer, message());
        }
    }
}

/// One bit for each granted entry: which of them cover an origin, a method, a path. An entry
/// covers a combination if it covers all three.
fn within_grants(need: &Http, grants: &[Http], missing: &mut Missing<'_>) {
    let by_method: Vec<_> = need
        .methods
        .iter()
        .map(|method| covering(grants, |grant| grant.has_method(method)))
        .collect();
    let by_path: Vec<_> = need
        .paths
        .iter()
        .map(|path| {
            covering(grants, |grant| {
                grant.paths.iter().any(|own| own.contains(path))
            })
        })
        .collect();
    let with_private = covering(grants, |grant| {
        grant.private_addresses || !need.private_addresses
    });
    for (origin_index, origin) in need.origins.iter().enumerate() {
        let with_origin = covering(grants, |grant| {
            grant.origins.iter().any(|own| own.contains(origin))
        });
        if with_origin == 0 {
            missing.report(&format!("origins/{origin_index}"), || {
                format!("the role does not grant origin `{origin}`, add it to `origins` of an `http` entry of the role")
            });
            continue;
        }
        for (method_index, (method, with_method)) in need.methods.iter().zip(&by_method).enumerate()
        {
            if with_origin & with_method == 0 {
                missing.report(&format!("methods/{method_index}"), || {
                    format!("the role does not grant method `{method}` for `{origin}`, add it to `methods` of that `http` entry of the role")
                });
                continue;
            }
            for (path_index, (path, with_path)) in need.paths.iter().zip(&by_path).enumerate() {
                let covering = with_origin & with_method & with_path;
                if covering == 0 {
                    missing.report(&format!("paths/{path_index}"), || {
                        format!("the role does not grant path `{path}` for `{method}` at `{origin}`, add it to `paths` of that `http` entry of the role")
                    });
                } else if covering & with_private == 0 {
                    missing.report("private_addresses", || {
                        format!("the role does not grant private addresses for `{method}` at `{origin}`, set `private_addresses = true` in that `http` entry of the role")
                    });
                }
            }
        }
    }
}

/// One bit for each entry that `is_covering`.
fn covering(grants: &[Http], is_covering: impl Fn(&Http) -> bool) -> u64 {
    // INVARIANT: a document has at most `ENTRIES_MAX` entries, which is less than 64.
    let bits = grants.iter().take(reading::ENTRIES_MAX).enumerate();
    bits.filter(|(_, grant)| is_covering(grant))
        .fold(0, |set, (index, _)| set | 1 << index)
}

fn parse_method(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    let is_method = (1..=METHOD_BYTES_MAX).contains(&text.len())
        && text.bytes().all(is_plain)
        && text.starts_with(|first: char| first.is_ascii_uppercase());
    match text {
        "CONNECT" => {
            Err("`CONNECT` opens a tunnel that no path describes, it cannot be granted".to_owned())
        }
        _ if is_method => Ok(text.to_owned()),
        _ => Err(format!(
            "{} is not a method, write each in upper case such as `POST`",
            quoted(text)
        )),
    }
}
