//! One run: each measurement in a process and a folder of its own, one after another.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::ValueEnum as _;
use tokio_util::sync::CancellationToken;

use crate::again::{Again, Inside};
use crate::figure::Figure;
use crate::machine::{self, Machine};
use crate::measurements::{Here, Measurement};
use crate::options::{Options, Output};
use crate::report::{Measured, Report};
use crate::show;

/// Measures what is asked for and tells it.
///
/// # Errors
/// The folder or the programs are missing, or a measurement failed.
pub(crate) async fn run(options: Options) -> Result<()> {
    if options.list {
        for measurement in Measurement::value_variants() {
            println!("{:<12} {}", measurement.to_string(), measurement.about());
        }
        return Ok(());
    }
    let parent = options.folder.unwrap_or_else(std::env::temp_dir);
    ensure!(parent.is_dir(), "`{}` is not a folder", parent.display());
    let names = match options.names.is_empty() {
        true => Measurement::value_variants().to_vec(),
        false => options.names,
    };
    let here = Here {
        folder: parent.clone(),
        is_long: options.long,
        component: guests::Guests::build()?.path("hello")?.to_owned(),
        host: host_program(&names)?,
    };
    let mut report = Report::new(Machine::of(&parent), machine::revision(), options.long);
    tell(options.output, || show::header(&report));
    let stop = CancellationToken::new();
    tokio::spawn(stop_when_interrupted(stop.clone()));
    for measurement in names {
        let measured = measure(measurement, &here, &stop).await;
        ensure!(!stop.is_cancelled(), "stopped");
        tell(options.output, || show::measured(&measured));
        report.measurements.push(measured);
    }
    if options.output == Output::Json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    let failed = report.failed();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

async fn stop_when_interrupted(stop: CancellationToken) {
    if tokio::signal::ctrl_c().await.is_ok() {
        stop.cancel();
    }
}

async fn measure(measurement: Measurement, here: &Here, stop: &CancellationToken) -> Measured {
    let began = Instant::now();
    let (figures, error) = match figures(measurement, here, stop).await {
        Ok(figures) => (figures, None),
        Err(error) => (Vec::new(), Some(format!("{error:#}"))),
    };
    Measured {
        name: measurement.to_string(),
        about: measurement.about().to_owned(),
        seconds: began.elapsed().as_secs_f64(),
        figures,
        error,
    }
}

/// One measurement in a folder that is gone afterwards, for no longer than it may take.
async fn figures(
    measurement: Measurement,
    here: &Here,
    stop: &CancellationToken,
) -> Result<Vec<Figure>> {
    let folder = tempfile::Builder::new()
        .prefix("sluice-measure-")
        .tempdir_in(&here.folder)?;
    let here = Here {
        folder: folder.path().to_owned(),
        ..here.clone()
    };
    let time = Duration::from_secs(measurement.seconds_max(here.is_long));
    let mut again = Again::start(Inside::Measurement, &(measurement.to_string(), &here))?;
    let answer = tokio::select! {
        biased;
        () = stop.cancelled() => Err(anyhow!("stopped")),
        () = tokio::time::sleep(time) => Err(anyhow!("it took longer than {time:?}")),
        answer = again.answer() => answer,
    };
    again.end().await?;
    folder.close().context("the folder cannot be removed")?;
    answer
}

fn tell(output: Output, text: impl FnOnce() -> String) {
    match output {
        Output::Text => println!("{}", text().trim_end()),
        Output::Json => eprintln!("{}", text().trim_end()),
    }
}

/// The host's program beside this one, built first where cargo runs this one.
fn host_program(names: &[Measurement]) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let program = own.with_file_name(format!("sluice{}", std::env::consts::EXE_SUFFIX));
    if !names.iter().any(|name| name.needs_host()) {
        return Ok(program);
    }
    if let Some(cargo) = std::env::var_os("CARGO") {
        build_host(Path::new(&cargo))?;
    }
    ensure!(
        program.is_file(),
        "there is no host at `{}`: build it with `cargo build --release --bin sluice`",
        program.display()
    );
    Ok(program)
}

/// Built as a part of the whole workspace, like this program, so that nothing is compiled twice.
fn build_host(cargo: &Path) -> Result<()> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let mut command = Command::new(cargo);
    command
        .current_dir(workspace.context("this folder is in the workspace")?)
        .args(["build", "--quiet", "--workspace", "--bin", "sluice"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    ensure!(command.status()?.success(), "the host does not build");
    Ok(())
}
