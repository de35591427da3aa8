//! Role revisions: what operators grant.

use std::sync::Arc;

use auth::names::{Digest, Name};
use auth::policy::{Permit, ReadRole, WriteRole};
use auth::role::Role;
use ports::{Commit, Document, Key, Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::components::commit_error;
use crate::error::Created;
use crate::{Engine, Error};

/// One revision of a role; never changes once stored.
#[derive(Clone, Debug)]
pub struct RoleRevision {
    /// The role's name.
    pub name: Name,
    /// 1 for the first revision.
    pub revision: u64,
    /// The digest of what it grants.
    pub digest: Digest,
    /// What it grants.
    pub role: Arc<Role>,
    /// Who wrote it: the keys of the principal and its actors.
    pub written_by: Vec<String>,
    written_at: i64,
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
        Ok(Self {
            name: stored.name,
            revision: stored.revision,
            digest: role.digest(),
            role: Arc::new(role),
            written_by: stored.written_by,
            written_at: stored.written_at,
        })
    }

    fn to_document(&self) -> Result<Document, Error> {
        let stored = Stored {
            name: self.name.clone(),
            revision: self.revision,
            grants: self.role.to_json(),
            written_by: self.written_by.clone(),
            written_at: self.written_at,
        };
        let key = Key { kind: Kind::Role, name: self.name.to_string(), revision: self.revision };
        let body = serde_json::to_value(&stored).map_err(Error::host)?;
        Ok(Document { key, body })
    }

    /// `{name, revision, digest, grants, …}`.
    pub fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "revision": self.revision,
            "digest": self.digest,
            "grants": self.role.to_json(),
            "writtenBy": self.written_by.first(),
            "writtenAt": asl::Timestamp(self.written_at).to_rfc3339(),
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
        let _lane = self.shared.change().await;
        let authority = self.shared.authority();
        let current = authority.role(&name);
        if let Some(current) = current.filter(|current| current.digest == role.digest()) {
            return Ok(Created::Same(Arc::clone(current)));
        }
        let revision = Arc::new(RoleRevision {
            revision: current.map_or(1, |current| current.revision + 1),
            name,
            digest: role.digest(),
            role: Arc::new(role),
            written_by: permit.caller().keys(),
            written_at: self.shared.ports.clock.now().0,
        });
        let outcome = json!({"revision": revision.revision, "digest": revision.digest});
        let commit = Commit {
            decided_under: Some(authority.version),
            moves_authority: true,
            documents: vec![revision.to_document()?],
            audit: vec![self.allowed(&permit, outcome)],
            ..Commit::default()
        };
        let receipt = self.shared.commit(commit).await.map_err(commit_error)?;
        let mut authority = authority.as_ref().clone();
        authority.version = receipt.authority;
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
        authority.roles.values().filter_map(|revisions| revisions.last().cloned()).collect()
    }
}
