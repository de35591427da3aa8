//! `sluice whoami`.

use super::output::Column;
use super::remote::Remote;
use super::{CliError, Environment};

const ONE: &[Column] = &[
    ("issuer", "/principal/issuer"),
    ("subject", "/principal/subject"),
    ("kind", "/principal/kind"),
    ("groups", "/groups"),
    ("actors", "/actors"),
    ("method", "/method"),
    ("expires at", "/expiresAt"),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn run(arguments: Arguments, environment: &Environment) -> Result<(), CliError> {
    let client = arguments.remote.client(environment)?;
    let caller = client.get(&["v1", "whoami"], &[]).await?;
    arguments.remote.printer().object(&caller, ONE)
}
