//! What components can and cannot do, each allowed with its denied.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking, in its helpers as well"
)]

mod ambient;
mod commands;
mod config;
mod egress;
mod filesystem;
mod harness;
mod http;
mod limits;
mod server;
mod steps;
mod upload;
