//! Turning a commit into entries on the caller's own task, so that the one thread that writes
//! only checks and orders.

use std::sync::Arc;

use asl::{ExecutionId, Header, Status, Timestamp};
use auth::authority::AuthorityVersion;
use auth::names::Digest;
use ports::{
    AuditRecord, Blob, Change, Commit, Ended, ExecutionCommit, Fence, Key, Record, Start,
    StoreError, Summary,
};
use serde::Serialize;

use crate::entries::Entries;
use crate::envelope::{Entry, Kind};
use crate::key;
use crate::record::LaidOut;
use crate::removal::Removals;
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
    pub(crate) removals: Removals,
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
    pub(crate) laid_out: LaidOut,
    /// The record's number and the digest of its text.
    pub(crate) checkpoint: (u32, String),
    pub(crate) beginning: Option<Beginning>,
    pub(crate) summary: Vec<u8>,
    pub(crate) status: Status,
    /// Where the execution is listed for whoever takes executions up.
    pub(crate) mark: Mark,
    /// Its place among those that have ended, if it has.
    pub(crate) ended: Option<Entry>,
}

/// The first step of an execution.
pub(crate) struct Beginning {
    /// The [`Start`] as JSON.
    pub(crate) start: Vec<u8>,
    pub(crate) name: Entry,
    /// The ARNs it is listed under.
    pub(crate) arns: Arc<[String]>,
}

impl Prepared {
    /// Serialises a commit, and finds in `entries` what it takes away.
    ///
    /// # Errors
    /// The commit contradicts itself, or what it takes away cannot be read.
    pub(crate) fn new(entries: &impl Entries, commit: Commit) -> Result<Self, StoreError> {
        let removals = Removals::find(entries, commit.upkeep)?;
        let is_unseen = commit.execution.is_none()
            && commit.documents.is_empty()
            && commit.blobs.is_empty()
            && removals.are_unseen();
        if commit.audit.is_empty() && !is_unseen {
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
            bytes: entries.map(Entry::bytes).sum::<usize>()
                + step_bytes
                + removals.bytes()
                + audit_bytes,
            removals,
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
            laid_out: LaidOut::new(&id, record, &text)?,
            checkpoint: (number, digest.as_str().to_owned()),
            beginning: start.map(|start| Beginning::new(&id, &start)).transpose()?,
            ended: ended(&id, &summary).map(|ended| mark(key::ended(&ended))),
            summary: json(&summary)?,
            status: summary.status,
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
            beginning.start.len() + beginning.name.bytes()
        });
        self.laid_out.bytes() + self.summary.len() + beginning
    }

    /// The entry of start and summary.
    pub(crate) fn standing_entry(&self, start: &[u8]) -> Entry {
        let content = standings::join(start, &self.summary);
        Entry::new(Kind::Execution, key::execution(&self.id), &content)
    }
}

/// A mark: an entry without content.
pub(crate) fn mark(key: Vec<u8>) -> Entry {
    Entry::new(Kind::Mark, key, b"")
}

/// The place of an execution among those that have ended, if it has.
pub(crate) fn ended(id: &ExecutionId, summary: &Summary) -> Option<Ended> {
    let is_ended = summary.status.is_terminal();
    is_ended.then(|| Ended {
        at: summary.stopped_at.unwrap_or(Timestamp(0)),
        id: id.clone(),
    })
}

/// The keys of the marks that an execution has in lists while it stands so.
pub(crate) fn listed_keys(start: &Start, status: Status) -> Vec<Vec<u8>> {
    let id = &start.header.id;
    let arns = arns(start);
    let lists = arns.iter().map(|arn| Some(arn.as_str())).chain([None]);
    lists.map(|list| key::listed(list, status, id)).collect()
}

/// The ARNs that an execution is listed under.
pub(crate) fn arns(start: &Start) -> Vec<String> {
    let header = &start.header;
    let mut arns = match header.map_run {
        None => start.selection.arns(&header.machine_arn),
        Some(_) => Vec::new(),
    };
    arns.push(header.listed_under().to_owned());
    arns
}

/// The key under which an execution has its name.
pub(crate) fn name_key(start: &Start) -> Vec<u8> {
    key::name(start.header.listed_under(), &unique_name(start))
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
        let arns = arns(start);
        for text in arns.iter().chain([&header.name]) {
            free_of_nul(text)?;
        }
        Ok(Self {
            start: json(start)?,
            name: Entry::new(Kind::Name, name_key(start), id.as_str().as_bytes()),
            arns: arns.into(),
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

pub(crate) fn json(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
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
