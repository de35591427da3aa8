//! State machines: their revisions, and what is registered under their names.
//!
//! Owns what a revision is and how it is stored. Publishing is in `publish`, versions, aliases,
//! tags and deletion in the files named so. What a definition means is `asl`'s.

mod aliases;
mod judgement;
mod pins;
mod proposal;
mod publish;
mod registration;
mod removal;
mod settings;
mod tags;
mod versions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use asl::{StateMachine, Timestamp};
use auth::names::{Digest, Name};
use auth::policy::{Permit, ReadStateMachine};
use ports::{Document, Key, Kind};
use semver::Version as ComponentVersion;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Engine, Error};
use pins::roles_of;

pub(crate) use pins::{function_key, function_name};
pub(crate) use versions::Selected;

pub use aliases::{Alias, AliasChange, AliasName, Route, Routing, RoutingProblem};
pub use proposal::{Definition, Draft, MachineChange, RoleReference, VersionRequest};
pub use publish::Published;
pub use registration::{Registration, Standing, Version};
pub use settings::{MachineType, Settings};
pub use tags::{TAGS_MAX, Tags};

/// One revision of a state machine; never changes once stored.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its name.
    pub name: Name,
    /// Its ARN.
    pub arn: String,
    /// 1 for the first revision.
    pub revision: u64,
    /// What the service calls the revision; the first one of a state machine has no such id.
    pub revision_id: Option<String>,
    /// The role of Tasks that name none.
    pub role: Option<Name>,
    /// That role as it was written, where it was written as an ARN.
    pub role_arn: Option<String>,
    /// The document as posted.
    pub definition: Value,
    /// The document's text, where it was posted as text.
    pub text: Option<String>,
    /// Its type, and what else belongs to a revision.
    pub settings: Settings,
    /// The document as understood.
    pub machine: Arc<StateMachine>,
    /// What each Task's `Resource` was pinned to.
    pub pins: BTreeMap<String, Pin>,
    /// Every role that a Task of it runs under.
    pub roles: BTreeSet<Name>,
    /// When it was published.
    pub published_at: Timestamp,
    variables: BTreeMap<String, Vec<String>>,
    published_by: Vec<String>,
}

/// The component version that a `Resource` means for this revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The component's name.
    pub name: Name,
    /// Its version.
    pub version: ComponentVersion,
    /// Its digest.
    pub digest: Digest,
}

/// Which revision of a state machine is meant; the current one where nothing is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// That of a published version.
    Version(u64),
    /// That of a version an alias routes to.
    Alias(AliasName),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    name: Name,
    arn: String,
    revision: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision_id: Option<String>,
    role: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    /// Null where the text is kept.
    definition: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default)]
    settings: Settings,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    variables: BTreeMap<String, Vec<String>>,
    pins: BTreeMap<String, Pin>,
    published_by: Vec<String>,
    published_at: i64,
}

impl Machine {
    pub(crate) fn from_document(document: &Document) -> Result<Self, Error> {
        let stored = Stored::deserialize(&document.body).map_err(Error::host)?;
        let definition = match &stored.text {
            Some(text) => serde_json::from_str(text).map_err(Error::host)?,
            None => stored.definition,
        };
        let parsed = StateMachine::parse(&definition).map_err(Error::Invalid)?;
        let roles = roles_of(&parsed.machine, stored.role.as_ref());
        Ok(Self {
            name: stored.name,
            arn: stored.arn,
            revision: stored.revision,
            revision_id: stored.revision_id,
            role: stored.role,
            role_arn: stored.role_arn,
            definition,
            text: stored.text,
            settings: stored.settings,
            variables: stored.variables,
            machine: Arc::new(parsed.machine),
            pins: stored.pins,
            roles,
            published_by: stored.published_by,
            published_at: Timestamp(stored.published_at),
        })
    }

    fn to_document(&self) -> Result<Document, Error> {
        let definition = match &self.text {
            Some(_) => Value::Null,
            None => self.definition.clone(),
        };
        let stored = Stored {
            name: self.name.clone(),
            arn: self.arn.clone(),
            revision: self.revision,
            revision_id: self.revision_id.clone(),
            role: self.role.clone(),
            role_arn: self.role_arn.clone(),
            definition,
            text: self.text.clone(),
            settings: self.settings.clone(),
            variables: self.variables.clone(),
            pins: self.pins.clone(),
            published_by: self.published_by.clone(),
            published_at: self.published_at.0,
        };
        let body = serde_json::to_value(&stored).map_err(Error::host)?;
        Ok(Document {
            key: self.key(),
            body,
        })
    }

    /// The key it is stored under.
    pub fn key(&self) -> Key {
        Key {
            kind: Kind::StateMachine,
            name: self.name.to_string(),
            revision: self.revision,
        }
    }

    /// The definition as JSON text: as posted, where it was posted so.
    pub fn definition_text(&self) -> String {
        match &self.text {
            Some(text) => text.clone(),
            None => self.definition.to_string(),
        }
    }

    /// Which variables each state of it refers to, as `{state: [variable]}`; states that refer
    /// to none are left out.
    pub fn variable_references(&self) -> Value {
        json!(self.variables)
    }

    /// `{name, stateMachineArn, revision, role, definition, components, …}`.
    pub fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "stateMachineArn": self.arn,
            "revision": self.revision,
            "role": self.role,
            "type": self.settings.kind,
            "definition": self.definition,
            "components": self.pins,
            "publishedBy": self.published_by.first(),
            "publishedAt": self.published_at.to_rfc3339(),
        })
    }
}

impl Engine {
    /// A state machine's current revision.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn state_machine(
        &self,
        permit: Permit<ReadStateMachine>,
        name: &Name,
    ) -> Result<Arc<Machine>, Error> {
        self.registered(permit, name).map(|(machine, _)| machine)
    }

    /// The role of Tasks that name none, as an ARN.
    pub fn role_arn(&self, machine: &Machine) -> Option<String> {
        let role = machine.role.as_ref()?;
        let written = machine.role_arn.clone();
        Some(written.unwrap_or_else(|| self.shared.role_arn(role)))
    }

    /// A state machine's current revision and what is registered under its name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn registered(
        &self,
        _permit: Permit<ReadStateMachine>,
        name: &Name,
    ) -> Result<(Arc<Machine>, Arc<Registration>), Error> {
        let authority = self.shared.authority();
        let found = authority.registered(name);
        found.ok_or_else(|| Error::NotFound(format!("state machine `{name}`")))
    }

    /// The revision that an execution runs, whatever became of its state machine since.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn revision(
        &self,
        _permit: Permit<ReadStateMachine>,
        key: &Key,
    ) -> Result<Arc<Machine>, Error> {
        let machine = self.shared.authority().machine_revision(key).cloned();
        machine.ok_or_else(|| Error::NotFound(format!("state machine `{}`", key.name)))
    }

    /// The current revision of every state machine, by name.
    pub fn state_machines(&self, permit: Permit<ReadStateMachine>) -> Vec<Arc<Machine>> {
        let all = self.registered_machines(permit, None, usize::MAX);
        all.into_iter().map(|(machine, _)| machine).collect()
    }

    /// State machines by name, after `after`, at most `limit`.
    pub fn registered_machines(
        &self,
        _permit: Permit<ReadStateMachine>,
        after: Option<&Name>,
        limit: usize,
    ) -> Vec<(Arc<Machine>, Arc<Registration>)> {
        let authority = self.shared.authority();
        let names = authority.machines.keys();
        let later = names.filter(|name| after.is_none_or(|after| *name > after));
        later
            .filter_map(|name| authority.registered(name))
            .take(limit)
            .collect()
    }
}
