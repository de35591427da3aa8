//! The authority in force: policies, roles, reviews and components, as of one version.
//!
//! Owns the in-memory snapshot that every decision is made under, and the one lane through
//! which it changes. It does not know what a request or an execution is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth::authority::{AuthorityVersion, Pairing};
use auth::names::{Digest, Name, ServiceName};
use auth::policy::{Denied, PassRole, Permit, Policies, Resource, StartExecution};
use auth::principal::Caller;
use auth::review::Review;
use ports::{Catalogue, Document, Key, Kind};
use semver::Version;

use crate::reviews::review_of;
use crate::{Activity, Component, Error, Machine, Registration, RoleRevision, Standing};

/// Permits kept at once; beyond that they are asked for anew.
const PERMITS_MAX: usize = 10_000;
/// Documents read per call while a snapshot is built.
const PAGE: usize = 256;

/// What decisions are made under. Replaced as a whole, never changed in place.
#[derive(Clone)]
pub(crate) struct Authority {
    pub(crate) version: AuthorityVersion,
    pub(crate) policies: Arc<Policies>,
    pub(crate) components: BTreeMap<Name, BTreeMap<Version, Arc<Component>>>,
    pub(crate) roles: BTreeMap<Name, Vec<Arc<RoleRevision>>>,
    pub(crate) reviews: Vec<Review>,
    pub(crate) machines: BTreeMap<Name, Vec<Arc<Machine>>>,
    pub(crate) registrations: BTreeMap<Name, Arc<Registration>>,
    pub(crate) activities: BTreeMap<ServiceName, Arc<Activity>>,
    judged: Arc<Mutex<Judged>>,
}

/// Judgements that hold for as long as the version does.
#[derive(Default)]
struct Judged {
    pairings: BTreeMap<(Name, Version, Name), Arc<Pairing>>,
    permits: BTreeMap<(Digest, Name, Name), Arc<Permits>>,
}

/// That a caller may start a state machine and pass a role.
pub(crate) struct Permits {
    pub(crate) start: Permit<StartExecution>,
    pub(crate) pass_role: Permit<PassRole>,
}

impl Authority {
    pub(crate) async fn load(
        catalogue: &dyn Catalogue,
        policies: Arc<Policies>,
        version: AuthorityVersion,
    ) -> Result<Self, Error> {
        let mut authority = Self {
            version,
            policies,
            components: BTreeMap::new(),
            roles: BTreeMap::new(),
            reviews: Vec::new(),
            machines: BTreeMap::new(),
            registrations: BTreeMap::new(),
            activities: BTreeMap::new(),
            judged: Arc::default(),
        };
        for document in all(catalogue, Kind::Component).await? {
            authority.add_component(Arc::new(Component::from_document(&document)?));
        }
        for document in all(catalogue, Kind::Role).await? {
            authority.add_role(Arc::new(RoleRevision::from_document(&document)?));
        }
        for document in all(catalogue, Kind::Review).await? {
            authority.reviews.push(review_of(&document)?);
        }
        for document in all(catalogue, Kind::StateMachine).await? {
            authority.add_machine(Arc::new(Machine::from_document(&document)?));
        }
        for document in all(catalogue, Kind::Registration).await? {
            authority.add_registration(Arc::new(Registration::from_document(&document)?));
        }
        for document in all(catalogue, Kind::Activity).await? {
            authority.add_activity(Arc::new(Activity::from_document(&document)?));
        }
        Ok(authority)
    }

    /// The same authority under a later version, to be changed before it is put in force.
    pub(crate) fn moved(&self, version: AuthorityVersion) -> Self {
        Self {
            version,
            judged: Arc::default(),
            ..self.clone()
        }
    }

    /// The judgement on a component under a role's current revision.
    pub(crate) fn pairing(&self, component: &Component, role: &Name) -> Arc<Pairing> {
        let name = component.facts.name.clone();
        let key = (name, component.version.clone(), role.clone());
        if let Some(pairing) = self.judged().pairings.get(&key) {
            return Arc::clone(pairing);
        }
        let revisions = self.roles.get(role).map(Vec::as_slice).unwrap_or_default();
        let revisions: Vec<_> = revisions
            .iter()
            .map(|revision| revision.facts.clone())
            .collect();
        let facts = Arc::clone(&component.facts);
        let pairing = Arc::new(Pairing::judge(
            facts,
            role,
            &revisions,
            &self.reviews,
            self.version,
        ));
        self.judged().pairings.insert(key, Arc::clone(&pairing));
        pairing
    }

