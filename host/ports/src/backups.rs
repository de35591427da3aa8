//! Everything that is kept, in a form that outlives the store.

use async_trait::async_trait;

use crate::StoreError;

/// A backup being written: what the store held at one moment.
pub trait Backup: Send {
    /// The next bytes; nothing once it is whole. Waits for the disk.
    ///
    /// # Errors
    /// The store is damaged or gone; what was handed out so far is no backup then.
    fn next_bytes(&mut self) -> Result<Option<Vec<u8>>, StoreError>;
}

/// Makes backups.
#[async_trait]
pub trait Backups: Send + Sync {
    /// Begins a backup of everything as it stands at this moment; nothing while another one is
    /// being written. No effect; a crash means nothing.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn backup(&self) -> Result<Option<Box<dyn Backup>>, StoreError>;
}
