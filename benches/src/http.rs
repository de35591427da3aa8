//! The host's program from outside, and what it is compared with.

mod connection;
pub(crate) mod echo;
mod program;

pub(crate) use connection::Connection;
pub(crate) use program::{Program, run};
