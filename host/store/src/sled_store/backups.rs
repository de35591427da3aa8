//! Snapshots for backups.

use std::sync::Arc;

use async_trait::async_trait;
use ports::{Backup, Backups, StoreError};

use super::{SledStore, blocking};
use crate::backup::Export;

#[async_trait]
impl Backups for SledStore {
    async fn backup(&self) -> Result<Option<Box<dyn Backup>>, StoreError> {
        let durable = Arc::clone(&self.durable);
        let snapshot = blocking(move || durable.snapshot()).await?;
        Ok(snapshot.map(|snapshot| Box::new(Export::new(snapshot)) as Box<dyn Backup>))
    }
}
