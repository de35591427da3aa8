//! Publishing revisions: point 2 of the order of authority.

use std::sync::Arc;

use asl::Timestamp;
use auth::names::Name;
use auth::policy::{Permit, PublishStateMachine};
use auth::review::hands;
use document::Problem;
use ports::{Commit, Document};
use serde_json::{Value, json};

use super::pins::{pins, roles_of};
use super::proposal::{Proposal, Revision, Wanted};
use super::{
    Draft, Machine, MachineChange, Registration, RoleReference, Settings, Standing, Tags, Version,
    VersionRequest,
};
use crate::authority::Authority;
use crate::components::commit_error;
use crate::error::Created;
use crate::executions::unique_id;
use crate::{Engine, Error};

/// What publishing answers.
#[derive(Clone, Debug)]
pub struct Published {
    /// The revision.
    pub machine: Arc<Machine>,
    /// What is registered beside it.
    pub registration: Arc<Registration>,
    /// The version that was asked for.
    pub version: Option<Version>,
    /// When this was done.
    pub updated_at: Timestamp,
    /// What an author should look at, though it is allowed.
    pub warnings: Vec<Problem>,
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
    /// Stores a revision of a state machine once every Task's component, role and review are in
    /// order; the state machine is made if it is not there.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every problem of the definition, [`Error::Refused`] with every
    /// missing component, grant and review, [`Error::Deleting`].
    pub async fn publish(
        &self,
        permit: Permit<PublishStateMachine>,
        name: Name,
        definition: &Value,
        role: Option<Name>,
    ) -> Result<Created<Published>, Error> {
        let proposal = self.proposal(Draft {
            definition: definition.clone().into(),
            role: role.map(|name| RoleReference { name, arn: None }),
            settings: Settings::default(),
        });
        let proposal = proposal.await?;
        self.store_revision(permit, name, Wanted::Either, Some(proposal), None)
            .await
    }

    /// Makes a state machine. The same again is no second one: definition, settings and version
    /// are compared, role and tags are not.
    ///
    /// # Errors
    /// As [`Self::publish`] says, and [`Error::Conflict`] if another one has the name.
    pub async fn create_machine(
        &self,
        permit: Permit<PublishStateMachine>,
        name: Name,
        draft: Draft,
        tags: Tags,
        version: Option<VersionRequest>,
    ) -> Result<Created<Published>, Error> {
        let wanted = Wanted::New(tags);
        let proposal = self.proposal(draft).await?;
        self.store_revision(permit, name, wanted, Some(proposal), version)
            .await
    }

    /// Changes a state machine, and publishes a version of what comes of it if one is asked for.
    ///
    /// # Errors
    /// As [`Self::publish`] says, and [`Error::NotFound`].
    pub async fn update_machine(
        &self,
        permit: Permit<PublishStateMachine>,
        name: Name,
        change: MachineChange,
        version: Option<VersionRequest>,
    ) -> Result<Published, Error> {
        let draft = change.definition.clone().map(|definition| Draft {
            definition,
            role: None,
            settings: Settings::default(),
        });
        let proposal = match draft {
            Some(draft) => Some(self.proposal(draft).await?),
            None => None,
        };
        self.store_revision(
            permit,
            name,
            Wanted::Changed(Box::new(change)),
            proposal,
            version,
        )
        .await
        .map(Created::into_inner)
    }

    async fn proposal(&self, draft: Draft) -> Result<Proposal, Error> {
        let Draft {
            definition,
            role,
            settings,
        } = draft;
        let judgement = self.judgement(&definition, settings.kind).await?;
        Ok(Proposal {
            definition,
            machine: judgement.machine,
            warnings: judgement.warnings,
            variables: judgement.variables,
            role,
            settings,
        })
    }

    async fn store_revision(
        &self,
        permit: Permit<PublishStateMachine>,
        name: Name,
        wanted: Wanted,
        proposal: Option<Proposal>,
        version: Option<VersionRequest>,
    ) -> Result<Created<Published>, Error> {
        let engine = self.clone();
        self.to_its_end(async move {
            let _lane = engine.shared.change().await;
            let authority = engine.shared.authority();
            let standing = authority.standing(&name);
            let proposal = wanted.onto(&standing, &name, proposal)?;
            let problems = proposal.settings.kind.problems(&proposal.machine);
            if !problems.is_empty() {
                return Err(Error::Invalid(problems));
            }
            if let (Wanted::New(..), Standing::Active(machine, registration)) = (&wanted, &standing)
            {
                let known = (machine, registration);
                return engine.same_machine(known, proposal, version.as_ref());
            }
            let found = pins(
                &authority,
                &proposal.machine,
                proposal.role.as_ref().map(|role| &role.name),
                &engine.shared.config.mocks.states(name.as_str()),
            );
            let pins = match found {
                Ok(pins) => pins,
                Err(problems) => {
                    engine.record_refused(&permit, &problems).await?;
                    return Err(Error::Refused(problems));
                }
            };
            let revision = Revision {
                permit,
                name,
                proposal,
                pins,
                tags: wanted.into_tags(),
                version,
            };
            engine.commit_revision(&authority, standing, revision).await
        })
        .await
    }

