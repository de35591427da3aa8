//! Durable executions: one atomic write per transition, and taking them up again.

use std::sync::Arc;

use asl::{
    Behind, Delta, EffectId, Execution, ExecutionId, Header, PayloadId, Posture, RestoreError,
    Status, Timestamp,
};
use async_trait::async_trait;
use auth::authority::AuthorityVersion;
use auth::principal::Caller;
use serde::{Deserialize, Serialize};

use crate::{AuditRecord, Blob, Change, Head, Key, TraceContext, Upkeep};

/// Which holder of an execution writes. A store shared by several hosts hands out a higher
/// fence with every change of owner and refuses writes under a lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fence(pub u64);

/// Everything one decision or transition changes. All of it becomes durable, or none.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The authority that what is written was decided under; the commit fails with
    /// [`CommitError::AuthorityMoved`] if it has moved on. `None` where nothing was decided.
    pub decided_under: Option<AuthorityVersion>,
    /// Whether this commit itself moves the authority on by one.
    pub moves_authority: bool,
    /// The execution that takes a step.
    pub execution: Option<ExecutionCommit>,
    /// Documents to add.
    pub documents: Vec<Change>,
    /// Bytes to add.
    pub blobs: Vec<Blob>,
    /// What is no longer kept.
    pub upkeep: Upkeep,
    /// Links for the audit log, in order; at least one, but for upkeep that nobody can see.
    pub audit: Vec<AuditRecord>,
}

/// One step of one execution.
#[derive(Clone, Debug)]
pub struct ExecutionCommit {
    /// Which execution.
    pub id: ExecutionId,
    /// Under which ownership.
    pub fence: Fence,
    /// Given with the first record only; claims the execution's name.
    pub start: Option<Start>,
    /// What changed.
    pub record: Record,
    /// How it stands after this step.
    pub summary: Summary,
}

/// What is fixed at the start of an execution.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Start {
    /// What the interpreter needs.
    pub header: Header,
    /// On whose authority it runs, to be asked again at each attempt.
    pub caller: Caller,
    /// The state machine revision it runs.
    pub machine: Key,
    /// How that revision was asked for.
    #[serde(default, skip_serializing_if = "Selection::is_plain")]
    pub selection: Selection,
    /// The request, or the other execution, that it is traced under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
}

/// How an execution was asked for beyond the name of its state machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// The version it runs, if it was started through a version or an alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The alias it was started through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The test case whose mocks answer its Tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mock_case: Option<String>,
    /// The attempt of another execution that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
}

/// What of another execution started an execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parent {
    /// The other execution.
    pub execution: ExecutionId,
    /// Its effect.
    pub effect: EffectId,
    /// Whether the execution ends where that effect is no longer waited for.
    pub is_bound: bool,
    /// How many executions stand above it.
    #[serde(default)]
    pub depth: u32,
}

impl Parent {
    /// Whether both are the same effect.
    pub fn is_same(&self, other: &Self) -> bool {
        self.execution == other.execution && self.effect == other.effect
    }

    /// The name under which a started express execution is found, as its own may be used again.
    pub fn express_name(&self, name: &str) -> String {
        format!("{name}:{}:{}", self.execution, self.effect.0)
    }
}

impl Selection {
    /// Whether the current revision was asked for, unmocked.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// The further ARNs under which the execution is listed.
    pub fn arns(&self, machine_arn: &str) -> Vec<String> {
        let version = self
            .version
            .map(|version| format!("{machine_arn}:{version}"));
        let alias = self
            .alias
            .as_ref()
            .map(|alias| format!("{machine_arn}:{alias}"));
        version.into_iter().chain(alias).collect()
    }
}

/// One packed record of an execution: what one or more transitions changed, applied in one write.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// 0 for the first, one more for each.
    pub number: u32,
    /// What the execution waits for after this record; says who takes it up again, and when.
    #[serde(default, skip_serializing_if = "Posture::is_active")]
    pub posture: Posture,
    /// Frames, payloads and history events.
    pub delta: Delta,
    /// What components logged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogLine>,
}

/// One line that a component wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// The state whose attempt wrote it.
    pub state: String,
    /// The attempt.
    pub attempt: u32,
    /// `stdout` or `stderr`.
    pub stream: String,
    /// The line, without its end.
    pub line: String,
}

/// An execution in one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Where it stands.
    pub status: Status,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
    /// Its output, once it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<PayloadId>,
    /// The error it ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// That error's cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// What a durable commit answers.
#[derive(Clone, Copy, Debug)]
pub struct Receipt {
    /// The authority in force after the commit.
    pub authority: AuthorityVersion,
    /// The audit log's end after the commit.
    pub audit: Head,
}

