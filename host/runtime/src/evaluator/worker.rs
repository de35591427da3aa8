//! Leaving the async workers alone while a thread is kept busy.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does something that takes long; on a worker of a multi-threaded runtime, another thread takes
/// over the worker's other tasks meanwhile.
pub(super) fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        Ok(_) | Err(_) => work(),
    }
}
