//! State machine revisions: point 2 of the order of authority.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use asl::StateMachine;
use asl::definition::Parsed;
use auth::names::{Digest, Name};
use auth::policy::{Permit, PublishStateMachine, ReadStateMachine};
use auth::review::hands;
use document::{Problem, Problems};
use ports::{Commit, Document, Key, Kind};
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::admission::{ComponentReference, role_name};
use crate::authority::Authority;
use crate::components::commit_error;
use crate::error::Created;
use crate::{Engine, Error};

/// One revision of a state machine; never changes once stored.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its name.
    pub name: Name,
    /// Its ARN.
    pub arn: String,
    /// 1 for the first revision.
    pub revision: u64,
    /// The role of Tasks that name none.
    pub role: Option<Name>,
    /// The document as posted.
    pub definition: Value,
    /// The document as understood.
    pub machine: Arc<StateMachine>,
    /// What each Task's `Resource` was pinned to.
    pub pins: BTreeMap<String, Pin>,
    /// Every role that a Task of it runs under.
    pub roles: BTreeSet<Name>,
    published_by: Vec<String>,
    published_at: i64,
}

/// The component version that a `Resource` means for this revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The component's name.
    pub name: Name,
    /// Its version.
    pub version: Version,
    /// Its digest.
    pub digest: Digest,
}

/// What publishing answers.
#[derive(Clone, Debug)]
pub struct Published {
    /// The revision.
    pub machine: Arc<Machine>,
    /// What an author should look at, though it is allowed.
    pub warnings: Vec<Problem>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    name: Name,
    arn: String,
    revision: u64,
    role: Option<Name>,
    definition: Value,
    pins: BTreeMap<String, Pin>,
    published_by: Vec<String>,
    published_at: i64,
}

impl Machine {
    pub(crate) fn from_document(document: &Document) -> Result<Self, Error> {
        let stored = Stored::deserialize(&document.body).map_err(Error::host)?;
        let parsed = StateMachine::parse(&stored.definition).map_err(Error::Invalid)?;
        let roles = roles_of(&parsed.machine, stored.role.as_ref());
        Ok(Self {
            name: stored.name,
            arn: stored.arn,
            revision: stored.revision,
            role: stored.role,
            definition: stored.definition,
            machine: Arc::new(parsed.machine),
            pins: stored.pins,
            roles,
            published_by: stored.published_by,
            published_at: stored.published_at,
        })
    }

    fn to_document(&self) -> Result<Document, Error> {
        let stored = Stored {
            name: self.name.clone(),
            arn: self.arn.clone(),
            revision: self.revision,
            role: self.role.clone(),
            definition: self.definition.clone(),
            pins: self.pins.clone(),
            published_by: self.published_by.clone(),
            published_at: self.published_at,
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

    /// `{name, stateMachineArn, revision, role, definition, components, …}`.
    pub fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "stateMachineArn": self.arn,
            "revision": self.revision,
            "role": self.role,
            "definition": self.definition,
            "components": self.pins,
            "publishedBy": self.published_by.first(),
            "publishedAt": asl::Timestamp(self.published_at).to_rfc3339(),
        })
    }
}

impl Published {
    /// `{stateMachineArn, revision, warnings}`.
    pub fn to_json(&self) -> Value {
        let warnings: Vec<_> = self.warnings.iter().map(Problem::to_json).collect();
        json!({
            "stateMachineArn": self.machine.arn,
            "revision": self.machine.revision,
            "warnings": warnings,
        })
    }
}

impl Engine {
    /// Stores a revision of a state machine once every Task's component, role and review are in order.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every problem of the definition, [`Error::Refused`] with every
    /// missing component, grant and review.
    pub async fn publish(
        &self,
        permit: Permit<PublishStateMachine>,
        name: Name,
        definition: &Value,
        role: Option<Name>,
    ) -> Result<Created<Published>, Error> {
        let (bytes, limit) = (
            definition.to_string().len(),
            self.shared.config.definition_bytes_max,
        );
        if bytes > limit {
            return Err(Error::TooLarge(format!(
                "the definition has {bytes} bytes, at most {limit} are allowed"
            )));
        }
        let parsed = StateMachine::parse(definition).map_err(Error::Invalid)?;
        let (engine, definition) = (self.clone(), definition.clone());
        self.to_its_end(async move {
            engine
                .store_machine(permit, name, definition, role, parsed)
                .await
        })
        .await
    }

