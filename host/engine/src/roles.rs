//! Role revisions: what operators grant.

use std::sync::Arc;

use asl::Timestamp;
use auth::names::Name;
use auth::policy::{Permit, ReadRole, WriteRole};
use auth::review::hands;
use auth::role::Role;
use document::Problem;
use ports::{Commit, Document, Key, Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::components::commit_error;
use crate::error::Created;
use crate::{Engine, Error};

/// One revision of a role; never changes once stored.
#[derive(Clone, Debug)]
pub struct RoleRevision {
    /// What authority is decided on.
    pub facts: auth::role::RoleRevision,
    written_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    name: Name,
    revision: u64,
    grants: Value,
    written_by: Vec<String>,
    written_at: i64,
}

impl RoleRevision {
    pub(crate) fn from_document(document: &Document) -> Result<Self, Error> {
        let stored = Stored::deserialize(&document.body).map_err(Error::host)?;
        let role = Role::parse(&stored.grants).map_err(Error::Invalid)?;
        let facts = auth::role::RoleRevision::new(
            stored.name,
            stored.revision,
            Arc::new(role),
            stored.written_by,
        );
        Ok(Self {
            facts,
            written_at: Timestamp(stored.written_at),
        })
    }

    fn to_document(&self) -> Result<Document, Error> {
        let facts = &self.facts;
        let stored = Stored {
            name: facts.name().clone(),
            revision: facts.revision(),
            grants: facts.role().to_json(),
            written_by: facts.written_by().to_vec(),
            written_at: self.written_at.0,
        };
        let key = Key {
            kind: Kind::Role,
            name: facts.name().to_string(),
            revision: facts.revision(),
        };
        let body = serde_json::to_value(&stored).map_err(Error::host)?;
        Ok(Document { key, body })
    }

    /// `{name, revision, digest, grants, …}`.
    pub fn to_json(&self) -> Value {
        let facts = &self.facts;
        json!({
            "name": facts.name(),
            "revision": facts.revision(),
            "digest": facts.digest(),
            "grants": facts.role().to_json(),
            "writtenBy": facts.written_by().first(),
            "writtenAt": self.written_at.to_rfc3339(),
        })
    }
}

impl Engine {
    /// Stores a revision of a role; the same grants as the current revision's are no new one.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every problem of the body.
    pub async fn put_role(
        &self,
        permit: Permit<WriteRole>,
        name: Name,
        body: &Value,
    ) -> Result<Created<Arc<RoleRevision>>, Error> {
        let role = Role::parse(body).map_err(Error::Invalid)?;
        if let Some(named) = role.name().filter(|named| **named != name) {
            let message = format!("the role is called `{named}` here and `{name}` in the address");
            return Err(Error::Invalid(vec![Problem::new("/name", message)]));
        }
        let engine = self.clone();
        self.to_its_end(async move { engine.store_role(permit, name, role).await })
            .await
    }

    async fn store_role(
        &self,
        permit: Permit<WriteRole>,
        name: Name,
        role: Role,
    ) -> Result<Created<Arc<RoleRevision>>, Error> {
        let _lane = self.shared.change().await;
        let authority = self.shared.authority();
        let current = authority.role(&name);
        let digest = role.digest();
        if let Some(current) = current.filter(|current| *current.facts.digest() == digest) {
            return Ok(Created::Same(Arc::clone(current)));
        }
        let number = current.map_or(1, |current| current.facts.revision() + 1);
        let written_by = hands(permit.caller());
        let facts = auth::role::RoleRevision::new(name, number, Arc::new(role), written_by);
        let revision = Arc::new(RoleRevision {
            facts,
            written_at: self.shared.ports.clock.now(),
        });
        let request = json!({"revision": number, "digest": digest});
        let commit = Commit {
            decided_under: Some(authority.version),
            moves_authority: true,
            documents: vec![revision.to_document()?],
            audit: vec![self.allowed(&permit, request)],
            ..Commit::default()
        };
        let receipt = self.shared.commit(commit).await.map_err(commit_error)?;
        let mut authority = authority.moved(receipt.authority);
        authority.add_role(Arc::clone(&revision));
        self.shared.put_in_force(authority);
        Ok(Created::New(revision))
    }

    /// A role's current revision.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn role(&self, _permit: Permit<ReadRole>, name: &Name) -> Result<Arc<RoleRevision>, Error> {
        let role = self.shared.authority().role(name).cloned();
        role.ok_or_else(|| Error::NotFound(format!("role `{name}`")))
    }

    /// Every revision of a role, oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn role_revisions(
        &self,
        _permit: Permit<ReadRole>,
        name: &Name,
    ) -> Result<Vec<Arc<RoleRevision>>, Error> {
        let revisions = self.shared.authority().roles.get(name).cloned();
        revisions.ok_or_else(|| Error::NotFound(format!("role `{name}`")))
    }

    /// The current revision of every role, by name.
    pub fn roles(&self, _permit: Permit<ReadRole>) -> Vec<Arc<RoleRevision>> {
        let authority = self.shared.authority();
        authority
            .roles
            .values()
            .filter_map(|revisions| revisions.last().cloned())
            .collect()
    }
}
