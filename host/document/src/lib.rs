//! Reads JSON and TOML documents strictly and reports every problem with its JSON pointer.
//!
//! Owns the notion of a [`Problem`] and the typed walk over a document. It does not know
//! what any document means.

mod fields;
mod parse;
mod problem;

pub use fields::{Fields, Node};
pub use parse::{parse_json, parse_toml};
pub use problem::{Finding, Named, Problem, Problems};
