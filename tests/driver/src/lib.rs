//! Drives a real host from outside: its process, requests as one of its people, small components.
//!
//! Owns what the suites against the binary share. It does not know what they promise.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot drive its host has failed"
)]

mod executable;
pub mod guest;
pub mod host;
pub mod http;
pub mod stage;
