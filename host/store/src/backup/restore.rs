//! Making a store of a backup, and proving that nothing acknowledged is missing from it.
//!
//! The audit log names each record of each execution by its digest, and the heading names the
//! end of the log: a backup that lacks a record, or a link, or has one too many, is refused. The
//! store says what format it has in the last write only, so that a half-made one cannot be opened.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use asl::{ExecutionId, Posture};
use auth::authority::AuthorityVersion;
use auth::names::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ports::{AuditRecord, Chain, Head, Start, StoreError, Summary};
use sha2::Digest as _;

use super::export::hash;
use super::{Heading, Item, VERSION, expired, item};
use crate::OpenError;
use crate::base::{Base, BaseWriter};
use crate::durable::Durable;
use crate::entries::{Entries, Order};
use crate::envelope::{Entry, Kind};
use crate::folder::failed_at;
use crate::key;
use crate::ledger::{FORMAT_VERSION, State};
use crate::prepare::{ended, json, listed_keys, mark, name_key};
use crate::record::{LaidOut, Opened, Stored};
use crate::staged::{Overlay, Staged};
use crate::standings::{self, Mark};
use crate::table::Table;

/// The longest line that is read, in bytes.
const LINE_BYTES_MAX: u64 = 1 << 30;
/// How much of the disk's cache sled may keep while it is written.
const CACHE_BYTES: u64 = 8 << 20;
/// So many lines are written together.
const LINES_TOGETHER: u64 = 512;

/// What a restored store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Documents of every kind.
    pub documents: u64,
    /// Components.
    pub blobs: u64,
    /// Executions, running or ended.
    pub executions: u64,
    /// Their records, each of which the audit log names.
    pub records: u64,
    /// Executions that the audit log names and also tells to have expired.
    pub expired: u64,
    /// The end of the audit log.
    pub audit: Head,
}

/// Why a backup was not restored. What was made in the folder cannot be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The folder holds a store: choose an empty one.
    #[error("`{}` already holds a store, restore into an empty folder", .0.display())]
    Occupied(PathBuf),
    /// A line of the backup is at fault.
    #[error("line {line} of the backup: {problem}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The lines are whole, and something that was acknowledged is not among them.
    #[error("the backup is not complete: {0}")]
    Incomplete(String),
    /// The backup cannot be read.
    #[error("the backup cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The store cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder cannot be had.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Makes a store in the folder `path` of the backup that `source` reads. Waits for the disk: not
/// for async threads.
///
/// # Errors
/// As [`RestoreError`] says.
pub fn restore(
    path: &Path,
    chain: &dyn Chain,
    source: impl BufRead,
) -> Result<Restored, RestoreError> {
    let base = Base::open(path, CACHE_BYTES)?;
    let writer = base.writer();
    let durable = Arc::new(Durable::new(base, Table::default()));
    if is_occupied(path, &durable)? {
        return Err(RestoreError::Occupied(path.to_owned()));
    }
    let mut lines = Lines::new(source);
    let Some(Item::SluiceBackup(heading)) = lines.next()? else {
        return Err(lines.problem("the backup has no heading"));
    };
    let mut restorer = Restorer::new(chain, &durable, writer, &heading)
        .map_err(|problem| lines.problem(problem))?;
    while let Some(item) = lines.next()? {
        let restored = restorer.take(item);
        restored.map_err(|error| match error {
            Fault::Line(problem) => lines.problem(problem),
            Fault::Store(error) => error.into(),
        })?;
        if lines.number.is_multiple_of(LINES_TOGETHER) {
            restorer.write()?;
        }
    }
    let restored = restorer.finish(&heading)?;
    durable.take().map_or(Ok(()), Base::close)?;
    Ok(restored)
}

/// Whether a folder holds anything of a store: what it wrote last is in its log alone.
fn is_occupied(path: &Path, durable: &Durable) -> Result<bool, StoreError> {
    let all = Vec::new()..vec![u8::MAX];
    if !durable.range(all, Order::Forward, 1)?.is_empty() {
        return Ok(true);
    }
    let watermark = path.join("watermark").try_exists();
    let is_there = watermark.and_then(|is_there| Ok(is_there || has_files(&path.join("log"))?));
    is_there.map_err(|error| failed_at(path, &error))
}

