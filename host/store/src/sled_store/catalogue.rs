//! Reading documents and blobs.

use async_trait::async_trait;
use auth::names::Digest;
use bytes::Bytes;
use ports::{Catalogue, Document, Key, Kind, StoreError};

use super::SledStore;
use crate::read;

#[async_trait]
impl Catalogue for SledStore {
    async fn documents(
        &self,
        kind: Kind,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Vec<Document>, StoreError> {
        self.read(move |entries| read::documents(entries, kind, after.as_ref(), limit))
            .await
    }

    async fn blob(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        let digest = digest.clone();
        self.read(move |entries| read::blob(entries, &digest)).await
    }
}
