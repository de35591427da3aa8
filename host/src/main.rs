//! The binary `sluice`: a host, and the command line that speaks to one.

mod assemble;
mod cli;
mod clock;
mod config;
mod doctor;
mod host;
mod http;
mod identity;
mod machine;
mod metrics;
mod private_file;
mod secret;
mod signals;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use cli::{Cli, Command, Environment};
use config::Mode;

const LOG_DEFAULT: &str = "info";

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let environment: Environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no threads for the host: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(run(command, environment))
}

async fn run(command: Command, environment: Environment) -> ExitCode {
    let (mode, arguments, mock_config) = match command {
        Command::Dev(arguments) => (Mode::Development, arguments.host, arguments.mock_config),
        Command::Serve(arguments) => (Mode::Serve, arguments, None),
        command => {
            return match cli::run(command, &environment).await {
                Ok(code) => code,
                Err(error) => {
                    eprintln!("error: {error}");
                    error.exit_code()
                }
            };
        }
    };
    log_to_stderr(&environment);
    match host::run(mode, (arguments, mock_config), environment).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            error.exit_code()
        }
    }
}

/// Logs in text where people read, else in JSON; `SLUICE_LOG` filters, as `info,engine=debug`.
fn log_to_stderr(environment: &Environment) {
    let variable = |name: &str| {
        let found = environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let filter = variable("SLUICE_LOG").unwrap_or(LOG_DEFAULT);
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|error| {
        eprintln!("warning: `SLUICE_LOG` is not a filter: {error}");
        EnvFilter::new(LOG_DEFAULT)
    });
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match std::io::stderr().is_terminal() {
        true => builder.with_ansi(false).init(),
        false => builder.json().init(),
    }
}