    /// Answers a state machine that is there, if it is the very one that was asked for.
    fn same_machine(
        &self,
        (machine, registration): (&Arc<Machine>, &Arc<Registration>),
        proposal: Proposal,
        version: Option<&VersionRequest>,
    ) -> Result<Created<Published>, Error> {
        let known = registration.version_of(machine.revision);
        let has_version = version
            .is_none_or(|asked| known.is_some_and(|known| known.description == asked.description));
        let is_same = machine.has_definition(&proposal.definition)
            && machine.settings == proposal.settings
            && has_version;
        if !is_same {
            return Err(Error::Conflict(format!(
                "another state machine has the name `{}`",
                machine.name
            )));
        }
        Ok(Created::Same(Published {
            machine: Arc::clone(machine),
            registration: Arc::clone(registration),
            version: version.and(known).cloned(),
            updated_at: machine.published_at,
            warnings: proposal.warnings,
        }))
    }

    async fn commit_revision(
        &self,
        authority: &Authority,
        standing: Standing,
        revision: Revision,
    ) -> Result<Created<Published>, Error> {
        let now = self.shared.ports.clock.now();
        let current = match &standing {
            Standing::Active(machine, _) => Some(machine),
            Standing::Absent | Standing::Deleting => None,
        };
        let same = current.filter(|machine| revision.is_same(machine)).cloned();
        let machine = match &same {
            Some(machine) => Arc::clone(machine),
            None => Arc::new(self.next_revision(authority, current, &revision, now)),
        };
        let mut registration = match &standing {
            Standing::Active(_, registration) => registration.as_ref().clone(),
            Standing::Absent | Standing::Deleting => {
                let last = authority.registrations.get(&revision.name);
                let tags = revision.tags.clone();
                Registration::of_first(&machine, last.map(AsRef::as_ref), tags)
            }
        };
        let mut is_changed = current.is_none();
        let asked = revision.version.as_ref();
        let version = asked.map(|asked| registration.publish(machine.revision, asked, now));
        let (version, is_new_version) = version.transpose()?.unzip();
        if is_new_version == Some(true) && !is_changed {
            registration = registration.next();
            is_changed = true;
        }
        let published = Published {
            machine: Arc::clone(&machine),
            registration: Arc::new(registration),
            version,
            updated_at: now,
            warnings: revision.proposal.warnings,
        };
        let mut documents: Vec<Document> = Vec::new();
        if same.is_none() {
            documents.push(machine.to_document()?);
        }
        if is_changed {
            documents.push(published.registration.to_document()?);
        }
        if documents.is_empty() {
            return Ok(Created::Same(published));
        }
        let number = published.version.as_ref().map(|version| version.number);
        let mut outcome = json!({"revision": machine.revision, "components": machine.pins});
        if let (Some(number), Some(outcome)) = (number, outcome.as_object_mut()) {
            outcome.insert("version".to_owned(), json!(number));
        }
        let commit = Commit {
            decided_under: Some(authority.version),
            documents,
            audit: vec![self.allowed(&revision.permit, outcome)],
            ..Commit::default()
        };
        self.shared.commit(commit).await.map_err(commit_error)?;
        let mut authority = authority.clone();
        if same.is_none() {
            authority.add_machine(Arc::clone(&machine));
        }
        if is_changed {
            authority.add_registration(Arc::clone(&published.registration));
        }
        self.shared.put_in_force(authority);
        if same.is_some() {
            return Ok(Created::Same(published));
        }
        self.prepare(&machine);
        Ok(Created::New(published))
    }

    fn next_revision(
        &self,
        authority: &Authority,
        current: Option<&Arc<Machine>>,
        revision: &Revision,
        now: Timestamp,
    ) -> Machine {
        let Revision { name, proposal, .. } = revision;
        let clock = &self.shared.ports.clock;
        let revisions = authority.machines.get(name);
        let last = revisions.and_then(|revisions| revisions.last());
        let role = proposal.role.as_ref();
        let role_name = role.map(|role| role.name.clone());
        Machine {
            arn: self.shared.state_machine_arn(name),
            revision: last.map_or(1, |last| last.revision + 1),
            revision_id: current.map(|_| unique_id(now, clock.seed(), clock.seed()).to_string()),
            roles: roles_of(&proposal.machine, role_name.as_ref()),
            name: name.clone(),
            role: role_name,
            role_arn: role.and_then(|role| role.arn.clone()),
            definition: proposal.definition.value.clone(),
            text: proposal.definition.text.clone(),
            settings: proposal.settings.clone(),
            machine: Arc::clone(&proposal.machine),
            variables: proposal.variables.clone(),
            pins: revision.pins.clone(),
            published_by: hands(revision.permit.caller()),
            published_at: now,
        }
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
}
