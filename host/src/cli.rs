//! The command line: noun, then verb.
//!
//! Owns the words of the command line and the exit codes. Commands about a host speak HTTP like
//! any other client; they decide nothing.

mod audit;
mod backup;
mod client;
mod component;
mod doctor;
mod embed;
mod error;
mod events;
mod execution;
mod files;
mod output;
mod reference;
mod remote;
mod review;
mod role;
mod whoami;
mod workflow;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::COMMENTED;
pub(crate) use error::CliError;
use output::Printer;

/// Sluice: a self-hosted server of Amazon States Language state machines.
#[derive(Debug, Parser)]
#[command(
    name = "sluice",
    version,
    after_help = "Exit codes: 0 done; 1 the host refused, the execution failed or the log is broken; \
                  2 wrong usage or unreadable files; 3 no host to be reached, or it failed."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The nouns.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a host on this machine with an identity provider of its own; loopback only.
    Dev(DevArguments),
    /// Run a host with the identity providers and policies of its configuration.
    Serve(HostArguments),
    /// Compiled steps.
    Component(component::Arguments),
    /// What operators grant.
    Role(role::Arguments),
    /// Decisions that a component may run under a role.
    Review(review::Arguments),
    /// State machines.
    Workflow(workflow::Arguments),
    /// Runs of a state machine.
    Execution(execution::Arguments),
    /// The audit log.
    Audit(audit::Arguments),
    /// Write everything a host keeps into a file, as it stands at one moment.
    Backup(backup::BackupArguments),
    /// Make a data folder of a backup, and prove that nothing acknowledged is missing.
    Restore(backup::RestoreArguments),
    /// Check this installation; exit code 0 if all is well, 1 with warnings, 2 with failures.
    Doctor(doctor::Arguments),
    /// Show who the host thinks you are.
    Whoami(whoami::Arguments),
    /// Print a commented configuration file with every default.
    Config,
    /// Print a completion script.
    Completions {
        /// For which shell.
        shell: Shell,
    },
}

/// What `dev` is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct DevArguments {
    #[command(flatten)]
    pub(crate) host: HostArguments,
    /// A MockConfigFile.json: executions started on `ARN#TestCase` are answered from it.
    #[arg(long, value_name = "FILE")]
    pub(crate) mock_config: Option<PathBuf>,
}

/// What `dev` and `serve` are told.
#[derive(Clone, Debug, Args)]
pub(crate) struct HostArguments {
    /// A configuration file; environment variables SLUICE__SECTION__KEY win over it.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder that holds everything [dev: ./.sluice].
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The address to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Write `{"url", "issuer", "tokens"}` here once requests are accepted [dev: DATA/ready.json].
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

/// The environment variables, read once in `main`.
pub(crate) type Environment = Vec<(String, String)>;

/// Carries out every command but `dev` and `serve`.
///
/// # Errors
/// As [`CliError`] says; its exit code is the process's.
pub(crate) async fn run(command: Command, environment: &Environment) -> Result<ExitCode, CliError> {
    let done = match command {
        Command::Doctor(arguments) => return doctor::run(arguments, environment).await,
        Command::Dev(_) | Command::Serve(_) => {
            Err(CliError::Usage("hosts are not run from here".to_owned()))
        }
        Command::Component(arguments) => component::run(arguments, environment).await,
        Command::Role(arguments) => role::run(arguments, environment).await,
        Command::Review(arguments) => review::run(arguments, environment).await,
        Command::Workflow(arguments) => workflow::run(arguments, environment).await,
        Command::Execution(arguments) => execution::run(arguments, environment).await,
        Command::Audit(arguments) => audit::run(arguments, environment).await,
        Command::Backup(arguments) => backup::backup(arguments, environment).await,
        Command::Restore(arguments) => backup::restore(arguments),
        Command::Whoami(arguments) => whoami::run(arguments, environment).await,
        Command::Config => Printer::text(COMMENTED),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "sluice", &mut script);
            Printer::text(&String::from_utf8_lossy(&script))
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_verb_alone_is_no_command() {
        assert!(Cli::try_parse_from(["sluice", "component"]).is_err());
        assert!(Cli::try_parse_from(["sluice", "component", "list", "--output", "xml"]).is_err());
        assert!(Cli::try_parse_from(["sluice", "component", "list", "--output", "json"]).is_ok());
        assert!(
            Cli::try_parse_from(["sluice", "role", "show", "writer", "--as", "author"]).is_ok()
        );
    }
}
