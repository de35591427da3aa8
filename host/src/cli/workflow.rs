//! `sluice workflow`.

use std::path::PathBuf;

use auth::names::Name;
use clap::Subcommand;
use serde_json::Value;

use super::output::Column;
use super::remote::Remote;
use super::{CliError, Environment, files};

const COLUMNS: &[Column] = &[
    ("NAME", "/name"),
    ("REVISION", "/revision"),
    ("ROLE", "/role"),
    ("PUBLISHED", "/publishedAt"),
];
const ONE: &[Column] = &[
    ("name", "/name"),
    ("arn", "/stateMachineArn"),
    ("revision", "/revision"),
    ("role", "/role"),
    ("components", "/components"),
    ("published by", "/publishedBy"),
    ("published at", "/publishedAt"),
    ("definition", "/definition"),
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
    /// Publish a revision of a definition; executions that run keep theirs.
    Publish {
        /// The state machine.
        #[arg(value_parser = Name::parse)]
        name: Name,
        /// The definition, JSON or YAML (`*.yaml`, `*.yml`).
        file: PathBuf,
        /// The role of Tasks that name none.
        #[arg(long, value_parser = Name::parse)]
        role: Option<Name>,
    },
    /// List the current revision of every state machine.
    List,
    /// Show the current revision.
    Show {
        /// The state machine.
        #[arg(value_parser = Name::parse)]
        name: Name,
    },
}

pub(super) async fn run(arguments: Arguments, environment: &Environment) -> Result<(), CliError> {
    let Arguments { verb, remote } = arguments;
    let (client, printer) = (remote.client(environment)?, remote.printer());
    match verb {
        Verb::Publish { name, file, role } => {
            let (definition, content_type) = files::definition(&file)?;
            let query: Vec<_> = role.iter().map(|role| ("role", role.as_str())).collect();
            let segments = ["v1", "state-machines", name.as_str()];
            let published = client
                .put(&segments, &query, content_type, definition)
                .await?;
            printer.object(&published, ONE)?;
            let warnings = published.get("warnings").and_then(Value::as_array);
            for warning in warnings.into_iter().flatten() {
                printer.note(&format!("warning: {warning}"))?;
            }
            Ok(())
        }
        Verb::List => {
            let machines = client.get(&["v1", "state-machines"], &[]).await?;
            printer.list(&machines, "stateMachines", COLUMNS)
        }
        Verb::Show { name } => {
            let machine = client
                .get(&["v1", "state-machines", name.as_str()], &[])
                .await?;
            printer.object(&machine, ONE)
        }
    }
}
