//! What can be told of map runs: computed from their executions' histories and their children.

use asl::definition::{Map, Mode, Processor, Quantity, StateKind};
use asl::{ChildRun, ExecutionId, Status};
use auth::policy::{Permit, ReadExecution};
use ports::{Description, ExecutionFilter, HistoryCursor, HistoryPayloads, ListCursor, Page};
use serde_json::Value;

use super::reading::{MapRunLine, Reading};
use crate::{Engine, Error};

/// History events, or children, read per call.
const PAGE: usize = 256;
/// How much of its execution's id a map run's begins with, in characters.
const ID_SHARED: usize = asl::MAP_RUN_ID_SHARED;
/// Executions with so similar ids that are looked at for one map run.
const CANDIDATES_MAX: usize = 64;
/// The most children of one map run that are counted.
const CHILDREN_COUNTED_MAX: u64 = 1 << 18;

/// A map run with what its children came to.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRun {
    /// The run.
    pub line: MapRunLine,
    /// The execution that it is of.
    pub execution_arn: String,
    /// That execution's state machine.
    pub machine_arn: String,
    /// How many children may run at once; 0 is no limit of the definition's, or one that is
    /// not fixed in it.
    pub max_concurrency: u64,
    /// How many items may fail, where the definition fixes it.
    pub tolerated_failure_count: u64,
    /// How many of a hundred items may fail, where the definition fixes it.
    pub tolerated_failure_percentage: f64,
    /// Children.
    pub executions: MapRunCounts,
    /// Items of children.
    pub items: MapRunCounts,
}

/// How many children or items of a map run stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MapRunCounts {
    /// Not begun.
    pub pending: u64,
    /// Under way.
    pub running: u64,
    /// Ended well.
    pub succeeded: u64,
    /// Failed.
    pub failed: u64,
    /// Ran out of time.
    pub timed_out: u64,
    /// Were stopped.
    pub aborted: u64,
    /// Stand in the files of a `ResultWriter`.
    pub results_written: u64,
}

impl MapRunCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.pending.saturating_add(self.begun())
    }

    fn begun(&self) -> u64 {
        let counts = [
            self.running,
            self.succeeded,
            self.failed,
            self.timed_out,
            self.aborted,
        ];
        counts.into_iter().fold(0, u64::saturating_add)
    }

    fn add(&mut self, status: Status, more: u64) {
        let count = match status {
            Status::Running => &mut self.running,
            Status::Succeeded => &mut self.succeeded,
            Status::Failed => &mut self.failed,
            Status::TimedOut => &mut self.timed_out,
            Status::Aborted => &mut self.aborted,
        };
        *count = count.saturating_add(more);
    }
}

impl Engine {
    /// The map runs of an execution, in the order they began.
    ///
    /// # Errors
    /// [`Error::NotFound`], or the store failed.
    pub async fn map_runs(
        &self,
        _permit: &Permit<ReadExecution>,
        id: &ExecutionId,
    ) -> Result<Vec<MapRunLine>, Error> {
        self.read_map_runs(id, None).await
    }

    /// Reads no further than to the end of the map run that is wanted, if one is.
    async fn read_map_runs(
        &self,
        id: &ExecutionId,
        wanted: Option<&str>,
    ) -> Result<Vec<MapRunLine>, Error> {
        let mut reading = Reading::default();
        let mut cursor = HistoryCursor::default();
        loop {
            let payloads = HistoryPayloads::LeftOut;
            let page = self.read_history(id, cursor, payloads, PAGE).await?;
            for event in page.events {
                reading.take(event.id, event.previous_id, event.at, event.detail);
            }
            cursor = page.next;
            if !page.has_more || wanted.is_some_and(|arn| reading.has_ended(arn)) {
                break;
            }
        }
        let known = self.shared.ports.archive.execution(id).await?;
        let ended = known.and_then(|known| known.summary.stopped_at);
        Ok(reading.finish(ended))
    }

    /// A map run by its ARN.
    ///
    /// # Errors
    /// [`Error::NotFound`], or the store failed.
    pub async fn map_run(
        &self,
        _permit: &Permit<ReadExecution>,
        arn: &str,
    ) -> Result<MapRun, Error> {
        let (line, parent) = self.find_map_run(arn).await?;
        let machine = self.shared.authority();
        let machine = machine.machine_revision(&parent.start.machine);
        let map = machine.and_then(|machine| map_of(&machine.machine, &line.state));
        let processor = map.map(|(_, processor)| processor);
        let is_batched = processor.is_some_and(|processor| processor.batcher.is_some());
        let (mut executions, mut items) = self.count_children(arn).await?;
        if !is_batched && line.status == Status::Running {
            let begun = executions.begun();
            executions.pending = line.length.saturating_sub(begun);
            items.pending = executions.pending;
        }
        let writer = processor.and_then(|processor| processor.writer.as_ref());
        let is_written = writer.is_some_and(|writer| writer.resource.is_some());
        if is_written && line.status == Status::Succeeded {
            executions.results_written = executions.begun();
            items.results_written = items.begun();
        }
        let tolerance = processor.map(|processor| &processor.tolerance);
        let header = &parent.start.header;
        Ok(MapRun {
            execution_arn: header.arn.clone(),
            machine_arn: header.machine_arn.clone(),
            max_concurrency: map.map_or(0, |(map, _)| fixed(Some(&map.max_concurrency))),
            tolerated_failure_count: fixed(tolerance.and_then(|known| known.count.as_ref())),
            tolerated_failure_percentage: fixed(
                tolerance.and_then(|known| known.percentage.as_ref()),
            ),
            executions,
            items,
            line,
        })
    }

