//! Documents with names and revisions: components, roles, reviews, state machines.

use async_trait::async_trait;
use auth::names::Digest;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::StoreError;

/// The kinds of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A component version's facts; its bytes are a [`Blob`].
    Component,
    /// A role revision.
    Role,
    /// A review.
    Review,
    /// A state machine revision.
    StateMachine,
    /// What is registered under a state machine's name beside its revisions: versions, aliases, tags.
    Registration,
    /// An activity.
    Activity,
    /// Facts the host keeps about itself, such as the digest of the policy in force.
    Host,
}

/// Names one document for ever; what is stored under a key never changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its name; holds no NUL.
    pub name: String,
    /// Its revision, counting from 1 in the order of creation within the name.
    pub revision: u64,
}

/// A stored document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its key.
    pub key: Key,
    /// Its content.
    pub body: Value,
}

/// One document to add. The commit fails with [`crate::CommitError::Conflict`] if the key is taken.
pub type Change = Document;

/// Bytes stored once by their digest; adding one that is there is no change.
#[derive(Clone, Debug)]
pub struct Blob {
    /// The digest of the bytes.
    pub digest: Digest,
    /// The bytes.
    pub bytes: Bytes,
}

/// Reads documents. Writing them is [`crate::Journal::commit`], so that each comes with its
/// audit record. Reading has no effect; a crash before or after means nothing.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// Every document of a kind in key order after `after`, at most `limit`.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn documents(
        &self,
        kind: Kind,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Vec<Document>, StoreError>;

    /// The bytes with this digest.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn blob(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError>;
}
