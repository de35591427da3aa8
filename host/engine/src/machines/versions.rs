//! Versions: revisions with numbers that stay.

use std::sync::Arc;

use asl::Timestamp;
use auth::names::Name;
use auth::policy::{DeleteStateMachine, Permit, PublishStateMachine};
use serde_json::json;

use super::{Machine, Qualifier, Registration, Version, VersionRequest};
use crate::{Engine, Error};

/// Versions of one state machine; the service's limit.
const VERSIONS_MAX: usize = 1000;
/// What the service calls the revision of a state machine that was never changed.
const FIRST_REVISION_ID: &str = "INITIAL";

/// What a start or a reading means by a qualifier.
pub(crate) struct Selected {
    pub(crate) machine: Arc<Machine>,
    /// The version, where one was named or routed to.
    pub(crate) version: Option<u64>,
}

impl Registration {
    /// The newest version of a revision.
    pub fn version_of(&self, revision: u64) -> Option<&Version> {
        let mut versions = self.versions();
        versions.find(|version| version.revision == revision)
    }

    /// The version of a revision, and whether it is new.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for one version too many.
    pub(super) fn publish(
        &mut self,
        revision: u64,
        request: &VersionRequest,
        now: Timestamp,
    ) -> Result<(Version, bool), Error> {
        if let Some(known) = self.version_of(revision) {
            return Ok((known.clone(), false));
        }
        if self.versions.len() >= VERSIONS_MAX {
            return Err(Error::TooLarge(format!(
                "state machine `{}` has {VERSIONS_MAX} versions, delete one first",
                self.name()
            )));
        }
        self.versions_published += 1;
        let version = Version {
            number: self.versions_published,
            revision,
            description: request.description.clone(),
            created_at: now,
        };
        self.versions.insert(version.number, version.clone());
        Ok((version, true))
    }

    /// Names of the aliases that route to a version.
    fn aliases_of(&self, version: u64) -> Vec<String> {
        let aliases = self.aliases();
        let found = aliases.filter(|alias| alias.routing.versions().any(|known| known == version));
        found.map(|alias| alias.name.to_string()).collect()
    }
}

impl Engine {
    /// Publishes the current revision as a version; one that is published already is no new one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Deleting`], [`Error::StaleRevision`] if another revision
    /// was asked for, [`Error::TooLarge`] for one version too many.
    pub async fn publish_version(
        &self,
        permit: Permit<PublishStateMachine>,
        name: Name,
        request: VersionRequest,
    ) -> Result<Version, Error> {
        let engine = self.clone();
        self.to_its_end(async move {
            let _lane = engine.shared.change().await;
            let authority = engine.shared.authority();
            let (machine, registration) = authority.standing(&name).active(&name)?;
            let current = machine.revision_id.as_deref().unwrap_or(FIRST_REVISION_ID);
            if let Some(asked) = request
                .revision_id
                .as_ref()
                .filter(|asked| *asked != current)
            {
                return Err(Error::StaleRevision {
                    asked: asked.clone(),
                    current: current.to_owned(),
                });
            }
            let mut changed = registration.next();
            let now = engine.shared.ports.clock.now();
            let (version, is_new) = changed.publish(machine.revision, &request, now)?;
            if is_new {
                let outcome = json!({"revision": machine.revision, "version": version.number});
                let record = engine.allowed(&permit, outcome);
                engine.register(&authority, changed, record).await?;
            }
            Ok(version)
        })
        .await
    }

    /// Deletes a version; one that is not there is no error.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Deleting`] for the state machine, [`Error::InUse`] with
    /// the aliases that route to the version.
    pub async fn delete_version(
        &self,
        permit: Permit<DeleteStateMachine>,
        name: Name,
        number: u64,
    ) -> Result<(), Error> {
        let engine = self.clone();
        self.to_its_end(async move {
            let _lane = engine.shared.change().await;
            let authority = engine.shared.authority();
            let (_, registration) = authority.standing(&name).active(&name)?;
            let aliases = registration.aliases_of(number);
            if !aliases.is_empty() {
                return Err(Error::InUse(aliases));
            }
            let mut changed = registration.next();
            if changed.versions.remove(&number).is_none() {
                return Ok(());
            }
            let record = engine.allowed(&permit, json!({"version": number}));
            engine.register(&authority, changed, record).await
        })
        .await
    }

    /// The revision that a qualifier means; `chance` is a random number that decides between
    /// the routes of an alias.
    ///
    /// # Errors
    /// [`Error::NotFound`] for state machine, version or alias, [`Error::Deleting`].
    pub(crate) fn select(
        &self,
        name: &Name,
        qualifier: Option<&Qualifier>,
        chance: u64,
    ) -> Result<Selected, Error> {
        let authority = self.shared.authority();
        let (current, registration) = authority.standing(name).active(name)?;
        let missing = |what: String| Error::NotFound(format!("{what} of state machine `{name}`"));
        let number = match qualifier {
            None => {
                return Ok(Selected {
                    machine: current,
                    version: None,
                });
            }
            Some(Qualifier::Version(number)) => *number,
            Some(Qualifier::Alias(alias)) => {
                let found = registration.alias(alias);
                let found = found.ok_or_else(|| missing(format!("alias `{alias}`")))?;
                found.routing.pick(chance)
            }
        };
        let version = registration.version(number);
        let revision = version.and_then(|version| {
            let revisions = authority.machines.get(name)?;
            let mut revisions = revisions.iter();
            revisions.find(|machine| machine.revision == version.revision)
        });
        let machine = revision.ok_or_else(|| missing(format!("version {number}")))?;
        Ok(Selected {
            machine: Arc::clone(machine),
            version: Some(number),
        })
    }
}
