//! What is to be published: as it is asked for, and as it becomes a revision.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::StateMachine;
use auth::names::Name;
use auth::policy::{Permit, PublishStateMachine};
use document::{Problem, parse_json};
use serde_json::Value;

use super::{Machine, Pin, Settings, Standing, Tags};
use crate::Error;
use crate::admission::role_name;

/// A definition, and its text where it was given as text.
#[derive(Clone, Debug)]
pub struct Definition {
    pub(super) value: Value,
    pub(super) text: Option<String>,
}

/// A role, and its ARN where it was named by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleReference {
    /// Its name.
    pub name: Name,
    /// Its ARN, as written.
    pub arn: Option<String>,
}

/// A state machine to be made.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What it does.
    pub definition: Definition,
    /// The role of Tasks that name none.
    pub role: Option<RoleReference>,
    /// Its type and configurations.
    pub settings: Settings,
}

/// What is to change of a state machine; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct MachineChange {
    /// What it does.
    pub definition: Option<Definition>,
    /// The role of Tasks that name none.
    pub role: Option<RoleReference>,
    /// `loggingConfiguration`.
    pub logging: Option<Value>,
    /// `tracingConfiguration`.
    pub tracing: Option<Value>,
    /// `encryptionConfiguration`.
    pub encryption: Option<Value>,
}

/// A version to be published.
#[derive(Clone, Debug, Default)]
pub struct VersionRequest {
    /// What to say of it.
    pub description: Option<String>,
    /// Only if this is the current revision.
    pub revision_id: Option<String>,
}

/// What is to become of a name.
pub(super) enum Wanted {
    /// A new state machine, or the very one that is there.
    New(Tags),
    /// A changed one.
    Changed(Box<MachineChange>),
    /// A new one or a changed one.
    Either,
}

/// A revision before it has a number.
pub(super) struct Proposal {
    pub(super) definition: Definition,
    pub(super) machine: Arc<StateMachine>,
    pub(super) warnings: Vec<Problem>,
    pub(super) variables: BTreeMap<String, Vec<String>>,
    pub(super) role: Option<RoleReference>,
    pub(super) settings: Settings,
}

/// A revision that may be stored.
pub(super) struct Revision {
    pub(super) permit: Permit<PublishStateMachine>,
    pub(super) name: Name,
    pub(super) proposal: Proposal,
    pub(super) pins: BTreeMap<String, Pin>,
    pub(super) tags: Tags,
    pub(super) version: Option<VersionRequest>,
}

impl Revision {
    pub(super) fn is_same(&self, machine: &Machine) -> bool {
        let Proposal {
            definition,
            role,
            settings,
            ..
        } = &self.proposal;
        let role = role.as_ref();
        machine.has_definition(definition)
            && machine.settings == *settings
            && machine.role.as_ref() == role.map(|role| &role.name)
            && machine.role_arn.as_ref() == role.and_then(|role| role.arn.as_ref())
            && machine.pins == self.pins
    }
}

impl Definition {
    /// Reads a definition's text.
    ///
    /// # Errors
    /// Why it is not JSON.
    pub fn parse(text: String) -> Result<Self, Problem> {
        let value = parse_json(text.as_bytes())?;
        Ok(Self {
            value,
            text: Some(text),
        })
    }
}

impl From<Value> for Definition {
    fn from(value: Value) -> Self {
        Self { value, text: None }
    }
}

impl RoleReference {
    /// Reads `arn:aws:iam::ACCOUNT:role/NAME`, with or without a path before the name.
    ///
    /// # Errors
    /// Why no role can have that name.
    pub fn parse(arn: &str) -> Result<Self, String> {
        Ok(Self {
            name: role_name(arn)?,
            arn: Some(arn.to_owned()),
        })
    }
}

impl Wanted {
    /// What is proposed, completed from what is there.
    pub(super) fn onto(
        &self,
        standing: &Standing,
        name: &Name,
        proposal: Option<Proposal>,
    ) -> Result<Proposal, Error> {
        let current = match (self, standing) {
            (_, Standing::Deleting) | (Self::Changed(_), Standing::Absent) => {
                return Err(standing.refusal(name));
            }
            (_, Standing::Absent) => None,
            (_, Standing::Active(machine, _)) => Some(machine),
        };
        let mut proposal = match (proposal, current) {
            (Some(proposal), _) => proposal,
            (None, Some(current)) => current.proposal(),
            (None, None) => return Err(standing.refusal(name)),
        };
        match (self, current) {
            (Self::Changed(change), Some(current)) => {
                proposal.role = change.role.clone().or_else(|| current.role_reference());
                proposal.settings = change.onto(&current.settings);
            }
            (Self::Either, Some(current)) => proposal.settings = current.settings.clone(),
            (Self::New(..) | Self::Changed(_), _) | (Self::Either, None) => {}
        }
        Ok(proposal)
    }

    pub(super) fn into_tags(self) -> Tags {
        match self {
            Self::New(tags) => tags,
            Self::Changed(_) | Self::Either => Tags::default(),
        }
    }
}

impl MachineChange {
    fn onto(&self, settings: &Settings) -> Settings {
        let either = |new: &Option<Value>, old: &Value| new.as_ref().unwrap_or(old).clone();
        Settings {
            kind: settings.kind,
            logging: either(&self.logging, &settings.logging),
            tracing: either(&self.tracing, &settings.tracing),
            encryption: either(&self.encryption, &settings.encryption),
        }
    }
}

impl Machine {
    /// Whether it was published with this very text, or with this document where no text was given.
    pub(super) fn has_definition(&self, definition: &Definition) -> bool {
        match (&self.text, &definition.text) {
            (Some(known), Some(text)) => known == text,
            (None, _) | (_, None) => self.definition == definition.value,
        }
    }

    fn role_reference(&self) -> Option<RoleReference> {
        Some(RoleReference {
            name: self.role.clone()?,
            arn: self.role_arn.clone(),
        })
    }

    fn proposal(&self) -> Proposal {
        Proposal {
            definition: Definition {
                value: self.definition.clone(),
                text: self.text.clone(),
            },
            machine: Arc::clone(&self.machine),
            warnings: Vec::new(),
            variables: self.variables.clone(),
            role: self.role_reference(),
            settings: self.settings.clone(),
        }
    }
}
