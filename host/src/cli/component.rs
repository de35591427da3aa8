//! `sluice component`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use ports::{Rejected, Runner as _};
use serde_json::json;

use super::output::{Column, Printer};
use super::reference::Reference;
use super::remote::Remote;
use super::{CliError, Environment, embed, files};
use crate::assemble;

const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
const COLUMNS: &[Column] = &[
    ("NAME", "/name"),
    ("VERSION", "/version"),
    ("DIGEST", "/digest"),
    ("EXPORTS", "/exports"),
    ("UPLOADED", "/uploadedAt"),
];
const ONE: &[Column] = &[
    ("name", "/name"),
    ("version", "/version"),
    ("digest", "/digest"),
    ("exports", "/exports"),
    ("bytes", "/bytes"),
    ("imports", "/imports"),
    ("needs", "/needs"),
    ("uploaded by", "/uploadedBy"),
    ("uploaded at", "/uploadedAt"),
];
const INSPECTION: &[Column] = &[
    ("digest", "/digest"),
    ("exports", "/exports"),
    ("imports", "/imports"),
    ("needs", "/needs"),
    ("problems", "/problems"),
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
    /// Upload a version; a version once stored never changes.
    Upload {
        /// NAME@VERSION.
        component: Reference,
        /// The component's file.
        file: PathBuf,
    },
    /// List every version of every component.
    List,
    /// Show one version: its imports and needs.
    Show {
        /// NAME@VERSION.
        component: Reference,
    },
    /// Read a local file as a host would, without one.
    Inspect {
        /// The component's file.
        file: PathBuf,
    },
    /// Add a manifest to a component of any language.
    Embed {
        /// The manifest, TOML.
        #[arg(long, value_name = "FILE")]
        manifest: PathBuf,
        /// The component's file.
        file: PathBuf,
        /// Where to write the component with its manifest.
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
    },
}

pub(super) async fn run(arguments: Arguments, environment: &Environment) -> Result<(), CliError> {
    let Arguments { verb, remote } = arguments;
    let printer = remote.printer();
    match verb {
        Verb::Upload { component, file } => {
            let wasm = files::bytes(&file, FILE_BYTES_MAX)?;
            let (name, version) = (component.name.to_string(), component.version.to_string());
            let segments = ["v1", "components", &name, "versions", &version];
            let client = remote.client(environment)?;
            let stored = client.put(&segments, &[], "application/wasm", wasm).await?;
            printer.object(&stored, ONE)
        }
        Verb::List => {
            let client = remote.client(environment)?;
            let components = client.get(&["v1", "components"], &[]).await?;
            printer.list(&components, "components", COLUMNS)
        }
        Verb::Show { component } => {
            let (name, version) = (component.name.to_string(), component.version.to_string());
            let segments = ["v1", "components", &name, "versions", &version];
            let found = remote.client(environment)?.get(&segments, &[]).await?;
            printer.object(&found, ONE)
        }
        Verb::Inspect { file } => inspect(&file, printer).await,
        Verb::Embed {
            manifest,
            file,
            out,
        } => {
            let manifest = files::text(&manifest, FILE_BYTES_MAX)?;
            let wasm = files::bytes(&file, FILE_BYTES_MAX)?;
            let embedded = embed::embed(&wasm, &manifest)?;
            std::fs::write(&out, embedded).map_err(|error| {
                CliError::Usage(format!("`{}` cannot be written: {error}", out.display()))
            })?;
            printer.note(&format!("wrote {}", out.display()))
        }
    }
}

async fn inspect(file: &Path, printer: Printer) -> Result<(), CliError> {
    let wasm = files::bytes(file, FILE_BYTES_MAX)?;
    let inspector = assemble::inspector();
    let inspector = inspector.map_err(|error| CliError::Unreachable(error.to_string()))?;
    let inspection = inspector
        .inspect(wasm.into())
        .await
        .map_err(|rejected| match rejected {
            Rejected::Invalid(_) => CliError::Refused(rejected.to_string()),
            Rejected::Host(_) => CliError::Unreachable(rejected.to_string()),
        })?;
    let (needs, problems) = embed::needs(&inspection);
    let is_good = problems.is_empty();
    let shown = json!({
        "digest": inspection.digest,
        "exports": inspection.exports,
        "imports": inspection.imports,
        "needs": needs,
        "problems": problems,
    });
    printer.object(&shown, INSPECTION)?;
    match is_good {
        true => Ok(()),
        false => Err(CliError::Refused(
            "a host would refuse this component".to_owned(),
        )),
    }
}
