//! `sluice audit`: reading, exporting and verifying the log, with a host or without.

mod source;

use std::io::Write as _;
use std::path::PathBuf;

use ::audit::Verifier;
use asl::Timestamp;
use clap::Subcommand;
use serde_json::Value;

use super::output::{Column, Printer};
use super::remote::Remote;
use super::{CliError, Environment};
use source::Source;

const COLUMNS: &[Column] = &[
    ("SEQUENCE", "/sequence"),
    ("AT", "/record/at"),
    ("WHO", "/record/caller/principal/subject"),
    ("ACTOR", "/record/caller/actors/0/subject"),
    ("ACTION", "/record/action"),
    ("RESOURCE", "/record/resource"),
    ("DECISION", "/record/decision/effect"),
    ("RULE", "/record/decision/rule"),
    ("RULES", "/record/decision/rules"),
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
    /// List records, oldest first.
    List {
        /// Only those after this one.
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// How many at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
    },
    /// Walk the whole log and name the first bad record; exit code 1 if there is one.
    Verify {
        /// An exported file.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The data folder of a host that is not running.
        #[arg(long, value_name = "DIR", conflicts_with = "file")]
        data: Option<PathBuf>,
    },
    /// Write the whole log, one record per line, to be verified anywhere.
    Export {
        /// Where to; standard output if not given.
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

pub(super) async fn run(arguments: Arguments, environment: &Environment) -> Result<(), CliError> {
    let Arguments { verb, remote } = arguments;
    let printer = remote.printer();
    match verb {
        Verb::List { after, limit } => {
            let (after, limit) = (after.to_string(), limit.to_string());
            let query = [("after", after.as_str()), ("maxResults", limit.as_str())];
            let client = remote.client(environment)?;
            let mut records = client.get(&["v1", "audit"], &query).await?;
            if printer.is_for_people() {
                tell_the_time(&mut records);
            }
            printer.list(&records, "records", COLUMNS)
        }
        Verb::Verify {
            file: Some(path), ..
        } => verify(Source::file(&path)?, printer).await,
        Verb::Verify {
            data: Some(path), ..
        } => verify(Source::folder(&path).await?, printer).await,
        Verb::Verify { .. } => verify(Source::host(remote.client(environment)?), printer).await,
        Verb::Export { out } => {
            let source = Source::host(remote.client(environment)?);
            export(source, out, printer).await
        }
    }
}

/// Times are stored in milliseconds since the Unix epoch.
fn tell_the_time(page: &mut Value) {
    let links = page.get_mut("records").and_then(Value::as_array_mut);
    for link in links.into_iter().flatten() {
        let at = link.pointer_mut("/record/at");
        if let Some((at, milliseconds)) = at.and_then(|at| at.as_i64().map(|ms| (at, ms))) {
            *at = Value::String(Timestamp(milliseconds).to_rfc3339());
        }
    }
}

async fn verify(mut source: Source, printer: Printer) -> Result<(), CliError> {
    let mut verifier = Verifier::new();
    let mut begin = 0;
    while let Some(links) = source.next().await? {
        // What was pruned, at first or while the log is read, is not there to be verified.
        if let Some(anchor) = source.anchor()
            && anchor.length > verifier.head().length
        {
            begin = anchor.length;
            verifier = Verifier::behind(anchor);
        }
        for link in links {
            let link = link.map_err(|problem| {
                let sequence = verifier.head().length.saturating_add(1);
                CliError::Refused(format!("audit record {sequence}: {problem}"))
            })?;
            verifier.push(&link).map_err(refused)?;
        }
    }
    let head = match source.head() {
        Some(head) => verifier.finish(head).map_err(refused)?,
        None => {
            verifier.anchored().map_err(refused)?;
            verifier.head()
        }
    };
    let mut report = serde_json::json!({
        "records": head.length.saturating_sub(begin),
        "head": head.hash.to_string(),
    });
    if let (Some(members), 1..) = (report.as_object_mut(), begin) {
        members.insert("prunedUpTo".to_owned(), Value::from(begin));
    }
    let columns = [
        ("records", "/records"),
        ("pruned up to", "/prunedUpTo"),
        ("head", "/head"),
    ];
    printer.object(&report, &columns)?;
    printer.note("every record follows from the one before")
}

fn refused(broken: ::audit::Broken) -> CliError {
    CliError::Refused(broken.to_string())
}

async fn export(
    mut source: Source,
    out: Option<PathBuf>,
    printer: Printer,
) -> Result<(), CliError> {
    let unwritable =
        |error: std::io::Error| CliError::Usage(format!("the export cannot be written: {error}"));
    let mut file = match &out {
        Some(path) => Some(std::io::BufWriter::new(
            std::fs::File::create(path).map_err(unwritable)?,
        )),
        None => None,
    };
    let mut count: u64 = 0;
    while let Some(links) = source.next().await? {
        for link in links {
            let link = link.map_err(CliError::Unreachable)?;
            let line = format!("{}\n", ::audit::to_wire(&link));
            match &mut file {
                Some(file) => file.write_all(line.as_bytes()).map_err(unwritable)?,
                None => Printer::text(&line)?,
            }
            count = count.saturating_add(1);
        }
    }
    if let Some(file) = file {
        let file = file
            .into_inner()
            .map_err(|error| unwritable(error.into_error()))?;
        file.sync_all().map_err(unwritable)?;
        printer.object(&Value::from(count), &[("records", "")])?;
    }
    Ok(())
}
