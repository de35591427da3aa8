//! `sluice role`.

use std::path::PathBuf;

use auth::names::Name;
use clap::Subcommand;

use super::output::Column;
use super::remote::Remote;
use super::{CliError, Environment, files};

const COLUMNS: &[Column] = &[
    ("NAME", "/name"),
    ("REVISION", "/revision"),
    ("DIGEST", "/digest"),
];
const ONE: &[Column] = &[
    ("name", "/name"),
    ("revision", "/revision"),
    ("digest", "/digest"),
    ("grants", "/grants"),
    ("written by", "/writtenBy"),
    ("written at", "/writtenAt"),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a revision; what is in force stays visible under its revision.
    Put {
        /// The role.
        #[arg(value_parser = Name::parse)]
        name: Name,
        /// Its grants, TOML or JSON.
        file: PathBuf,
    },
    /// Show the current revision.
    Show {
        /// The role.
        #[arg(value_parser = Name::parse)]
        name: Name,
    },
    /// List the current revision of every role.
    List,
    /// List every revision of a role.
    Revisions {
        /// The role.
        #[arg(value_parser = Name::parse)]
        name: Name,
    },
}

pub(super) async fn run(arguments: Arguments, environment: &Environment) -> Result<(), CliError> {
    let Arguments { verb, remote } = arguments;
    let (client, printer) = (remote.client(environment)?, remote.printer());
    match verb {
        Verb::Put { name, file } => {
            let role = files::toml_or_json(&file)?.to_string().into_bytes();
            let segments = ["v1", "roles", name.as_str()];
            let written = client.put(&segments, &[], "application/json", role).await?;
            printer.object(&written, ONE)
        }
        Verb::Show { name } => {
            let role = client.get(&["v1", "roles", name.as_str()], &[]).await?;
            printer.object(&role, ONE)
        }
        Verb::List => {
            let roles = client.get(&["v1", "roles"], &[]).await?;
            printer.list(&roles, "roles", COLUMNS)
        }
        Verb::Revisions { name } => {
            let segments = ["v1", "roles", name.as_str(), "revisions"];
            let revisions = client.get(&segments, &[]).await?;
            printer.list(&revisions, "revisions", COLUMNS)
        }
    }
}
