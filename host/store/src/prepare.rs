//! Turning a commit into entries on the caller's own task, so that the one thread that writes
//! only checks and orders.

use std::sync::Arc;

use asl::{ExecutionId, Header};
use auth::authority::AuthorityVersion;
use auth::names::Digest;
use ports::{
    AuditRecord, Blob, Change, Commit, ExecutionCommit, Fence, Key, Record, Start, StoreError,
};
use serde::Serialize;

use crate::envelope::{Entry, Kind};
use crate::key;
use crate::standings::{self, Mark};

/// What sealing adds to an audit record: a hash and a length.
const LINK_BYTES: usize = 40;

/// A commit, serialised.
pub(crate) struct Prepared {
    pub(crate) decided_under: Option<AuthorityVersion>,
    pub(crate) moves_authority: bool,
    pub(crate) execution: Option<Step>,
    pub(crate) documents: Vec<(Key, Entry)>,
    pub(crate) blobs: Vec<Entry>,
    /// Audit records as JSON text.
    pub(crate) audit: Vec<String>,
    /// How much it adds to a write, about.
    pub(crate) bytes: usize,
}

/// One step of an execution, serialised.
pub(crate) struct Step {
    pub(crate) id: ExecutionId,
    pub(crate) fence: Fence,
    pub(crate) number: u32,
    pub(crate) record: Entry,
    /// The record's number and the digest of its stored text.
    pub(crate) checkpoint: (u32, String),
    pub(crate) beginning: Option<Beginning>,
    pub(crate) summary: Vec<u8>,
    /// Where the execution is listed after this step.
    pub(crate) mark: Mark,
}

/// The first step of an execution.
pub(crate) struct Beginning {
    /// The [`Start`] as JSON.
    pub(crate) start: Vec<u8>,
    pub(crate) name: Entry,
    pub(crate) listed: Vec<Entry>,
}

impl Prepared {
    /// Serialises a commit.
    ///
    /// # Errors
    /// The commit contradicts itself.
    pub(crate) fn new(commit: Commit) -> Result<Self, StoreError> {
        if commit.audit.is_empty() {
            return Err(refused("a commit needs an audit record"));
        }
        let execution = commit.execution.map(Step::new).transpose()?;
        let documents = commit.documents.into_iter().map(document);
        let documents = documents.collect::<Result<Vec<_>, _>>()?;
        let blobs = commit
            .blobs
            .iter()
            .map(blob)
            .collect::<Result<Vec<_>, _>>()?;
        let entries = documents.iter().map(|(_, entry)| entry).chain(&blobs);
        let step_bytes = execution.as_ref().map_or(0, Step::bytes);
        let checkpoint = execution.as_ref().map(|step| &step.checkpoint);
        let audit = commit
            .audit
            .into_iter()
            .map(|record| link_body(record, checkpoint));
        let audit = audit.collect::<Result<Vec<_>, _>>()?;
        let audit_bytes = audit
            .iter()
            .map(|body| LINK_BYTES + body.len())
            .sum::<usize>();
        Ok(Self {
            decided_under: commit.decided_under,
            moves_authority: commit.moves_authority,
            bytes: entries.map(Entry::bytes).sum::<usize>() + step_bytes + audit_bytes,
            execution,
            documents,
            blobs,
            audit,
        })
    }
}

impl Step {
    fn new(commit: ExecutionCommit) -> Result<Self, StoreError> {
        let ExecutionCommit {
            id,
            fence,
            start,
            record,
            summary,
        } = commit;
        let Record {
            number, posture, ..
        } = record;
        if start.is_some() != (number == 0) {
            let problem =
                format!("record {number} of execution `{id}` and its start do not belong together");
            return Err(refused(problem));
        }
        let text = json(&record)?;
        let digest = Digest::of(&text);
        Ok(Self {
            record: Entry::new(Kind::Record, key::record(&id, number), &text),
            checkpoint: (number, digest.as_str().to_owned()),
            beginning: start.map(|start| Beginning::new(&id, &start)).transpose()?,
            summary: json(&summary)?,
            mark: Mark::of(summary.status, posture),
            id,
            fence,
            number,
        })
    }

