//! Backups: who may have one, and that it was had is on record before its first byte leaves.

use auth::policy::{Permit, ReadBackup};
use ports::Backup;
use serde_json::Value;

use crate::{Engine, Error};

impl Engine {
    /// Begins a backup of everything as it stands; that it was begun is the last thing in it.
    ///
    /// # Errors
    /// [`Error::Conflict`] while another backup is being written, or the store failed.
    pub async fn backup(&self, permit: Permit<ReadBackup>) -> Result<Box<dyn Backup>, Error> {
        let record = self.allowed(&permit, Value::Null);
        self.record(record).await?;
        let backup = self.shared.ports.backups.backup().await?;
        backup.ok_or_else(|| {
            Error::Conflict("another backup is being written, wait for its end".to_owned())
        })
    }
}
