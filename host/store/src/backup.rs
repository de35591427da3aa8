//! The backup format: everything a store holds, as lines of JSON that any later version can read.
//!
//! Each line is the CRC-32 of its JSON as eight hexadecimal digits, a space, and one item as JSON.
//! The first item is the heading, the last one counts the lines before it and has their SHA-256.
//! Nothing in it depends on how this program keeps things: lists, marks and pieces are made anew.

mod export;
mod restore;

use asl::ExecutionId;
use auth::names::Digest;
use ports::{Key, Start, StoreError, Summary};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::record::Stored;

pub(crate) use export::Export;
pub use restore::{RestoreError, Restored, check_backup, restore};

/// The version of this format. In the second one a record may say that nothing before it is needed
/// but some payloads, which programs of before would take for an execution without its past.
const VERSION: u32 = 2;

/// Bytes of a component in one line.
const BLOB_PART_BYTES: usize = 192 * 1024;

/// What one line says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Item {
    /// What follows, and how it must end.
    SluiceBackup(Heading),
    /// A component's facts, a role, a review, a state machine and the like.
    Document { key: Key, body: Value },
    /// Some bytes of a component, in base64; its parts follow one another.
    Blob {
        digest: Digest,
        bytes: u64,
        base64: String,
    },
    /// A payload that records name by its digest, as the text that has it.
    Payload { digest: Digest, text: String },
    /// An execution; its records follow.
    Execution { start: Box<Start>, summary: Summary },
    /// A record of the execution before it.
    Record(Box<Stored>),
    /// A link of the audit log; what links it follows from those before.
    Link { body: String },
    /// The end.
    End { lines: u64, sha256: String },
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Heading {
    /// Of the format.
    version: u32,
    /// The authority in force.
    authority: u64,
    /// How often the store had been opened.
    fence: u64,
    /// The end of the audit log, as [`ports::Head::to_json`] says.
    audit: Value,
    /// The last link that is no longer kept.
    anchor: Value,
}

/// The line that holds an item.
fn line(item: &Item) -> Result<Vec<u8>, StoreError> {
    let text = crate::prepare::json(item)?;
    let mut line = format!("{:08x} ", crc32fast::hash(&text)).into_bytes();
    line.extend_from_slice(&text);
    line.push(b'\n');
    Ok(line)
}

/// The item of a line, which ends with a line feed.
fn item(line: &[u8]) -> Result<Item, String> {
    let parse = || {
        let (checksum, text) = line.split_at_checked(8)?;
        let text = text.strip_prefix(b" ")?.strip_suffix(b"\n")?;
        Some((std::str::from_utf8(checksum).ok()?, text))
    };
    let Some((checksum, text)) = parse() else {
        return Err("is not a line of a backup".to_owned());
    };
    if format!("{:08x}", crc32fast::hash(text)) != checksum {
        return Err("does not match its checksum".to_owned());
    }
    serde_json::from_slice(text).map_err(|error| format!("cannot be read: {error}"))
}

/// Which executions a link tells to be no longer kept.
fn expired(record: &ports::AuditRecord) -> Vec<ExecutionId> {
    if record.action != ports::EXPIRE_EXECUTIONS {
        return Vec::new();
    }
    let executions = record.outcome.get("executions").and_then(Value::as_array);
    let ids = executions.into_iter().flatten();
    ids.filter_map(|told| ExecutionId::parse(told.get("id")?.as_str()?))
        .collect()
}

#[cfg(test)]
mod tests;
