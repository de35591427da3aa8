//! The traits between the engine and the outside world, and the words in their signatures.
//!
//! Owns what the engine may ask of a store, an audit log, a component runner, a clock and whoever
//! collects traces. It does not know who answers.

mod archive;
mod audit;
mod backups;
mod catalogue;
mod clock;
mod egress;
mod journal;
mod retention;
mod runner;
mod trace;
mod volumes;

pub use archive::{
    Archive, AuditPage, Description, ExecutionFilter, HistoryCursor, HistoryOrder, HistoryPage,
    HistoryPayloads, ListCursor, Page,
};
pub use audit::{AuditRecord, Chain, Decision, EXPIRE_EXECUTIONS, Hash, Head, PRUNE_AUDIT, Sealed};
pub use backups::{Backup, Backups};
pub use catalogue::{Blob, Catalogue, Change, Document, Key, Kind};
pub use clock::Clock;
pub use egress::{Egress, EgressError, OutgoingRequest, OutgoingResponse};
pub use journal::{
    Alarm, Alarms, Claim, Commit, CommitError, ExecutionCommit, Fence, Journal, LogLine, Parent,
    Receipt, Record, Selection, Start, StoreError, StoredExecution, Summary,
};
pub use retention::{Ended, EndedOrder, EndedPage, Expirable, Retention, Upkeep};
pub use runner::{
    Attempt, AttemptReport, Exports, Inspection, Outcome, Refusal, Rejected, RunError, RunTimes,
    Runner, StepContext, Usage, Use, Witness, WitnessError,
};
pub use trace::{
    Attribute, Moment, NotTraceParent, Phase, Span, SpanId, SpanKind, TraceContext, TraceId,
    Tracer, Untraced,
};
pub use volumes::{VolumeError, Volumes};
