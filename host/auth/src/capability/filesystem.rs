//! Volumes: directories of the server, named in its configuration and mounted for the guest.

use std::collections::BTreeSet;

use document::{Fields, Node, Problems};
use serde_json::{Map, Value};

use super::{Shape, reading};
use crate::names::{Name, quoted};

/// Most bytes of a mount path.
const MOUNT_BYTES_MAX: usize = 256;

/// What may be done with a volume's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Look at them.
    Read,
    /// Look at, create, change and delete them.
    ReadWrite,
}

impl Access {
    /// The word in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::ReadWrite => "read-write",
        }
    }
}

/// One volume at one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Filesystem {
    volume: Name,
    mount: String,
    access: Access,
    reason: Option<String>,
}

impl Filesystem {
    /// The volume, as the server's configuration names it.
    pub fn volume(&self) -> &Name {
        &self.volume
    }

    /// Where the guest sees it: absolute, with no dot segments and no slash at the end.
    pub fn mount(&self) -> &str {
        &self.mount
    }

    /// What may be done with its files.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Why a component needs it; `None` in a role.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    fn parse(node: &Node<'_>, shape: Shape, problems: &mut Problems) -> Option<Self> {
        let mut fields = node.object(problems)?;
        let volume = fields
            .required("volume", problems)
            .and_then(|node| Name::read(&node, problems));
        let mount = fields.required("mount", problems).and_then(|node| {
            let mount = parse_mount(node.string(problems)?);
            mount
                .map_err(|message| node.problem(message, problems))
                .ok()
        });
        let access = fields.required("access", problems).and_then(|node| {
            let access = parse_access(node.string(problems)?);
            access
                .map_err(|message| node.problem(message, problems))
                .ok()
        });
        let reason = reading::reason(&mut fields, shape, problems);
        fields.finish(problems);
        Some(Self {
            volume: volume?,
            mount: mount?,
            access: access?,
            reason,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("volume".to_owned(), self.volume.as_str().into());
        members.insert("mount".to_owned(), self.mount.as_str().into());
        members.insert("access".to_owned(), self.access.as_str().into());
        if let Some(reason) = &self.reason {
            members.insert("reason".to_owned(), reason.as_str().into());
        }
        Value::Object(members)
    }
}

/// Reads `[[filesystem]]`.
pub(super) fn parse(
    fields: &mut Fields<'_>,
    shape: Shape,
    problems: &mut Problems,
) -> Vec<Filesystem> {
    let mut entries = Vec::new();
    let mut mounts = BTreeSet::new();
    for node in reading::entries(fields, "filesystem", problems) {
        let Some(entry) = Filesystem::parse(&node, shape, problems) else {
            continue;
        };
        if mounts.insert(entry.mount.clone()) {
            entries.push(entry);
        } else {
            let message = format!("something else is mounted at `{}` already", entry.mount);
            problems.push(format!("{}/mount", node.pointer), message);
        }
    }
    entries
}

/// Each need must be granted for the same volume at the same mount.
pub(super) fn within(needs: &[Filesystem], grants: &[Filesystem], problems: &mut Problems) {
    for (index, need) in needs.iter().enumerate() {
        let (volume, mount) = (&need.volume, &need.mount);
        let access = need.access.as_str();
        let mut of_volume = grants
            .iter()
            .filter(|grant| grant.volume == *volume)
            .peekable();
        let Some(first) = of_volume.peek() else {
            problems.push(
                format!("/filesystem/{index}/volume"),
                format!(
                    "the role does not grant volume `{volume}`, add a `filesystem` entry with volume `{volume}`, mount `{mount}` and access `{access}` to the role"
                ),
            );
            continue;
        };
        let elsewhere = &first.mount;
        match of_volume.clone().find(|grant| grant.mount == *mount) {
            None => problems.push(
                format!("/filesystem/{index}/mount"),
                format!(
                    "the role grants volume `{volume}` at `{elsewhere}`, not at `{mount}`: use that mount, or add a `filesystem` entry with mount `{mount}` to the role"
                ),
            ),
            Some(grant) if need.access > grant.access => problems.push(
                format!("/filesystem/{index}/access"),
                format!(
                    "the role grants `{}` on volume `{volume}` at `{mount}`, set its `access` to `{access}` in the role",
                    grant.access.as_str()
                ),
            ),
            Some(_) => {}
        }
    }
}

/// The needs that are granted.
pub(super) fn effective(needs: &[Filesystem], grants: &[Filesystem]) -> Vec<Filesystem> {
    let is_granted = |need: &&Filesystem| {
        let mut problems = Problems::default();
        within(std::slice::from_ref(*need), grants, &mut problems);
        problems.is_empty()
    };
    needs.iter().filter(is_granted).cloned().collect()
}

fn parse_access(text: &str) -> Result<Access, String> {
    match text {
        "read" => Ok(Access::Read),
        "read-write" => Ok(Access::ReadWrite),
        other => Err(format!(
            "{} is not an access, use `read` or `read-write`",
            quoted(other)
        )),
    }
}

fn parse_mount(text: &str) -> Result<String, String> {
    let is_segment = |segment: &str| {
        let is_plain =
            |character: char| !character.is_control() && !matches!(character, '\\' | ':');
        !matches!(segment, "" | "." | "..") && segment.chars().all(is_plain)
    };
    let is_path = text
        .strip_prefix('/')
        .is_some_and(|rest| rest.is_empty() || rest.split('/').all(is_segment));
    if is_path && text.len() <= MOUNT_BYTES_MAX {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{} is not a mount, write an absolute path of at most {MOUNT_BYTES_MAX} bytes such as `/invoices`, without `.`, `..`, `\\`, `:` or a slash at the end",
        quoted(text)
    ))
}
