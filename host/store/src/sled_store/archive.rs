//! Reading executions, their history and the audit log back.

use asl::ExecutionId;
use async_trait::async_trait;
use ports::{
    Archive, AuditPage, Description, ExecutionFilter, HistoryCursor, HistoryPage, HistoryPayloads,
    ListCursor, Page, StoreError,
};

use super::SledStore;
use crate::read;

#[async_trait]
impl Archive for SledStore {
    async fn execution(&self, id: &ExecutionId) -> Result<Option<Description>, StoreError> {
        let id = id.clone();
        self.read(move |entries| read::execution(entries, &id))
            .await
    }

    async fn execution_named(
        &self,
        machine_arn: &str,
        name: &str,
    ) -> Result<Option<ExecutionId>, StoreError> {
        let (machine_arn, name) = (machine_arn.to_owned(), name.to_owned());
        self.read(move |entries| read::execution_named(entries, &machine_arn, &name))
            .await
    }

    async fn executions(
        &self,
        filter: ExecutionFilter,
        cursor: Option<ListCursor>,
        limit: usize,
    ) -> Result<Page<Description, ListCursor>, StoreError> {
        self.read(move |entries| read::executions(entries, &filter, cursor.as_ref(), limit))
            .await
    }

    async fn history(
        &self,
        id: &ExecutionId,
        cursor: HistoryCursor,
        payloads: HistoryPayloads,
        limit: usize,
    ) -> Result<Option<HistoryPage>, StoreError> {
        let id = id.clone();
        self.read(move |entries| read::history(entries, &id, cursor, payloads, limit))
            .await
    }

    async fn audit(&self, after: u64, limit: usize) -> Result<AuditPage, StoreError> {
        self.read(move |entries| read::audit(entries, after, limit))
            .await
    }
}