    async fn store_machine(
        &self,
        permit: Permit<PublishStateMachine>,
        name: Name,
        definition: Value,
        role: Option<Name>,
        parsed: Parsed,
    ) -> Result<Created<Published>, Error> {
        let (machine, warnings) = (Arc::new(parsed.machine), parsed.warnings);
        let _lane = self.shared.change().await;
        let authority = self.shared.authority();
        let pins = match pins(&authority, &machine, role.as_ref()) {
            Ok(pins) => pins,
            Err(problems) => {
                self.record_refused(&permit, &problems).await?;
                return Err(Error::Refused(problems));
            }
        };
        let current = authority.machine(&name);
        let is_same = |known: &Machine| {
            known.definition == definition && known.role == role && known.pins == pins
        };
        if let Some(machine) = current.filter(|known| is_same(known)) {
            return Ok(Created::Same(Published {
                machine: Arc::clone(machine),
                warnings,
            }));
        }
        let machine = Arc::new(Machine {
            arn: self.shared.state_machine_arn(&name),
            revision: current.map_or(1, |current| current.revision + 1),
            roles: roles_of(&machine, role.as_ref()),
            name,
            role,
            definition,
            machine,
            pins,
            published_by: hands(permit.caller()),
            published_at: self.shared.ports.clock.now().0,
        });
        let outcome = json!({"revision": machine.revision, "components": machine.pins});
        let commit = Commit {
            decided_under: Some(authority.version),
            documents: vec![machine.to_document()?],
            audit: vec![self.allowed(&permit, outcome)],
            ..Commit::default()
        };
        self.shared.commit(commit).await.map_err(commit_error)?;
        let mut authority = authority.as_ref().clone();
        authority.add_machine(Arc::clone(&machine));
        self.shared.put_in_force(authority);
        self.prepare(&machine);
        Ok(Created::New(Published { machine, warnings }))
    }

    /// Has the components of a published machine compiled, so that no first attempt waits for it.
    fn prepare(&self, machine: &Arc<Machine>) {
        let (runner, machine) = (Arc::clone(&self.shared.ports.runner), Arc::clone(machine));
        self.shared.tasks.spawn(async move {
            for pin in machine.pins.values() {
                if let Err(error) = runner.prepare(&pin.digest).await {
                    tracing::warn!(component = %pin.name, %error, "not compiled ahead of its first attempt");
                }
            }
        });
    }

    /// A state machine's current revision.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn state_machine(
        &self,
        _permit: Permit<ReadStateMachine>,
        name: &Name,
    ) -> Result<Arc<Machine>, Error> {
        let machine = self.shared.authority().machine(name).cloned();
        machine.ok_or_else(|| Error::NotFound(format!("state machine `{name}`")))
    }

    /// The current revision of every state machine, by name.
    pub fn state_machines(&self, _permit: Permit<ReadStateMachine>) -> Vec<Arc<Machine>> {
        let authority = self.shared.authority();
        authority
            .machines
            .values()
            .filter_map(|revisions| revisions.last().cloned())
            .collect()
    }
}

/// Pins every Task's component, or lists everything that stands in the way.
fn pins(
    authority: &Authority,
    machine: &StateMachine,
    default_role: Option<&Name>,
) -> Result<BTreeMap<String, Pin>, Vec<Problem>> {
    let mut pins = BTreeMap::new();
    let mut problems = Problems::default();
    if let Some(role) = default_role.filter(|role| authority.role(role).is_none()) {
        problems.push(
            "",
            format!("the default role `{role}` does not exist, put it first"),
        );
    }
    for (state, task) in machine.tasks() {
        let pointer = &state.pointer;
        let resource = format!("{pointer}/Resource");
        let component = match ComponentReference::parse(&task.resource) {
            Ok(reference) => reference.find(authority),
            Err(message) => Err(message),
        };
        let component = component
            .map_err(|message| problems.push(resource.as_str(), message))
            .ok();
        let role = match task_role(task, default_role) {
            Ok(role) => Some(role),
            Err(message) => {
                problems.push(format!("{pointer}/Credentials/RoleArn"), message);
                None
            }
        };
        let Some(component) = component else { continue };
        if let Some(role) = role {
            problems.extend(authority.pairing(&component, &role).problems(&resource));
        }
        let pin = Pin {
            name: component.facts.name.clone(),
            version: component.version.clone(),
            digest: component.facts.digest.clone(),
        };
        pins.insert(task.resource.clone(), pin);
    }
    problems.or(Some(pins))
}

fn task_role(task: &asl::definition::Task, default_role: Option<&Name>) -> Result<Name, String> {
    match (&task.credentials, default_role) {
        (Some(credentials), _) => role_name(&credentials.role_arn),
        (None, Some(role)) => Ok(role.clone()),
        (None, None) => Err(
            "no role: name one here, or give the state machine a default with `?role=NAME`"
                .to_owned(),
        ),
    }
}

fn roles_of(machine: &StateMachine, default_role: Option<&Name>) -> BTreeSet<Name> {
    let roles = machine
        .tasks()
        .filter_map(|(_, task)| task_role(task, default_role).ok());
    roles.collect()
}
