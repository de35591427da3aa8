//! Keeps checkpoints, history, documents and the audit log in sled, one atomic synced write per
//! transition.
//!
//! Owns keys, record formats, group commit, the order of the audit chain and the checks that a
//! commit must pass. It does not know what a frame, a policy or an audit record means.
//!
//! On disk it is a folder with sled's files, of which `blobs/` must stay empty because sled never
//! syncs it; `lock`, held by the one process that has the store open; and `watermark`. An open
//! store costs about 4 MiB of memory, with segments of 8 MiB it was 18 MiB and a slower start.

mod disk;
mod durable;
mod entries;
mod envelope;
mod key;
mod ledger;
mod links;
mod memory;
mod prepare;
mod read;
mod sled_store;
mod staged;
mod standings;
mod watermark;
mod writer;

#[cfg(test)]
mod contract;

pub use disk::OpenError;
pub use memory::{Fault, MemoryStore, Weather};
pub use sled_store::{SledStore, StoreConfig};
