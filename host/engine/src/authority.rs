//! The authority in force: policies, roles, reviews and components, as of one version.
//!
//! Owns the in-memory snapshot that every decision is made under, and the one lane through
//! which it changes. It does not know what a request or an execution is.

use std::collections::BTreeMap;
use std::sync::Arc;

use auth::authority::AuthorityVersion;
use auth::names::Name;
use auth::policy::Policies;
use ports::{Catalogue, Document, Key, Kind};
use semver::Version;

use crate::{Component, Error, Machine, RoleRevision, StoredReview};

/// Documents read per call while a snapshot is built.
const PAGE: usize = 256;

/// What decisions are made under. Replaced as a whole, never changed in place.
#[derive(Clone)]
pub(crate) struct Authority {
    pub(crate) version: AuthorityVersion,
    pub(crate) policies: Arc<Policies>,
    pub(crate) components: BTreeMap<Name, BTreeMap<Version, Arc<Component>>>,
    pub(crate) roles: BTreeMap<Name, Vec<Arc<RoleRevision>>>,
    pub(crate) reviews: Vec<Arc<StoredReview>>,
    pub(crate) machines: BTreeMap<Name, Vec<Arc<Machine>>>,
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
        };
        for document in all(catalogue, Kind::Component).await? {
            authority.add_component(Arc::new(Component::from_document(&document)?));
        }
        for document in all(catalogue, Kind::Role).await? {
            authority.add_role(Arc::new(RoleRevision::from_document(&document)?));
        }
        for document in all(catalogue, Kind::Review).await? {
            authority.add_review(Arc::new(StoredReview::from_document(&document)?));
        }
        for document in all(catalogue, Kind::StateMachine).await? {
            authority.add_machine(Arc::new(Machine::from_document(&document)?));
        }
        Ok(authority)
    }

    pub(crate) fn component(&self, name: &Name, version: &Version) -> Option<&Arc<Component>> {
        self.components.get(name)?.get(version)
    }

    pub(crate) fn role(&self, name: &Name) -> Option<&Arc<RoleRevision>> {
        self.roles.get(name)?.last()
    }

    pub(crate) fn machine(&self, name: &Name) -> Option<&Arc<Machine>> {
        self.machines.get(name)?.last()
    }

    pub(crate) fn machine_revision(&self, key: &Key) -> Option<&Arc<Machine>> {
        let revisions = self.machines.iter().find(|(name, _)| name.as_str() == key.name)?.1;
        revisions.iter().find(|machine| machine.revision == key.revision)
    }

    pub(crate) fn add_component(&mut self, component: Arc<Component>) {
        let versions = self.components.entry(component.name.clone()).or_default();
        versions.insert(component.version.clone(), component);
    }

    pub(crate) fn add_role(&mut self, role: Arc<RoleRevision>) {
        self.roles.entry(role.name.clone()).or_default().push(role);
    }

    pub(crate) fn add_review(&mut self, review: Arc<StoredReview>) {
        self.reviews.push(review);
        self.reviews.sort_by_key(|review| review.review.at_ms);
    }

    pub(crate) fn add_machine(&mut self, machine: Arc<Machine>) {
        self.machines.entry(machine.name.clone()).or_default().push(machine);
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