    /// A page of a map run's children, newest first, each with how many items it has.
    ///
    /// # Errors
    /// [`Error::NotFound`], or the store failed.
    pub async fn map_run_children(
        &self,
        _permit: &Permit<ReadExecution>,
        (arn, status): (&str, Option<Status>),
        cursor: Option<ListCursor>,
        limit: usize,
    ) -> Result<Page<(Description, u64), ListCursor>, Error> {
        self.find_map_run(arn).await?;
        let filter = ExecutionFilter {
            machine_arn: Some(arn.to_owned()),
            status,
            ..ExecutionFilter::default()
        };
        let archive = &self.shared.ports.archive;
        let page = archive.executions(filter, cursor, limit).await?;
        let counted = page.items.into_iter().map(|child| {
            let count = item_count(&child);
            (child, count)
        });
        Ok(Page {
            items: counted.collect(),
            next: page.next,
        })
    }

    /// The run, and the execution that it is of: its id begins as the run's does.
    async fn find_map_run(&self, arn: &str) -> Result<(MapRunLine, Description), Error> {
        let missing = || Error::NotFound(format!("map run `{arn}`"));
        let run = arn.rsplit_once(':').map_or(arn, |(_, run)| run);
        let shared = run.get(..ID_SHARED).ok_or_else(missing)?;
        // Sorts behind every id that begins so.
        let behind = ExecutionId::parse(&format!("{shared}z")).ok_or_else(missing)?;
        let archive = &self.shared.ports.archive;
        let all = ExecutionFilter::default();
        let page = archive
            .executions(all, Some(ListCursor::Before(behind)), CANDIDATES_MAX)
            .await?;
        for parent in page.items {
            let id = &parent.start.header.id;
            if !id.as_str().starts_with(shared) {
                break;
            }
            let machine = &parent.start.header.machine_arn;
            let runs = machine.replacen(":stateMachine:", ":mapRun:", 1);
            let label = arn.strip_prefix(&runs);
            if !label.is_some_and(|label| label.starts_with('/')) {
                continue;
            }
            let lines = self.read_map_runs(id, Some(arn)).await?;
            if let Some(line) = lines.into_iter().find(|line| line.arn == arn) {
                return Ok((line, parent));
            }
        }
        Err(missing())
    }

    async fn count_children(&self, arn: &str) -> Result<(MapRunCounts, MapRunCounts), Error> {
        let (mut executions, mut items) = (MapRunCounts::default(), MapRunCounts::default());
        let mut before = None;
        loop {
            let filter = ExecutionFilter {
                machine_arn: Some(arn.to_owned()),
                ..ExecutionFilter::default()
            };
            let archive = &self.shared.ports.archive;
            let page = archive.executions(filter, before, PAGE).await?;
            for child in &page.items {
                let status = child.summary.status;
                executions.add(status, 1);
                items.add(status, item_count(child));
            }
            before = page.next;
            if before.is_none() || executions.total() >= CHILDREN_COUNTED_MAX {
                return Ok((executions, items));
            }
        }
    }
}

/// How many items a child was started with.
fn item_count(child: &Description) -> u64 {
    let child = child.start.header.map_run.as_ref();
    u64::from(child.map_or(1, |child| child.items.max(1)))
}

/// How many items a child that is to be started has: one, where they do not come in batches.
pub(super) fn items_of(machine: &asl::StateMachine, child: &ChildRun) -> u32 {
    let is_batched =
        map_of(machine, &child.state).is_some_and(|(_, processor)| processor.batcher.is_some());
    let items = child.input.value().get("Items").and_then(Value::as_array);
    let items = items.filter(|_| is_batched);
    items.map_or(1, |items| u32::try_from(items.len()).unwrap_or(u32::MAX))
}

fn map_of<'a>(machine: &'a asl::StateMachine, state: &str) -> Option<(&'a Map, &'a Processor)> {
    machine.states().find_map(|(_, known)| match &known.kind {
        StateKind::Map(map) if known.name == state => match &map.mode {
            Mode::Distributed(processor) => Some((map, processor.as_ref())),
            Mode::Inline => None,
        },
        StateKind::Map(_)
        | StateKind::Task(_)
        | StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_)
        | StateKind::Parallel(_) => None,
    })
}

fn fixed<T: Copy + Default>(quantity: Option<&Quantity<T>>) -> T {
    match quantity {
        Some(Quantity::Fixed(number)) => *number,
        Some(Quantity::At(_) | Quantity::Expression(_)) | None => T::default(),
    }
}
