//! `sluice review`.

use auth::names::Name;
use clap::Subcommand;
use serde_json::{Value, json};

use super::client::Client;
use super::output::Column;
use super::reference::Reference;
use super::remote::Remote;
use super::{CliError, Environment};

const COLUMNS: &[Column] = &[
    ("COMPONENT", "/component"),
    ("VERSION", "/version"),
    ("ROLE", "/role"),
    ("REVISION", "/roleRevision"),
    ("DECISION", "/decision"),
    ("BY", "/by"),
    ("COMMENT", "/comment"),
];
const ONE: &[Column] = &[
    ("component", "/component"),
    ("version", "/version"),
    ("role", "/role"),
    ("role revision", "/roleRevision"),
    ("decision", "/decision"),
    ("by", "/by"),
    ("at", "/at"),
    ("comment", "/comment"),
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
    /// Show what is to be decided: imports, needs with reasons, grants, differences.
    Show(Pair),
    /// Let a component run under a role.
    Approve {
        #[command(flatten)]
        pair: Pair,
        /// Why.
        #[arg(long, default_value = "")]
        comment: String,
    },
    /// Keep a component from running under a role.
    Reject {
        #[command(flatten)]
        pair: Pair,
        /// Why.
        #[arg(long)]
        comment: String,
    },
    /// List every decision.
    List,
}

#[derive(Debug, clap::Args)]
struct Pair {
    /// NAME@VERSION.
    component: Reference,
    /// The role, in its current revision.
    #[arg(long, value_parser = Name::parse)]
    role: Name,
}

pub(super) async fn run(arguments: Arguments, environment: &Environment) -> Result<(), CliError> {
    let Arguments { verb, remote } = arguments;
    let (client, printer) = (remote.client(environment)?, remote.printer());
    match verb {
        Verb::Show(pair) => {
            let version = pair.component.version.to_string();
            let query = [
                ("component", pair.component.name.as_str()),
                ("version", &version),
                ("role", pair.role.as_str()),
            ];
            let document = client.get(&["v1", "reviews"], &query).await?;
            // The document is nested and meant to be read whole.
            super::Printer::text(&format!("{document:#}\n"))
        }
        Verb::Approve { pair, comment } => {
            printer.object(&decide(&client, &pair, "approve", &comment).await?, ONE)
        }
        Verb::Reject { pair, comment } => {
            printer.object(&decide(&client, &pair, "reject", &comment).await?, ONE)
        }
        Verb::List => {
            let reviews = client.get(&["v1", "reviews"], &[]).await?;
            printer.list(&reviews, "reviews", COLUMNS)
        }
    }
}

async fn decide(
    client: &Client,
    pair: &Pair,
    decision: &str,
    comment: &str,
) -> Result<Value, CliError> {
    let review = json!({
        "component": pair.component.name,
        "version": pair.component.version.to_string(),
        "role": pair.role,
        "decision": decision,
        "comment": comment,
    });
    client.post(&["v1", "reviews"], &review).await
}
