//! Which host a command speaks to, and as whom.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::client::Client;
use super::output::{Format, Printer};
use super::{CliError, Environment, files};
use crate::secret::Secret;

const URL: &str = "http://127.0.0.1:8080";
const READY_FILE: &str = ".sluice/ready.json";
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Which host a command speaks to, and as whom.
#[derive(Clone, Debug, Args)]
pub(super) struct Remote {
    /// The host's address [env: SLUICE_URL] [default: http://127.0.0.1:8080].
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// A file that holds the bearer token; SLUICE_TOKEN holds the token itself.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The ready file of a `sluice dev`, for its address and, with --as, a token.
    #[arg(long, global = true, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Whose token of the ready file to use: author, operator, reviewer, approver, auditor, agent.
    #[arg(
        long = "as",
        global = true,
        value_name = "NAME",
        conflicts_with = "token_file"
    )]
    person: Option<String>,
    /// How answers are shown.
    #[arg(long, global = true, value_enum, default_value_t)]
    output: Format,
}

impl Remote {
    /// The writer for this command's answers.
    pub(super) fn printer(&self) -> Printer {
        Printer::new(self.output)
    }

    /// A client for the host, with a token where one is named.
    ///
    /// # Errors
    /// A file that cannot be read, a name the ready file does not have, a bad address.
    pub(super) fn client(&self, environment: &Environment) -> Result<Client, CliError> {
        let variable = |name: &str| {
            let found = environment.iter().find(|(known, _)| known == name);
            found
                .map(|(_, value)| value.clone())
                .filter(|value| !value.is_empty())
        };
        let ready = self.ready()?;
        let url = self.url.clone().or_else(|| {
            let ready_url = ready.as_ref().and_then(|ready| ready.get("url")?.as_str());
            ready_url
                .map(str::to_owned)
                .or_else(|| variable("SLUICE_URL"))
        });
        let token = match (&self.token_file, &self.person, ready) {
            (Some(path), ..) => Some(Secret::new(files::text(path, FILE_BYTES_MAX)?.trim())),
            (None, Some(person), Some(ready)) => Some(person_token(&ready, person)?),
            (None, _, _) => variable("SLUICE_TOKEN").map(|token| Secret::new(token.trim())),
        };
        Client::new(url.as_deref().unwrap_or(URL), token)
    }

    /// The ready file, where one is named or `--as` needs it.
    fn ready(&self) -> Result<Option<Value>, CliError> {
        let path = match (&self.ready_file, &self.person) {
            (Some(path), _) => path.as_path(),
            (None, Some(_)) => Path::new(READY_FILE),
            (None, None) => return Ok(None),
        };
        let text = files::text(path, FILE_BYTES_MAX)?;
        let ready = document::parse_json(text.as_bytes()).map_err(|problem| {
            CliError::Usage(format!(
                "`{}` is not a ready file: {problem}",
                path.display()
            ))
        })?;
        Ok(Some(ready))
    }
}

fn person_token(ready: &Value, person: &str) -> Result<Secret, CliError> {
    let tokens = ready.get("tokens").and_then(Value::as_object);
    let token = tokens.and_then(|tokens| tokens.get(person)?.as_str());
    token.map(Secret::new).ok_or_else(|| {
        let names = tokens.map(|tokens| tokens.keys().cloned().collect::<Vec<_>>());
        CliError::Usage(format!(
            "the ready file has no token for `{}`, it has `{}`",
            person.escape_debug(),
            names.unwrap_or_default().join("`, `")
        ))
    })
}
