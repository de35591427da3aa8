//! `sluice doctor`.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::output::{Format, Printer};
use super::{CliError, Environment};
use crate::config::{Mode, Sources};
use crate::doctor::{Network, Verdict, examine};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The configuration file of the host; environment variables win over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder that holds everything.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address that the host listens on.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Judge as for `sluice dev`.
    #[arg(long)]
    dev: bool,
    /// Ask no identity provider, and no collector of traces.
    #[arg(long)]
    offline: bool,
    /// How the findings are shown.
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// Prints one line per finding; the exit code is 0 if all is well, 1 with warnings, 2 with
/// failures.
pub(super) async fn run(
    arguments: Arguments,
    environment: &Environment,
) -> Result<ExitCode, CliError> {
    let sources = Sources {
        mode: match arguments.dev {
            true => Mode::Development,
            false => Mode::Serve,
        },
        file: arguments.config,
        environment: environment.clone(),
        listen: arguments.listen,
        data: arguments.data,
        mock_config: None,
    };
    let network = match arguments.offline {
        true => Network::Offline,
        false => Network::Asked,
    };
    let findings = examine(&sources, network).await;
    let verdicts = findings.iter().map(|finding| finding.verdict);
    let worst = verdicts.max().unwrap_or(Verdict::Ok);
    let printer = Printer::new(arguments.output);
    if printer.is_for_people() {
        for finding in &findings {
            let (word, check) = (finding.verdict.word(), finding.check);
            let advice = finding.advice.as_deref();
            let advice = advice.map_or(String::new(), |advice| format!(" -> {advice}"));
            printer.note(&format!("{word:4}  {check}: {}{advice}", finding.found))?;
        }
    } else {
        let checks: Vec<_> = findings.iter().map(|finding| finding.to_json()).collect();
        let report = json!({"verdict": worst.word(), "checks": checks});
        printer.object(&report, &[])?;
    }
    Ok(match worst {
        Verdict::Ok => ExitCode::SUCCESS,
        Verdict::Warn => ExitCode::from(1),
        Verdict::Fail => ExitCode::from(2),
    })
}
