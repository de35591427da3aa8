//! Reading executions, their history and the audit log back, page by page.

use std::sync::Arc;

use asl::{ExecutionId, HistoryEvent, Status, Timestamp};
use async_trait::async_trait;
use serde_json::Value;

use crate::{Head, LogLine, Sealed, Start, StoreError, Summary};

/// One page of a listing.
#[derive(Clone, Debug)]
pub struct Page<T, C> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<C>,
}

/// Where a page of history begins: a record, how many of its events to skip, and whither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryCursor {
    /// The record's number.
    pub record: u32,
    /// Events of that record already read, from the end that reading begins at.
    pub skip: u32,
    /// In which order history is read.
    pub order: HistoryOrder,
}

/// In which order history is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryOrder {
    /// From the first event on.
    #[default]
    OldestFirst,
    /// From the last event on.
    NewestFirst,
}

impl HistoryCursor {
    /// Before the last event, reading towards the first.
    pub const NEWEST: Self = Self {
        record: u32::MAX,
        skip: 0,
        order: HistoryOrder::NewestFirst,
    };
}

/// A page of history events.
#[derive(Clone, Debug)]
pub struct HistoryPage {
    /// The events.
    pub events: Vec<HistoryEvent>,
    /// What components logged, of every record whose first event is on this page.
    pub logs: Vec<LogLine>,
    /// Where reading goes on; for a running execution, where events yet to come will appear.
    pub next: HistoryCursor,
    /// Whether more could be read at once.
    pub has_more: bool,
}

/// What can be read of an execution at a glance.
#[derive(Clone, Debug)]
pub struct Description {
    /// The beginning.
    pub start: Start,
    /// How it stands.
    pub summary: Summary,
    /// Its input; `None` in listings.
    pub input: Option<Arc<Value>>,
    /// Its output once it succeeded; `None` in listings.
    pub output: Option<Arc<Value>>,
}

/// Which executions to list: those to which all of it applies.
#[derive(Clone, Debug, Default)]
pub struct ExecutionFilter {
    /// Only those of this state machine, version, alias or map run ARN.
    pub machine_arn: Option<String>,
    /// Only those that stand so.
    pub status: Option<Status>,
    /// Only those that started then or later.
    pub started_from: Option<Timestamp>,
    /// Only those that started earlier.
    pub started_before: Option<Timestamp>,
    /// Only those whose names begin so, in the order of their names. Needs a state machine or
    /// map run, as names are theirs.
    pub name_prefix: Option<String>,
}

/// Where a page of executions begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListCursor {
    /// Behind this execution, towards older ones.
    Before(ExecutionId),
    /// Behind this name; of a listing by [`ExecutionFilter::name_prefix`].
    Behind(String),
}

/// Whether history is read with the payloads that its events show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryPayloads {
    /// They are filled in.
    Shown,
    /// They stay empty, and are not read.
    LeftOut,
}

/// Links of the audit log, and between which ends it stands.
#[derive(Clone, Debug)]
pub struct AuditPage {
    /// The links.
    pub links: Vec<Sealed>,
    /// The last link that is no longer kept; of length 0 while all are. What is kept verifies
    /// from behind it.
    pub anchor: Head,
    /// The log's end, as it was before the links were read.
    pub head: Head,
}

/// Reads what was written. No call has an effect; what is read is durable.
#[async_trait]
pub trait Archive: Send + Sync {
    /// One execution, with input and output.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn execution(&self, id: &ExecutionId) -> Result<Option<Description>, StoreError>;

    /// The execution of a state machine that has this name.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn execution_named(
        &self,
        machine_arn: &str,
        name: &str,
    ) -> Result<Option<ExecutionId>, StoreError>;

    /// Executions behind `cursor`, at most `limit`: newest first, or by name where the filter
    /// has a prefix of one. A page may hold fewer and yet name a next one.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn executions(
        &self,
        filter: ExecutionFilter,
        cursor: Option<ListCursor>,
        limit: usize,
    ) -> Result<Page<Description, ListCursor>, StoreError>;

    /// History events from `cursor` on, at most `limit`, with the log lines of the same records.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn history(
        &self,
        id: &ExecutionId,
        cursor: HistoryCursor,
        payloads: HistoryPayloads,
        limit: usize,
    ) -> Result<Option<HistoryPage>, StoreError>;

    /// Links of the audit log after `after` in sequence, at most `limit`.
    ///
    /// # Errors
    /// The store is damaged or gone.
    async fn audit(&self, after: u64, limit: usize) -> Result<AuditPage, StoreError>;
}
