//! What components can and cannot do, each allowed with its denied.

mod ambient;
mod commands;
mod config;
mod filesystem;
mod harness;
mod http;
mod limits;
mod server;
mod steps;
mod upload;
