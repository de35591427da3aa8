//! What is asked for on the command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::again::Inside;
use crate::measurements::Measurement;

/// Measures the host against the limits of this machine, in one run
#[derive(Debug, Parser)]
#[command(name = "cargo measure --")]
pub(crate) struct Options {
    /// What to measure; everything if nothing is named
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<Measurement>,
    /// Says what can be measured, and measures nothing
    #[arg(long)]
    pub(crate) list: bool,
    /// How figures are told
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) output: Output,
    /// A folder on the disk that is measured; the system's temporary folder if none is given
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// Takes the large numbers: a million parked, a million finished, a hundred thousand timers
    #[arg(long)]
    pub(crate) long: bool,
    /// Does one part in this process, for the process that measures
    #[arg(long, hide = true)]
    pub(crate) inside: Option<Inside>,
    /// What the part is given, as JSON
    #[arg(long, hide = true)]
    pub(crate) given: Option<String>,
}

/// How figures are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Lines for people, as they are measured
    Text,
    /// One JSON document at the end
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn measurements_are_named_and_nothing_else_is() {
        let options = Options::try_parse_from(["measure", "workflows", "--output", "json"]);
        let options = options.unwrap();
        assert_eq!(options.names, [Measurement::Workflows]);
        assert_eq!(options.output, Output::Json);
        let refused = Options::try_parse_from(["measure", "everything"]).unwrap_err();
        assert!(refused.to_string().contains("workflows"), "{refused}");
    }
}
