//! Writing commits, and who owns which execution.

use asl::{ExecutionId, Timestamp};
use async_trait::async_trait;
use ports::{
    Alarm, Alarms, Claim, Commit, CommitError, Fence, Journal, Receipt, StoreError, StoredExecution,
};
use tokio::sync::oneshot;

use super::SledStore;
use crate::prepare::Prepared;
use crate::read;
use crate::writer::Request;

#[async_trait]
impl Journal for SledStore {
    async fn commit(&self, commit: Commit) -> Result<Receipt, CommitError> {
        let is_light = commit.blobs.is_empty() && commit.upkeep.is_empty();
        let commit = match is_light {
            true => Prepared::new(&*self.durable, commit)?,
            false => {
                self.read(move |entries| Prepared::new(entries, commit))
                    .await?
            }
        };
        let requests = self.requests().ok_or(StoreError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let request = Request { commit, answer };
        requests
            .send(request)
            .await
            .map_err(|_| self.failure.error())?;
        if let Ok(answer) = answered.await {
            return answer;
        }
        // The writer says why it ends before it closes the channel.
        requests.closed().await;
        Err(self.failure.error().into())
    }

    async fn fence(&self) -> Result<Fence, StoreError> {
        Ok(self.fence)
    }

    async fn claim(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<Claim>, StoreError> {
        let fence = self.fence;
        self.read(move |entries| read::claim(entries, fence, after.as_ref(), limit))
            .await
    }

    async fn alarms(
        &self,
        until: Timestamp,
        after: Option<Alarm>,
        limit: usize,
    ) -> Result<Alarms, StoreError> {
        self.read(move |entries| read::alarms(entries, until, after.as_ref(), limit))
            .await
    }

    async fn load(&self, id: &ExecutionId) -> Result<Option<StoredExecution>, StoreError> {
        let id = id.clone();
        self.read(move |entries| read::load(entries, &id)).await
    }

    async fn load_all(
        &self,
        ids: Vec<ExecutionId>,
    ) -> Result<Vec<Result<Option<StoredExecution>, StoreError>>, StoreError> {
        self.read(move |entries| Ok(ids.iter().map(|id| read::load(entries, id)).collect()))
            .await
    }
}
