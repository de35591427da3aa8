//! JSONata in its sandbox: the language, the service's additions, and what hostile expressions
//! and data cannot do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by panicking, in its helpers as well"
)]

mod checked;
mod functions;
mod harness;
mod hostile;
mod service;
mod suite;
