//! The log: lines on standard error, each with the ids of what it is about.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::cli::Environment;
use crate::config::{LogFormat, Logs};

/// The variable whose filter wins over the configuration's.
const VARIABLE: &str = "SLUICE_LOG";

/// Begins to log; once per process.
pub(crate) fn begin(config: &Logs, environment: &Environment) {
    let variable = environment.iter().find(|(name, _)| name == VARIABLE);
    let wanted = variable.map_or(config.filter.as_str(), |(_, value)| value.as_str());
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|error| {
        eprintln!("warning: `{VARIABLE}` is not a filter: {error}");
        EnvFilter::new(&config.filter)
    });
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let is_text = match config.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    match is_text {
        true => builder.with_ansi(false).init(),
        false => builder.json().init(),
    }
}
