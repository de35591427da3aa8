//! Component versions: point 1 of the order of authority.

use std::sync::Arc;

use asl::Timestamp;
use auth::authority::imports_within;
use auth::manifest::Manifest;
use auth::names::{Digest, Name};
use auth::policy::{Permit, ReadComponent, UploadComponent};
use auth::review::hands;
use bytes::Bytes;
use document::Problem;
use ports::{Blob, Commit, CommitError, Document, Exports, Key, Kind, Rejected};
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::Created;
use crate::{Engine, Error};

/// One version of a component; never changes once stored.
#[derive(Clone, Debug)]
pub struct Component {
    /// What authority is decided on.
    pub facts: Arc<auth::component::Component>,
    /// Its version.
    pub version: Version,
    /// Which step interface it exports.
    pub exports: Exports,
    uploaded_at: Timestamp,
    bytes: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    name: Name,
    version: Version,
    digest: Digest,
    imports: Vec<String>,
    exports: Exports,
    manifest: Option<String>,
    uploaded_by: Vec<String>,
    uploaded_at: i64,
    bytes: usize,
}

impl Component {
    pub(crate) fn from_document(document: &Document) -> Result<Self, Error> {
        let stored = Stored::deserialize(&document.body).map_err(Error::host)?;
        Self::from_stored(stored).map_err(Error::Invalid)
    }

    fn from_stored(stored: Stored) -> Result<Self, Vec<Problem>> {
        let manifest = match &stored.manifest {
            Some(text) => Manifest::parse(text)?,
            None => Manifest::none(),
        };
        let facts = auth::component::Component {
            name: stored.name,
            version: stored.version.to_string(),
            digest: stored.digest,
            imports: stored.imports,
            manifest: Arc::new(manifest),
            uploaded_by: stored.uploaded_by,
        };
        Ok(Self {
            facts: Arc::new(facts),
            version: stored.version,
            exports: stored.exports,
            uploaded_at: Timestamp(stored.uploaded_at),
            bytes: stored.bytes,
        })
    }

    /// `{name, version, digest, imports, exports, needs, …}`.
    pub fn to_json(&self) -> Value {
        let facts = &self.facts;
        json!({
            "name": facts.name,
            "version": self.version,
            "digest": facts.digest,
            "imports": facts.imports,
            "exports": self.exports,
            "needs": facts.manifest.to_json(),
            "bytes": self.bytes,
            "uploadedBy": facts.uploaded_by.first(),
            "uploadedAt": self.uploaded_at.to_rfc3339(),
        })
    }

    fn key(name: &Name, version: &Version) -> Key {
        Key {
            kind: Kind::Component,
            name: format!("{name}@{version}"),
            revision: 1,
        }
    }
}

impl Engine {
    /// Stores a component version after comparing what the binary imports with what its manifest needs.
    ///
    /// # Errors
    /// [`Error::Invalid`] for bytes that are no usable component, [`Error::Refused`] for imports
    /// without a need, [`Error::Conflict`] if the version holds other bytes.
    pub async fn upload_component(
        &self,
        permit: Permit<UploadComponent>,
        name: Name,
        version: Version,
        wasm: Bytes,
    ) -> Result<Created<Arc<Component>>, Error> {
        let inspection = self
            .shared
            .ports
            .runner
            .inspect(wasm.clone())
            .await
            .map_err(rejected)?;
        let stored = Stored {
            name: name.clone(),
            version: version.clone(),
            digest: inspection.digest,
            imports: inspection.imports,
            exports: inspection.exports,
            manifest: inspection.manifest,
            uploaded_by: hands(permit.caller()),
            uploaded_at: self.shared.ports.clock.now().0,
            bytes: wasm.len(),
        };
        let body = serde_json::to_value(&stored).map_err(Error::host)?;
        let component = Arc::new(Component::from_stored(stored).map_err(manifest_problems)?);
        let problems = imports_within(&component.facts.imports, &component.facts.manifest);
        if !problems.is_empty() {
            self.record_refused(&permit, &problems).await?;
            return Err(Error::Refused(problems));
        }

        let engine = self.clone();
        self.to_its_end(async move { engine.store_component(permit, component, body, wasm).await })
            .await
    }

