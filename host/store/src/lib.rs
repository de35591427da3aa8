//! Keeps checkpoints, history, documents and the audit log, one atomic synced write per
//! transition.
//!
//! Owns keys, record formats, group commit, the order of the audit chain and the checks that a
//! commit must pass. It does not know what an execution's frame, a policy or an audit record means.
//!
//! A commit is durable in the commit log, shown from a table in memory, and written to sled, the
//! base, in the background; the log is read again when the store opens. On disk it is a folder
//! with `log/`; sled's files, of which `blobs/` must stay empty because sled never syncs it;
//! `lock`, held by the one process that has the store open; and `watermark`. An open store costs
//! about 4 MiB of memory and the table, with sled's segments of 8 MiB it was 18 MiB and a slower
//! start.

mod backup;
mod base;
mod durable;
mod entries;
mod envelope;
mod flusher;
mod folder;
mod key;
mod ledger;
mod links;
mod log;
mod memory;
mod metrics;
mod prepare;
mod read;
mod record;
mod removal;
mod sled_store;
mod snapshot;
mod staged;
mod standings;
mod table;
mod upgrade;
mod usage;
mod watermark;
mod writer;

#[cfg(test)]
mod contract;

pub use backup::{RestoreError, Restored, check_backup, restore};
pub use memory::{Fault, MemoryStore, Weather};
pub use metrics::{Metrics, Wait};
pub use sled_store::{OpenError, SledStore, StoreConfig};
pub use usage::{DiskBytes, disk_bytes};
