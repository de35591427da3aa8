//! The programs the demo builds and runs.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::process::Command;

/// What a program that ended well wrote to its standard output.
///
/// # Errors
/// It could not be run, or ended badly; then with what it wrote to standard error.
pub(crate) async fn output_of(command: &mut Command) -> Result<String> {
    let program = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let output = output.with_context(|| format!("`{program}` cannot be run"))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{program}` failed with {}:\n{}",
            output.status,
            reason.trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds the host in the profile of the demo itself.
///
/// # Errors
/// It does not build.
pub(crate) async fn build_host() -> Result<PathBuf> {
    let workspace = guests::folder().join("..");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(workspace)
        .args(["build", "--quiet", "--bin", "sluice"]);
    command.args(["--message-format", "json-render-diagnostics"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let messages = output_of(&mut command)
        .await
        .context("the host does not build")?;
    let executable = messages.lines().find_map(executable);
    executable.context("cargo did not say where it put the host")
}

fn executable(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message.pointer("/target/name")? != "sluice" {
        return None;
    }
    Some(PathBuf::from(message.get("executable")?.as_str()?))
}

/// Builds the step in C, or says why it cannot be built here.
///
/// # Errors
/// Everything it needs is there and it still does not build.
pub(crate) async fn build_checksum_c(
    output: &Path,
) -> Result<std::result::Result<Vec<u8>, String>> {
    if cfg!(windows) {
        return Ok(Err("its build script needs a POSIX shell".to_owned()));
    }
    let script = guests::folder().join("checksum-c/build.sh");
    let built = Command::new("sh")
        .arg(script)
        .arg(output)
        .stdin(Stdio::null())
        .output()
        .await;
    let built = match built {
        Ok(built) => built,
        Err(error) => return Ok(Err(format!("no shell can be run: {error}"))),
    };
    let reason = String::from_utf8_lossy(&built.stderr).trim().to_owned();
    match built.status.code() {
        Some(0) => Ok(Ok(tokio::fs::read(output).await?)),
        Some(2) => Ok(Err(reason)),
        Some(_) | None => bail!("the step in C does not build: {reason}"),
    }
}
