//! The binary `sluice`: a host, and the command line that speaks to one.

mod assemble;
mod cli;
mod clock;
mod config;
mod doctor;
mod host;
mod http;
mod identity;
mod logs;
mod machine;
mod metrics;
mod outgoing;
mod private_file;
mod secret;
mod signals;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command, Environment};
use config::Mode;

/// A step of an execution is many small allocations on several threads; the C library's own
/// allocator takes a fifth of all time for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    match host::run(mode, (arguments, mock_config), environment).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            error.exit_code()
        }
    }
}
