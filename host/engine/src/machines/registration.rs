//! What is registered under a state machine's name beside its revisions.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::Timestamp;
use auth::names::Name;
use auth::principal::Caller;
use ports::{AuditRecord, Commit, Document, Key, Kind};
use serde::{Deserialize, Serialize};

use super::{Alias, AliasName, Machine, Tags};
use crate::authority::Authority;
use crate::components::commit_error;
use crate::{Engine, Error};

/// What is registered under a state machine's name: when it was made, its versions, aliases and
/// tags, and whether it is being deleted. Each change is a new record of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    name: Name,
    /// 1 for the first record.
    number: u64,
    /// The state machine's first revision; earlier ones are of deleted ones of the same name.
    pub(crate) first_revision: u64,
    pub(crate) created_at: i64,
    pub(crate) tags: Tags,
    pub(crate) versions: BTreeMap<u64, Version>,
    /// Numbers are not used again.
    pub(crate) versions_published: u64,
    pub(crate) aliases: BTreeMap<AliasName, Alias>,
    pub(crate) deletion: Option<Deletion>,
}

/// A published version: a revision with a number that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// 1 for the first version of the state machine.
    pub number: u64,
    /// The revision.
    pub revision: u64,
    /// What its publisher said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was published.
    pub created_at: Timestamp,
}

/// Who had a state machine deleted, and whether that is done.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deletion {
    pub(crate) caller: Caller,
    pub(crate) rules: Vec<String>,
    /// None of its executions runs any more.
    pub(crate) is_done: bool,
}

/// How a name stands.
pub enum Standing {
    /// Nothing is registered under it.
    Absent,
    /// What was is being deleted: executions are being stopped.
    Deleting,
    /// A state machine.
    Active(Arc<Machine>, Arc<Registration>),
}

impl Standing {
    /// The state machine.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Deleting`].
    pub(crate) fn active(self, name: &Name) -> Result<(Arc<Machine>, Arc<Registration>), Error> {
        match self {
            Self::Active(machine, registration) => Ok((machine, registration)),
            Self::Absent | Self::Deleting => Err(self.refusal(name)),
        }
    }

    /// Why nothing can be done to a state machine that is not there.
    pub(crate) fn refusal(&self, name: &Name) -> Error {
        match self {
            Self::Deleting => Error::Deleting(format!("state machine `{name}`")),
            Self::Absent | Self::Active(..) => Error::NotFound(format!("state machine `{name}`")),
        }
    }
}

impl Registration {
    /// The registration of a state machine whose first revision is about to be stored; `last`
    /// is that of a deleted one of the same name.
    pub(crate) fn of_first(machine: &Machine, last: Option<&Self>, tags: Tags) -> Self {
        Self {
            name: machine.name.clone(),
            number: last.map_or(1, |last| last.number + 1),
            first_revision: machine.revision,
            created_at: machine.published_at.0,
            tags,
            versions: BTreeMap::new(),
            versions_published: 0,
            aliases: BTreeMap::new(),
            deletion: None,
        }
    }

    /// The registration of a state machine stored before there were any.
    pub(crate) fn implied(first: &Machine) -> Self {
        Self {
            number: 0,
            ..Self::of_first(first, None, Tags::default())
        }
    }

    pub(crate) fn from_document(document: &Document) -> Result<Self, Error> {
        Self::deserialize(&document.body).map_err(Error::host)
    }

    pub(crate) fn to_document(&self) -> Result<Document, Error> {
        let key = Key {
            kind: Kind::Registration,
            name: self.name.to_string(),
            revision: self.number,
        };
        let body = serde_json::to_value(self).map_err(Error::host)?;
        Ok(Document { key, body })
    }

    /// The record that follows this one, to be changed.
    pub(crate) fn next(&self) -> Self {
        Self {
            number: self.number + 1,
            ..self.clone()
        }
    }

    /// The state machine's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// When the state machine was made.
    pub fn created_at(&self) -> Timestamp {
        Timestamp(self.created_at)
    }

    /// Whether the state machine is being deleted.
    pub fn is_deleting(&self) -> bool {
        self.deletion.is_some()
    }

    /// Its tags.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// A version by its number.
    pub fn version(&self, number: u64) -> Option<&Version> {
        self.versions.get(&number)
    }

    /// Every version, the newest first.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        self.versions.values().rev()
    }

    /// An alias by its name.
    pub fn alias(&self, name: &AliasName) -> Option<&Alias> {
        self.aliases.get(name)
    }

    /// Every alias, by name.
    pub fn aliases(&self) -> impl Iterator<Item = &Alias> {
        self.aliases.values()
    }
}

impl Engine {
    /// Stores a changed registration and puts it in force; the caller holds the lane of changes.
    pub(crate) async fn register(
        &self,
        authority: &Authority,
        changed: Registration,
        record: AuditRecord,
    ) -> Result<(), Error> {
        let commit = registering(authority, &changed, record)?;
        self.shared.commit(commit).await.map_err(commit_error)?;
        let mut authority = authority.clone();
        authority.add_registration(Arc::new(changed));
        self.shared.put_in_force(authority);
        Ok(())
    }

    /// The same for what no start that is on its way may pass by: each is decided again.
    pub(crate) async fn register_before_starts(
        &self,
        authority: &Authority,
        changed: Registration,
        record: AuditRecord,
    ) -> Result<(), Error> {
        let commit = Commit {
            moves_authority: true,
            ..registering(authority, &changed, record)?
        };
        let receipt = self.shared.commit(commit).await.map_err(commit_error)?;
        let mut authority = authority.moved(receipt.authority);
        authority.add_registration(Arc::new(changed));
        self.shared.put_in_force(authority);
        Ok(())
    }
}

fn registering(
    authority: &Authority,
    changed: &Registration,
    record: AuditRecord,
) -> Result<Commit, Error> {
    Ok(Commit {
        decided_under: Some(authority.version),
        documents: vec![changed.to_document()?],
        audit: vec![record],
        ..Commit::default()
    })
}
