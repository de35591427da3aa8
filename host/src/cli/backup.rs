//! `sluice backup` and `sluice restore`: everything a host keeps, into a file and out of it.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use ports::Backup;
use serde_json::json;
use store::RestoreError;

use super::output::{Format, Printer};
use super::remote::Remote;
use super::{CliError, Environment};
use crate::{assemble, private_file};

/// What `backup` is told.
#[derive(Debug, Args)]
pub(crate) struct BackupArguments {
    /// Where to; the file appears once it is whole and was read again.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// The data folder of a host that is not running, instead of a running host.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// What `restore` is told.
#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The data folder to make; it must hold no store.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// How answers are shown.
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

pub(super) async fn backup(
    arguments: BackupArguments,
    environment: &Environment,
) -> Result<(), CliError> {
    let BackupArguments { out, data, remote } = arguments;
    let printer = remote.printer();
    let unfinished = unfinished(&out)?;
    let mut file = Partial::create(&unfinished)?;
    match data {
        Some(data) => {
            let mut backup = assemble::backup(&data).await?;
            while let Some(bytes) = next(&mut backup)? {
                file.write(&bytes)?;
            }
        }
        None => {
            let client = remote.client(environment)?;
            let mut answer = client.download(&["v1", "backup"]).await?;
            while let Some(bytes) = answer.next().await? {
                file.write(&bytes)?;
            }
        }
    }
    file.finish()?;
    let reading = File::open(&unfinished).map_err(|error| unwritable(&unfinished, &error))?;
    let checked = store::check_backup(BufReader::new(reading));
    let lines = checked.map_err(|error| CliError::Unreachable(error.to_string()))?;
    fs::rename(&unfinished, &out).map_err(|error| unwritable(&out, &error))?;
    let report = json!({"file": out.display().to_string(), "lines": lines});
    printer.object(&report, &[("file", "/file"), ("lines", "/lines")])?;
    printer.note("it was read again, every line is as it was written")
}

fn next(backup: &mut Box<dyn Backup>) -> Result<Option<Vec<u8>>, CliError> {
    let bytes = backup.next_bytes();
    bytes.map_err(|error| CliError::Refused(format!("the store cannot be read: {error}")))
}

pub(super) fn restore(arguments: RestoreArguments) -> Result<(), CliError> {
    let RestoreArguments { file, data, output } = arguments;
    let printer = Printer::new(output);
    let source = File::open(&file).map_err(|error| {
        CliError::Usage(format!("`{}` cannot be read: {error}", file.display()))
    })?;
    let restored = assemble::restore(&data, BufReader::new(source));
    let restored = restored.map_err(|error| match error {
        RestoreError::Occupied(_) | RestoreError::Open(_) => CliError::Usage(error.to_string()),
        RestoreError::Line { .. }
        | RestoreError::Incomplete(_)
        | RestoreError::Read(_)
        | RestoreError::Store(_) => CliError::Refused(format!(
            "{error}; what was made in `{}` cannot be used, remove it",
            data.display()
        )),
    })?;
    let report = json!({
        "documents": restored.documents,
        "components": restored.blobs,
        "executions": restored.executions,
        "records": restored.records,
        "expired": restored.expired,
        "audit": restored.audit.to_json(),
    });
    let columns = [
        ("documents", "/documents"),
        ("components", "/components"),
        ("executions", "/executions"),
        ("records", "/records"),
        ("expired", "/expired"),
        ("audit records", "/audit/length"),
        ("audit head", "/audit/hash"),
    ];
    printer.object(&report, &columns)?;
    printer.note("every record that the audit log names is there, and no other")
}

/// The name of a backup that is not whole yet.
fn unfinished(out: &Path) -> Result<PathBuf, CliError> {
    let Some(name) = out.file_name() else {
        let shown = out.display();
        return Err(CliError::Usage(format!("`{shown}` is not a file's name")));
    };
    let mut name = name.to_owned();
    name.push(".partial");
    Ok(out.with_file_name(name))
}

fn unwritable(path: &Path, error: &io::Error) -> CliError {
    CliError::Usage(format!("`{}` cannot be written: {error}", path.display()))
}

/// A file that is being written.
struct Partial<'a> {
    path: &'a Path,
    file: BufWriter<File>,
}

impl<'a> Partial<'a> {
    /// Makes a file that only its owner can read: a backup holds every payload.
    fn create(path: &'a Path) -> Result<Self, CliError> {
        let left_over = fs::remove_file(path);
        let made = match left_over {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => private_file::create(path),
        };
        let file = made.map_err(|error| unwritable(path, &error))?;
        Ok(Self {
            path,
            file: BufWriter::new(file),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| unwritable(self.path, &error))
    }

    fn finish(self) -> Result<(), CliError> {
        let path = self.path;
        let flushed = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error);
        let synced = flushed.and_then(|file| file.sync_all());
        synced.map_err(|error| unwritable(path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_backup_stands_beside_where_it_will_be() {
        assert_eq!(
            unfinished(Path::new("a/b.backup")).unwrap(),
            Path::new("a/b.backup.partial")
        );
        assert!(unfinished(Path::new("/")).is_err());
    }
}