    async fn store_component(
        &self,
        permit: Permit<UploadComponent>,
        component: Arc<Component>,
        body: Value,
        wasm: Bytes,
    ) -> Result<Created<Arc<Component>>, Error> {
        let (name, version) = (&component.facts.name, &component.version);
        let _lane = self.shared.change().await;
        if let Some(known) = self.shared.authority().component(name, version) {
            return same_or_conflict(known, &component);
        }
        let commit = Commit {
            documents: vec![Document {
                key: Component::key(name, version),
                body,
            }],
            blobs: vec![Blob {
                digest: component.facts.digest.clone(),
                bytes: wasm,
            }],
            audit: vec![self.allowed(
                &permit,
                json!({"digest": component.facts.digest, "version": version}),
            )],
            ..Commit::default()
        };
        self.shared.commit(commit).await.map_err(commit_error)?;
        let mut authority = self.shared.authority().as_ref().clone();
        authority.add_component(Arc::clone(&component));
        self.shared.put_in_force(authority);
        Ok(Created::New(component))
    }

    /// One component version.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn component(
        &self,
        _permit: Permit<ReadComponent>,
        name: &Name,
        version: &Version,
    ) -> Result<Arc<Component>, Error> {
        let authority = self.shared.authority();
        let component = authority.component(name, version).cloned();
        component.ok_or_else(|| Error::NotFound(format!("component `{name}@{version}`")))
    }

    /// Every component version, by name and version.
    pub fn components(&self, _permit: Permit<ReadComponent>) -> Vec<Arc<Component>> {
        let authority = self.shared.authority();
        authority
            .components
            .values()
            .flat_map(|versions| versions.values().cloned())
            .collect()
    }

    /// The bytes of a component version.
    ///
    /// # Errors
    /// [`Error::NotFound`], or the store failed.
    pub async fn component_bytes(
        &self,
        permit: Permit<ReadComponent>,
        name: &Name,
        version: &Version,
    ) -> Result<Bytes, Error> {
        let component = self.component(permit, name, version)?;
        let bytes = self
            .shared
            .ports
            .catalogue
            .blob(&component.facts.digest)
            .await?;
        bytes
            .ok_or_else(|| Error::host(format_args!("the bytes of `{name}@{version}` are missing")))
    }
}

fn same_or_conflict(
    known: &Arc<Component>,
    component: &Component,
) -> Result<Created<Arc<Component>>, Error> {
    let facts = &known.facts;
    if facts.digest == component.facts.digest {
        return Ok(Created::Same(Arc::clone(known)));
    }
    Err(Error::Conflict(format!(
        "component `{}@{}` is stored with digest `{}` and never changes, choose another version",
        facts.name, facts.version, facts.digest
    )))
}

fn rejected(error: Rejected) -> Error {
    match error {
        Rejected::Invalid(lines) => Error::Invalid(
            lines
                .into_iter()
                .map(|line| Problem::new("", line))
                .collect(),
        ),
        Rejected::Host(message) => Error::Host(message),
    }
}

fn manifest_problems(problems: Vec<Problem>) -> Error {
    Error::Invalid(
        problems
            .into_iter()
            .map(|problem| problem.under("/manifest"))
            .collect(),
    )
}

/// What a failed commit of a document means to the caller.
pub(crate) fn commit_error(error: CommitError) -> Error {
    match error {
        CommitError::Conflict(key) => Error::Conflict(format!(
            "{:?} `{}` was written by another request at the same time, try again",
            key.kind, key.name
        )),
        CommitError::NameTaken(id) => {
            Error::Conflict(format!("the name is taken by execution `{id}`"))
        }
        CommitError::Store(error) => error.into(),
        CommitError::AuthorityMoved { .. } => {
            Error::Conflict("the authority moved at the same time, try again".to_owned())
        }
        CommitError::Fenced(_) => Error::host(error),
    }
}
