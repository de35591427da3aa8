//! The traits between the engine and the outside world, and the words in their signatures.
//!
//! Owns what the engine may ask of a store, an audit log, a component runner and a clock. It
//! does not know who answers.

mod audit;
mod catalogue;
mod clock;
mod egress;
mod journal;
mod runner;
mod volumes;

pub use audit::{AuditRecord, Chain, Decision, Hash, Head, Sealed};
pub use catalogue::{Blob, Catalogue, Change, Document, Key, Kind};
pub use clock::Clock;
pub use egress::{Egress, EgressError, OutgoingRequest, OutgoingResponse};
pub use journal::{
    Alarm, Alarms, Archive, Claim, Commit, CommitError, Description, ExecutionCommit,
    ExecutionFilter, Fence, HistoryCursor, HistoryOrder, HistoryPage, Journal, LogLine, Page,
    Parent, Receipt, Record, Selection, Start, StoreError, StoredExecution, Summary,
};
pub use runner::{
    Attempt, AttemptReport, Exports, Inspection, Outcome, Refusal, Rejected, RunError, Runner,
    StepContext, Usage, Use, Witness, WitnessError,
};
pub use volumes::{VolumeError, Volumes};