    /// Policy's answer for an execution's caller; `identity` is the digest of that caller.
    pub(crate) fn permits(
        &self,
        identity: &Digest,
        caller: &Caller,
        machine: &Name,
        role: &Name,
    ) -> Result<Arc<Permits>, Denied> {
        let key = (identity.clone(), machine.clone(), role.clone());
        if let Some(permits) = self.judged().permits.get(&key) {
            return Ok(Arc::clone(permits));
        }
        let start = self
            .policies
            .permits(caller, &Resource::state_machine(machine))?;
        let pass_role = self.policies.permits(caller, &Resource::role(role))?;
        let permits = Arc::new(Permits { start, pass_role });
        let mut judged = self.judged();
        if judged.permits.len() >= PERMITS_MAX {
            judged.permits.clear();
        }
        judged.permits.insert(key, Arc::clone(&permits));
        Ok(permits)
    }

    fn judged(&self) -> MutexGuard<'_, Judged> {
        self.judged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn component(&self, name: &Name, version: &Version) -> Option<&Arc<Component>> {
        self.components.get(name)?.get(version)
    }

    pub(crate) fn role(&self, name: &Name) -> Option<&Arc<RoleRevision>> {
        self.roles.get(name)?.last()
    }

    /// How the name of a state machine stands.
    pub(crate) fn standing(&self, name: &Name) -> Standing {
        let Some(current) = self.machines.get(name).and_then(|known| known.last()) else {
            return Standing::Absent;
        };
        let registration = match self.registrations.get(name) {
            Some(registration) => Arc::clone(registration),
            None => {
                let first = self.machines.get(name).and_then(|known| known.first());
                Arc::new(Registration::implied(first.unwrap_or(current)))
            }
        };
        match &registration.deletion {
            Some(deletion) if deletion.is_done => Standing::Absent,
            Some(_) => Standing::Deleting,
            None => Standing::Active(Arc::clone(current), registration),
        }
    }

    /// A state machine, also one that is being deleted.
    pub(crate) fn registered(&self, name: &Name) -> Option<(Arc<Machine>, Arc<Registration>)> {
        match self.standing(name) {
            Standing::Active(machine, registration) => Some((machine, registration)),
            Standing::Deleting => {
                let machine = self.machines.get(name)?.last()?;
                let registration = self.registrations.get(name)?;
                Some((Arc::clone(machine), Arc::clone(registration)))
            }
            Standing::Absent => None,
        }
    }

    pub(crate) fn machine_revision(&self, key: &Key) -> Option<&Arc<Machine>> {
        let revisions = self
            .machines
            .iter()
            .find(|(name, _)| name.as_str() == key.name)?
            .1;
        revisions
            .iter()
            .find(|machine| machine.revision == key.revision)
    }

    pub(crate) fn add_component(&mut self, component: Arc<Component>) {
        let versions = self
            .components
            .entry(component.facts.name.clone())
            .or_default();
        versions.insert(component.version.clone(), component);
    }

    pub(crate) fn add_role(&mut self, role: Arc<RoleRevision>) {
        self.roles
            .entry(role.facts.name().clone())
            .or_default()
            .push(role);
    }

    /// The last record of a name stands.
    pub(crate) fn add_registration(&mut self, registration: Arc<Registration>) {
        let name = registration.name().clone();
        self.registrations.insert(name, registration);
    }

    /// The last record of a name stands; a deleted activity is none.
    pub(crate) fn add_activity(&mut self, activity: Arc<Activity>) {
        self.activities.insert(activity.name.clone(), activity);
    }

    pub(crate) fn add_machine(&mut self, machine: Arc<Machine>) {
        self.machines
            .entry(machine.name.clone())
            .or_default()
            .push(machine);
    }
}

async fn all(catalogue: &dyn Catalogue, kind: Kind) -> Result<Vec<Document>, Error> {
    let mut documents: Vec<Document> = Vec::new();
    loop {
        let after = documents.last().map(|document| document.key.clone());
        let page = catalogue.documents(kind, after, PAGE).await?;
        let is_last = page.len() < PAGE;
        documents.extend(page);
        if is_last {
            return Ok(documents);
        }
    }
}
