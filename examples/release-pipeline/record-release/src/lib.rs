//! Records what became of a release: one file for each release and outcome, written once.
//!
//! A rerun after a crash carries the same idempotency key, finds its own file and succeeds; a
//! second execution for the same release carries another key and is refused.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use sluice_step::{Context, Failure, OrFail, step};

#[derive(serde::Deserialize)]
struct Input {
    service: String,
    version: String,
    outcome: String,
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    service: String,
    version: String,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    execution: String,
    idempotency_key: String,
}

#[step(manifest = "manifest.toml")]
fn record_release(input: Input, context: &Context) -> Result<Record, Failure> {
    record(Path::new("/releases"), input, context)
}

fn record(folder: &Path, input: Input, context: &Context) -> Result<Record, Failure> {
    let record = Record {
        service: plain(input.service)?,
        version: plain(input.version)?,
        outcome: plain(input.outcome)?,
        sha256: input.sha256,
        reason: input.reason,
        execution: context.execution.clone(),
        idempotency_key: context.idempotency_key.clone(),
    };
    let path = folder.join(format!(
        "{}-{}.{}.json",
        record.service, record.version, record.outcome
    ));
    match fs::read(&path) {
        Ok(bytes) => earlier(&bytes, record),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write(&path, &record).or_fail("Release.RecordUnwritable")?;
            println!("recorded {}", path.display());
            Ok(record)
        }
        Err(error) => Err(Failure::new("Release.RecordUnreadable", error.to_string())),
    }
}

/// A file name's part: no separators, no dot at its beginning.
fn plain(text: String) -> Result<String, Failure> {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    if !text.is_empty() && !text.starts_with('.') && text.chars().all(is_plain) {
        return Ok(text);
    }
    let cause = format!("`{}` cannot be part of a file name", text.escape_debug());
    Err(Failure::new("Release.InvalidName", cause))
}

fn earlier(bytes: &[u8], record: Record) -> Result<Record, Failure> {
    let earlier: Record = serde_json::from_slice(bytes).or_fail("Release.RecordUnreadable")?;
    if earlier.idempotency_key == record.idempotency_key {
        println!("already recorded by an earlier run of this attempt");
        return Ok(earlier);
    }
    let cause = format!("already recorded by {}", earlier.execution);
    Err(Failure::new("Release.AlreadyRecorded", cause))
}

/// Writes beside the file and renames, so that no reader and no rerun sees half a record.
fn write(path: &Path, record: &Record) -> io::Result<()> {
    let beside = path.with_extension("partial");
    let mut file = File::create(&beside)?;
    file.write_all(&serde_json::to_vec_pretty(record)?)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(folder: &Path, version: &str, idempotency_key: &str) -> Result<Record, String> {
        let input = Input {
            service: "payments".to_owned(),
            version: version.to_owned(),
            outcome: "released".to_owned(),
            sha256: None,
            reason: None,
        };
        let context = Context {
            idempotency_key: idempotency_key.to_owned(),
            ..Context::default()
        };
        record(folder, input, &context).map_err(|failure| failure.error)
    }

    #[test]
    fn a_release_is_recorded_once_whoever_asks_again() {
        let folder = std::env::temp_dir().join(format!("record-release-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let first = check(&folder, "1.0.0", "a");
        assert!(first.is_ok());
        assert_eq!(check(&folder, "1.0.0", "a"), first);
        assert_eq!(
            check(&folder, "1.0.0", "b"),
            Err("Release.AlreadyRecorded".to_owned())
        );
        assert_eq!(
            check(&folder, "../1.0.0", "a"),
            Err("Release.InvalidName".to_owned())
        );
        fs::remove_dir_all(&folder).unwrap();
    }
}