    /// How much the step adds to a write, about.
    fn bytes(&self) -> usize {
        let beginning = self.beginning.as_ref();
        let beginning = beginning.map_or(0, |beginning| {
            let listed: usize = beginning.listed.iter().map(Entry::bytes).sum();
            beginning.start.len() + beginning.name.bytes() + listed
        });
        self.record.bytes() + self.summary.len() + beginning
    }

    /// The entry of start and summary.
    pub(crate) fn standing_entry(&self, start: &[u8]) -> Entry {
        let content = standings::join(start, &self.summary);
        Entry::new(Kind::Execution, key::execution(&self.id), &content)
    }
}

impl Beginning {
    fn new(id: &ExecutionId, start: &Start) -> Result<Self, StoreError> {
        let header = &start.header;
        if header.id != *id {
            return Err(refused(format!(
                "the header of execution `{id}` is that of `{}`",
                header.id
            )));
        }
        let mut arns = match header.map_run {
            None => start.selection.arns(&header.machine_arn),
            Some(_) => Vec::new(),
        };
        arns.push(header.listed_under().to_owned());
        for text in arns.iter().chain([&header.name]) {
            free_of_nul(text)?;
        }
        let name = key::name(header.listed_under(), &unique_name(start));
        let listed = arns.iter().map(|arn| key::listed(arn, id));
        Ok(Self {
            start: json(start)?,
            name: Entry::new(Kind::Name, name, id.as_str().as_bytes()),
            listed: listed.map(|key| Entry::new(Kind::Mark, key, b"")).collect(),
        })
    }
}

/// What no other execution of the state machine may be called. Names of express executions may
/// be used again, so that their ARNs end in their ids; one that an effect of another execution
/// started is found by that effect, which starts no second one.
fn unique_name(start: &Start) -> String {
    let Header { arn, name, id, .. } = &start.header;
    match (arn.contains(":express:"), &start.selection.parent) {
        (true, Some(parent)) => parent.express_name(name),
        (true, None) => format!("{name}:{id}"),
        (false, _) => name.clone(),
    }
}

/// What is sealed: the record, with the execution's record that is written with it.
fn link_body(
    mut record: AuditRecord,
    checkpoint: Option<&(u32, String)>,
) -> Result<String, StoreError> {
    record.checkpoint = checkpoint.cloned();
    serde_json::to_string(&record).map_err(|error| unserialisable(&error))
}

fn document(change: Change) -> Result<(Key, Entry), StoreError> {
    free_of_nul(&change.key.name)?;
    let entry = Entry::new(
        Kind::Document,
        key::document(&change.key),
        &json(&change.body)?,
    );
    Ok((change.key, entry))
}

fn blob(blob: &Blob) -> Result<Entry, StoreError> {
    if Digest::of(&blob.bytes) != blob.digest {
        return Err(refused(format!(
            "the bytes do not have the digest `{}`",
            blob.digest
        )));
    }
    Ok(Entry::new(Kind::Blob, key::blob(&blob.digest), &blob.bytes))
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| unserialisable(&error))
}

fn unserialisable(error: &serde_json::Error) -> StoreError {
    refused(format!("cannot be serialised: {error}"))
}

fn free_of_nul(name: &str) -> Result<(), StoreError> {
    match name.contains('\0') {
        true => Err(refused(format!(
            "the name `{}` holds a NUL character",
            name.escape_debug()
        ))),
        false => Ok(()),
    }
}

/// The error for a commit that no store could write.
pub(crate) fn refused(problem: impl Into<Arc<str>>) -> StoreError {
    StoreError::Io(problem.into())
}
