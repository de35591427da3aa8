//! `sluice execution`.

use std::path::PathBuf;

use auth::names::Name;
use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::events::{self, COLUMNS as EVENT_COLUMNS};
use super::output::{Column, Printer};
use super::remote::Remote;
use super::{CliError, Environment, files};

const INPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;
const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("WORKFLOW", "/stateMachine"),
    ("NAME", "/name"),
    ("STATUS", "/status"),
    ("STARTED", "/startDate"),
    ("STOPPED", "/stopDate"),
];
const ONE: &[Column] = &[
    ("arn", "/executionArn"),
    ("id", "/id"),
    ("revision", "/revision"),
    ("status", "/status"),
    ("started at", "/startDate"),
    ("stopped at", "/stopDate"),
    ("started by", "/startedBy"),
    ("actor", "/actor"),
    ("input", "/input"),
    ("output", "/output"),
    ("error", "/error"),
    ("cause", "/cause"),
];

const LOG_COLUMNS: &[Column] = &[
    ("AT", "/at"),
    ("STATE", "/state"),
    ("STREAM", "/stream"),
    ("LINE", "/line"),
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
    /// Start an execution.
    Start {
        /// The state machine.
        #[arg(value_parser = Name::parse)]
        workflow: Name,
        /// The execution's name; starting the same name and input again is the same execution.
        #[arg(long, value_parser = Name::parse)]
        name: Option<Name>,
        /// The input, JSON text.
        #[arg(long, value_name = "JSON", conflicts_with = "input_file")]
        input: Option<String>,
        /// A file that holds the input.
        #[arg(long, value_name = "FILE")]
        input_file: Option<PathBuf>,
        /// Show its events until it ends; exit code 1 if it does not succeed.
        #[arg(long)]
        follow: bool,
    },
    /// Stop an execution.
    Stop {
        /// Its id or ARN.
        id: String,
        /// An error name to end it with.
        #[arg(long)]
        error: Option<String>,
        /// Why.
        #[arg(long)]
        cause: Option<String>,
    },
    /// Show an execution.
    Show {
        /// Its id or ARN.
        id: String,
    },
    /// List executions, newest first, or by name.
    List {
        /// Only those of this state machine, or of its version or alias: NAME, NAME:VERSION,
        /// NAME:ALIAS, or an ARN.
        #[arg(long)]
        workflow: Option<String>,
        /// Only those that stand so: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED.
        #[arg(long)]
        status: Option<String>,
        /// Only those whose names begin so, by name; needs --workflow.
        #[arg(long, value_name = "PREFIX", requires = "workflow")]
        name_prefix: Option<String>,
        /// Only those that started then or later, such as 2026-11-22T10:00:00Z.
        #[arg(long, value_name = "TIME")]
        started_after: Option<String>,
        /// Only those that started earlier.
        #[arg(long, value_name = "TIME")]
        started_before: Option<String>,
        /// Where the last page ended: its `nextToken` in JSON output.
        #[arg(long, value_name = "TOKEN")]
        next_token: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
    },
    /// Show what components wrote to stdout and stderr.
    Logs {
        /// Its id or ARN.
        id: String,
    },
    /// Show an execution's whole history.
    History {
        /// Its id or ARN.
        id: String,
    },
    /// Show an execution's events one by one.
    Events {
        /// Its id or ARN.
        id: String,
        /// Go on until it ends; exit code 1 if it does not succeed.
        #[arg(long)]
        follow: bool,
    },
}

pub(super) async fn run(arguments: Arguments, environment: &Environment) -> Result<(), CliError> {
    let Arguments { verb, remote } = arguments;
    let (client, printer) = (remote.client(environment)?, remote.printer());
    match verb {
        Verb::Start {
            workflow,
            name,
            input,
            input_file,
            follow,
        } => {
            let input = read_input(input, input_file)?;
            let started = start(&client, &workflow, name.as_ref(), input).await?;
            printer.object(&started, ONE)?;
            match started.get("id").and_then(Value::as_str) {
                Some(id) if follow => events::follow(&client, printer, id).await,
                Some(_) | None => Ok(()),
            }
        }
        Verb::Stop { id, error, cause } => {
            let mut reason = Map::new();
            for (name, value) in [("error", error), ("cause", cause)] {
                reason.extend(value.map(|value| (name.to_owned(), Value::String(value))));
            }
            let segments = ["v1", "executions", &id, "stop"];
            let stopped = client.post(&segments, &Value::Object(reason)).await?;
            printer.object(&stopped, &[("stopped at", "/stopDate")])
        }
        Verb::Show { id } => {
            let execution = client.get(&["v1", "executions", &id], &[]).await?;
            printer.object(&execution, ONE)
        }
        Verb::List {
            workflow,
            status,
            name_prefix,
            started_after,
            started_before,
            next_token,
            limit,
        } => {
            let limit = limit.to_string();
            let mut query = vec![("maxResults", limit.as_str())];
            let given = [
                ("stateMachine", &workflow),
                ("status", &status),
                ("namePrefix", &name_prefix),
                ("startedAfter", &started_after),
                ("startedBefore", &started_before),
                ("nextToken", &next_token),
            ];
            let given = given.into_iter();
            query.extend(given.filter_map(|(name, value)| Some((name, value.as_deref()?))));
            let executions = client.get(&["v1", "executions"], &query).await?;
            printer.list(&executions, "executions", COLUMNS)
        }
        Verb::Logs { id } => pages(&client, printer, &id, "logs", ("logs", LOG_COLUMNS)).await,
        Verb::History { id } | Verb::Events { id, follow: false } => {
            pages(&client, printer, &id, "history", ("events", EVENT_COLUMNS)).await
        }
        Verb::Events { id, follow: true } => events::follow(&client, printer, &id).await,
    }
}

fn read_input(text: Option<String>, file: Option<PathBuf>) -> Result<Value, CliError> {
    let text = match (text, file) {
        (Some(text), _) => text,
        (None, Some(path)) => files::text(&path, INPUT_BYTES_MAX)?,
        (None, None) => return Ok(json!({})),
    };
    let input = document::parse_json(text.as_bytes());
    input.map_err(|problem| CliError::Usage(format!("the input: {problem}")))
}

async fn start(
    client: &Client,
    workflow: &Name,
    name: Option<&Name>,
    input: Value,
) -> Result<Value, CliError> {
    let mut request = Map::new();
    request.insert("stateMachine".to_owned(), json!(workflow));
    request.extend(name.map(|name| ("name".to_owned(), json!(name))));
    request.insert("input".to_owned(), input);
    client
        .post(&["v1", "executions"], &Value::Object(request))
        .await
}

/// Prints every page of one listing below an execution: its items stand in one member.
async fn pages(
    client: &Client,
    printer: Printer,
    id: &str,
    listing: &str,
    (member, columns): (&str, &[Column]),
) -> Result<(), CliError> {
    let mut next: Option<String> = None;
    loop {
        let query: Vec<_> = next
            .iter()
            .map(|token| ("nextToken", token.as_str()))
            .collect();
        let page = client
            .get(&["v1", "executions", id, listing], &query)
            .await?;
        let items = page.get(member).and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            printer.item(item, columns)?;
        }
        let token = page.get("nextToken").and_then(Value::as_str);
        match token {
            Some(token) => next = Some(token.to_owned()),
            None => return Ok(()),
        }
    }
}