fn has_files(folder: &Path) -> io::Result<bool> {
    match std::fs::read_dir(folder) {
        Ok(mut files) => Ok(files.next().is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads a backup without restoring it: whether every line is there as it was written. How many
/// there are.
///
/// # Errors
/// [`RestoreError::Line`], or the backup cannot be read.
pub fn check_backup(source: impl BufRead) -> Result<u64, RestoreError> {
    let mut lines = Lines::new(source);
    let Some(Item::SluiceBackup(_)) = lines.next()? else {
        return Err(lines.problem("the backup has no heading"));
    };
    while lines.next()?.is_some() {}
    Ok(lines.number)
}

/// Reads lines and checks them, the last one included.
struct Lines<R> {
    source: R,
    number: u64,
    hasher: sha2::Sha256,
}

impl<R: BufRead> Lines<R> {
    fn new(source: R) -> Self {
        Self {
            source,
            number: 0,
            hasher: sha2::Sha256::default(),
        }
    }

    fn problem(&self, problem: impl Into<String>) -> RestoreError {
        RestoreError::Line {
            line: self.number,
            problem: problem.into(),
        }
    }

    /// The next item; nothing at the end, which must be there.
    fn next(&mut self) -> Result<Option<Item>, RestoreError> {
        let mut line = Vec::new();
        let mut limited = (&mut self.source).take(LINE_BYTES_MAX);
        limited.read_until(b'\n', &mut line)?;
        self.number = self.number.saturating_add(1);
        if line.is_empty() {
            return Err(self.problem("is missing, the backup was cut off"));
        }
        let item = item(&line).map_err(|problem| self.problem(problem))?;
        let Item::End { lines, sha256 } = &item else {
            self.hasher.update(&line);
            return Ok(Some(item));
        };
        if *lines != self.number - 1 || *sha256 != hash(&self.hasher) {
            return Err(self.problem("does not belong to the lines before it"));
        }
        match self.source.fill_buf()?.is_empty() {
            true => Ok(None),
            false => Err(self.problem("is the end, and more follows")),
        }
    }
}

/// What is wrong with an item.
enum Fault {
    Line(String),
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn fault(problem: impl Into<String>) -> Fault {
    Fault::Line(problem.into())
}

/// The execution whose records are read.
struct Current {
    id: ExecutionId,
    summary: Summary,
    next: u32,
    posture: Posture,
}

/// How much of an execution the audit log has named.
struct Named {
    records: u32,
    /// The next record that it has to name.
    next: u32,
}

struct Restorer<'a> {
    chain: &'a dyn Chain,
    durable: &'a Arc<Durable>,
    base: BaseWriter,
    staged: Staged,
    current: Option<Current>,
    blob: Option<(Digest, Vec<u8>)>,
    state: State,
    fence: u64,
    executions: BTreeMap<ExecutionId, Named>,
    /// Where the log begins, until a link says that it was pruned to there.
    anchor: Option<Head>,
    /// Executions that the log names and the backup lacks.
    absent: BTreeSet<ExecutionId>,
    /// What the last link named.
    last: Option<(ExecutionId, u32, String)>,
    restored: Restored,
}

impl<'a> Restorer<'a> {
    fn new(
        chain: &'a dyn Chain,
        durable: &'a Arc<Durable>,
        base: BaseWriter,
        heading: &Heading,
    ) -> Result<Self, String> {
        if !(1..=VERSION).contains(&heading.version) {
            return Err(format!(
                "says that the backup has version {}, this program reads versions 1 to {VERSION}",
                heading.version
            ));
        }
        let anchor = Head::parse(&heading.anchor).ok_or("`anchor` is no place in a log")?;
        Ok(Self {
            chain,
            durable,
            base,
            staged: Staged::default(),
            current: None,
            blob: None,
            state: State {
                authority: AuthorityVersion(heading.authority),
                head: anchor,
                ended: 0,
                anchor,
            },
            fence: heading.fence,
            executions: BTreeMap::new(),
            anchor: (anchor.length > 0).then_some(anchor),
            absent: BTreeSet::new(),
            last: None,
            restored: Restored {
                documents: 0,
                blobs: 0,
                executions: 0,
                records: 0,
                expired: 0,
                audit: anchor,
            },
        })
    }

    fn take(&mut self, item: Item) -> Result<(), Fault> {
        if self.blob.is_some() && !matches!(item, Item::Blob { .. }) {
            return Err(fault("parts of a component are missing before it"));
        }
        match item {
            Item::SluiceBackup(_) | Item::End { .. } => Err(fault("stands in the wrong place")),
            Item::Document { key, body } => {
                let entry = Entry::new(Kind::Document, key::document(&key), &json(&body)?);
                self.staged.put(entry);
                self.restored.documents += 1;
                Ok(())
            }
            Item::Blob {
                digest,
                bytes,
                base64,
            } => self.take_blob(digest, bytes, &base64),
            Item::Payload { digest, text } => {
                if Digest::of(text.as_bytes()) != digest {
                    return Err(fault("the payload does not have its digest"));
                }
                let entry = Entry::new(Kind::Payload, key::payload(&digest), text.as_bytes());
                self.staged.put(entry);
                Ok(())
            }
            Item::Execution { start, summary } => self.take_execution(&start, summary),
            Item::Record(record) => self.take_record(*record),
            Item::Link { body } => self.take_link(body),
        }
    }

    fn take_blob(&mut self, digest: Digest, bytes: u64, base64: &str) -> Result<(), Fault> {
        let part = STANDARD.decode(base64);
        let part = part.map_err(|error| fault(format!("its base64 is malformed: {error}")))?;
        let (known, mut content) = self
            .blob
            .take()
            .unwrap_or_else(|| (digest.clone(), Vec::new()));
        if known != digest {
            return Err(fault("parts of a component are missing before it"));
        }
        content.extend_from_slice(&part);
        if (content.len() as u64) < bytes {
            self.blob = Some((digest, content));
            return Ok(());
        }
        if Digest::of(&content) != digest {
            return Err(fault("the component does not have its digest"));
        }
        let entry = Entry::new(Kind::Blob, key::blob(&digest), &content);
        self.staged.put(entry);
        self.restored.blobs += 1;
        Ok(())
    }

    fn take_execution(&mut self, start: &Start, summary: Summary) -> Result<(), Fault> {
        self.close_execution()?;
        let id = start.header.id.clone();
        if self.executions.contains_key(&id) {
            return Err(fault(format!("is execution `{id}` a second time")));
        }
        let content = standings::join(&json(start)?, &json(&summary)?);
        let name = Entry::new(Kind::Name, name_key(start), id.as_str().as_bytes());
        let standing = Entry::new(Kind::Execution, key::execution(&id), &content);
        for entry in [name, standing] {
            self.staged.put(entry);
        }
        for key in listed_keys(start, summary.status) {
            self.staged.put(mark(key));
        }
        if let Some(ended) = ended(&id, &summary) {
            self.staged.put(mark(key::ended(&ended)));
            self.state.ended += 1;
        }
        self.restored.executions += 1;
        self.current = Some(Current {
            id,
            summary,
            next: 0,
            posture: Posture::Active,
        });
        Ok(())
    }

    fn take_record(&mut self, stored: Stored) -> Result<(), Fault> {
        let Some(current) = &mut self.current else {
            return Err(fault("is a record without an execution before it"));
        };
        if stored.number != current.next {
            let problem = format!("is record {} where {} belongs", stored.number, current.next);
            return Err(fault(problem));
        }
        current.next += 1;
        current.posture = stored.posture;
        let key = key::record(&current.id, stored.number);
        let view = Overlay {
            staged: &self.staged,
            entries: &**self.durable,
        };
        let record = stored.filled(&view, &key)?;
        let text = json(&record)?;
        let laid_out = LaidOut::new(&current.id, record, &text)?;
        self.staged.put(laid_out.record);
        let shared = laid_out.shared.into_iter();
        let shared = shared.flat_map(|shared| [shared.payload, shared.owner]);
        for entry in laid_out.pieces.into_iter().chain(shared) {
            self.staged.put(entry);
        }
        self.restored.records += 1;
        Ok(())
    }

    fn close_execution(&mut self) -> Result<(), Fault> {
        let Some(current) = self.current.take() else {
            return Ok(());
        };
        if current.next == 0 {
            return Err(fault("the execution before it has no record"));
        }
        let mark = Mark::of(current.summary.status, current.posture);
        if let Some(entry) = mark.entry(&current.id) {
            self.staged.put(entry);
        }
        let named = Named {
            records: current.next,
            next: 0,
        };
        self.executions.insert(current.id, named);
        Ok(())
    }

    fn take_link(&mut self, body: String) -> Result<(), Fault> {
        self.close_execution()?;
        let record: AuditRecord = serde_json::from_str(&body)
            .map_err(|error| fault(format!("is not an audit record: {error}")))?;
        self.absent_no_more(&record);
        if self.anchor.is_some() && record.anchor() == self.anchor {
            self.anchor = None;
        }
        if let (Some(id), Some((number, digest))) = (record.execution, record.checkpoint) {
            self.check(id, number, digest)?;
        }
        let link = self.chain.seal(&self.state.head, body);
        self.state.head = Head {
            length: link.sequence,
            hash: link.hash,
        };
        self.staged.links.push(&link);
        Ok(())
    }

    fn absent_no_more(&mut self, record: &AuditRecord) {
        for id in expired(record) {
            self.absent.remove(&id);
            self.restored.expired += 1;
        }
    }

    /// Checks that a record which the log names is the one that was restored.
    fn check(&mut self, id: ExecutionId, number: u32, digest: String) -> Result<(), Fault> {
        let named = (id, number, digest);
        if self.last.as_ref() == Some(&named) {
            return Ok(());
        }
        let (id, number, digest) = &named;
        let Some(execution) = self.executions.get_mut(id) else {
            self.absent.insert(id.clone());
            self.last = Some(named);
            return Ok(());
        };
        let is_first_kept = execution.next == 0 && self.state.anchor.length > 0;
        if *number > execution.next && !is_first_kept {
            let problem = format!(
                "names record {number} of execution `{id}`, no link names record {}",
                execution.next
            );
            return Err(fault(problem));
        }
        if *number >= execution.records {
            let problem = format!(
                "names record {number} of execution `{id}`, of which the backup has {}",
                execution.records
            );
            return Err(fault(problem));
        }
        execution.next = execution.next.max(number.saturating_add(1));
        let view = Overlay {
            staged: &self.staged,
            entries: &**self.durable,
        };
        let record = Opened::read(&view, id, *number)?.whole()?;
        if Digest::of(&json(&record)?).as_str() != digest {
            let problem = format!("names another record {number} of execution `{id}`");
            return Err(fault(problem));
        }
        self.last = Some(named);
        Ok(())
    }

    /// Writes what was restored so far.
    fn write(&mut self) -> Result<(), StoreError> {
        let staged = std::mem::take(&mut self.staged).finish();
        let mut table = Table::default();
        let parts = staged.parts.into_iter();
        let parts = parts.map(|(key, value)| (key, Some(value)));
        for (key, value) in parts.chain(staged.changes) {
            table.put(key, value);
        }
        self.base.write(&table, 0, self.durable)
    }

    fn finish(mut self, heading: &Heading) -> Result<Restored, RestoreError> {
        let incomplete = |problem: String| Err(RestoreError::Incomplete(problem));
        if let Err(Fault::Line(problem)) = self.close_execution() {
            return incomplete(problem);
        }
        if Head::parse(&heading.audit) != Some(self.state.head) {
            return incomplete(format!(
                "its audit log ends with record {} and hash `{}`, the heading says {}",
                self.state.head.length, self.state.head.hash, heading.audit
            ));
        }
        if let Some(anchor) = self.anchor {
            return incomplete(format!(
                "its audit log begins behind record {}, and no record says that it was pruned to there",
                anchor.length
            ));
        }
        if let Some(id) = self.absent.first() {
            return incomplete(format!(
                "the audit log names execution `{id}`, which is missing and has not expired"
            ));
        }
        let is_pruned = self.state.anchor.length > 0;
        let mut executions = self.executions.iter();
        let unnamed = executions
            .find(|(_, named)| named.next < named.records && !(is_pruned && named.next == 0));
        if let Some((id, named)) = unnamed {
            return incomplete(format!(
                "no link of the audit log names record {} of execution `{id}`",
                named.next
            ));
        }
        let meta = |key: &[u8], content: &[u8]| Entry::new(Kind::Meta, key.to_vec(), content);
        self.write()?;
        self.staged.put(meta(key::STATE, &self.state.to_bytes()));
        self.staged.put(meta(key::HOST, &self.fence.to_be_bytes()));
        self.staged
            .put(meta(key::FORMAT, &FORMAT_VERSION.to_be_bytes()));
        self.write()?;
        self.restored.audit = self.state.head;
        Ok(self.restored)
    }
}
