//! The hash-chained audit log: sealing records and verifying a chain.
//!
//! Owns how a link is hashed, how a chain is walked and the shape of a link outside the store.
//! It does not know where links are kept or what their records mean.

mod chain;
mod verify;
mod wire;

pub use chain::Sha256Chain;
pub use verify::{Broken, Flaw, Verifier, verify};
pub use wire::{WireError, from_line, from_wire, to_wire};
