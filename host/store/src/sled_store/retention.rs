//! What could be taken away.

use asl::{ExecutionId, Timestamp};
use async_trait::async_trait;
use ports::{Ended, EndedOrder, EndedPage, Head, Key, Retention, StoreError};

use super::SledStore;
use crate::read;

#[async_trait]
impl Retention for SledStore {
    async fn ended(
        &self,
        order: EndedOrder,
        beyond: Option<Ended>,
        limit: usize,
    ) -> Result<EndedPage, StoreError> {
        self.read(move |entries| read::ended(entries, order, beyond.as_ref(), limit))
            .await
    }

    async fn revisions_used(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<(ExecutionId, Key)>, StoreError> {
        self.read(move |entries| read::revisions_used(entries, after.as_ref(), limit))
            .await
    }

    async fn leftovers(&self, limit: usize) -> Result<Vec<Ended>, StoreError> {
        self.read(move |entries| read::leftovers(entries, limit))
            .await
    }

    async fn prunable(&self, before: Timestamp) -> Result<Option<Head>, StoreError> {
        self.read(move |entries| read::prunable(entries, before))
            .await
    }

    async fn oldest_link(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(read::oldest_link).await
    }
}
