//! Faults for a host, and what it must still show afterwards.
//!
//! Owns a file system that forgets what was not synced, a record of everything that somebody
//! outside was told or saw done, and the rules that hold the one against the other. It knows the
//! host only from outside.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test whose own machinery fails has failed"
)]

pub mod checker;
pub mod client;
pub mod disk;
pub mod effects;
pub mod facts;
pub mod found;
pub mod image;
pub mod machines;
pub mod random;