/// Why a commit did not happen. In every case nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Decide again under the authority now in force.
    #[error("the authority moved on to version {}", .now.0)]
    AuthorityMoved {
        /// The version in force.
        now: AuthorityVersion,
    },
    /// Another host owns the execution; forget it.
    #[error("execution `{0}` belongs to another host")]
    Fenced(ExecutionId),
    /// A document's key is taken; read it and decide again.
    #[error("{:?} `{}` revision {} exists", .0.kind, .0.name, .0.revision)]
    Conflict(Key),
    /// The state machine already has an execution of that name.
    #[error("the name is taken by execution `{0}`")]
    NameTaken(ExecutionId),
    /// The store cannot write; nothing more may be acknowledged.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store could not do its work.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// A record does not have the checksum, format or order it was written with.
    #[error("damaged record at `{key}`: {problem}")]
    Damaged {
        /// Where.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is too little room on the disk. Nothing was written; it may be tried again once
    /// there is room, and reading goes on.
    #[error(
        "the disk is full: {free_bytes} bytes are free and {reserve_bytes} are kept free, nothing is written until there is room"
    )]
    Full {
        /// How much is free, in bytes.
        free_bytes: u64,
        /// How much is kept free, in bytes.
        reserve_bytes: u64,
    },
    /// The disk or database refused.
    #[error("the store failed: {0}")]
    Io(Arc<str>),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// An execution this host now owns.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Which one.
    pub id: ExecutionId,
    /// The ownership to write under.
    pub fence: Fence,
}

/// A parked execution and when it is to be woken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    /// When the first of its timers is due.
    pub at: Timestamp,
    /// Which one.
    pub id: ExecutionId,
}

/// A page of alarms that are due.
#[derive(Clone, Debug)]
pub struct Alarms {
    /// Those that are due, the earliest first.
    pub due: Vec<Alarm>,
    /// When the one after them is due, whether that has come or not.
    pub next: Option<Timestamp>,
}

/// What was written about one execution, as far as going on with it needs.
#[derive(Clone, Debug)]
pub struct StoredExecution {
    /// The beginning.
    pub start: Start,
    /// What the records before the first of `records` leave behind.
    pub behind: Behind,
    /// The steps since the last one that tells all of the execution, see [`Delta::behind`], or
    /// every step; in order.
    pub records: Vec<Record>,
}

impl StoredExecution {
    /// The execution as its last record left it.
    ///
    /// # Errors
    /// The records are not what an execution wrote.
    pub fn restore(self) -> Result<Execution, RestoreError> {
        let deltas = self.records.into_iter().map(|record| record.delta);
        Execution::restore_behind(self.start.header, self.behind, deltas)
    }

    /// What the execution waits for, as its last record says.
    pub fn posture(&self) -> Posture {
        self.records
            .last()
            .map(|last| last.posture)
            .unwrap_or_default()
    }
}

/// Writes transitions and says who owns which execution.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Makes a commit durable and returns once a power cut cannot undo it. A crash before the
    /// return leaves all of it or none; a crash after leaves all.
    ///
    /// # Errors
    /// As [`CommitError`] says; nothing was written.
    async fn commit(&self, commit: Commit) -> Result<Receipt, CommitError>;

    /// The ownership under which this host may start new executions. The embedded store answers
    /// at once: it is always this host. A crash gives the ownership up.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn fence(&self) -> Result<Fence, StoreError>;

    /// Claims executions that go on by themselves and that no live host owns, at most `limit`,
    /// after `after` in id order; the embedded store hands out every one. Parked ones are not
    /// among them. A crash after the call means that they are claimed again by the next host.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn claim(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Vec<Claim>, StoreError>;

    /// Parked executions that are to be woken at `until` or before, at most `limit`, after `after`
    /// in the order of time and id. No effect: one is listed until its next record says otherwise.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn alarms(
        &self,
        until: Timestamp,
        after: Option<Alarm>,
        limit: usize,
    ) -> Result<Alarms, StoreError>;

    /// Reads everything needed to go on with an execution, at a cost of its size whatever its past.
    /// No effect.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn load(&self, id: &ExecutionId) -> Result<Option<StoredExecution>, StoreError>;

    /// Reads several executions, in their order. No effect.
    ///
    /// # Errors
    /// The store is gone. One that cannot be read is an error of its own.
    async fn load_all(
        &self,
        ids: Vec<ExecutionId>,
    ) -> Result<Vec<Result<Option<StoredExecution>, StoreError>>, StoreError> {
        let mut all = Vec::with_capacity(ids.len());
        for id in &ids {
            all.push(self.load(id).await);
        }
        Ok(all)
    }
}
