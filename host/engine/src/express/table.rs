//! Every execution whose steps are in memory: those that run, and the last ones that ended.
//!
//! Owns how many there may be and how much memory they may take.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asl::ExecutionId;
use ports::{Description, ExecutionFilter, HistoryCursor, HistoryPage};

use super::kept::{Kept, lock};
use crate::Config;
use crate::pressure::{Full, Share, Shares};

/// Which part of the memory for all executions one of them may take.
const SHARE: usize = 8;

pub(crate) struct Table {
    places: Arc<Shares>,
    ended_max: usize,
    bytes_max: usize,
    bytes: AtomicUsize,
    executions: Mutex<Executions>,
}

#[derive(Default)]
struct Executions {
    kept: BTreeMap<ExecutionId, Arc<Mutex<Kept>>>,
    /// Those that ended, the first one first.
    ended: VecDeque<ExecutionId>,
}

impl Table {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            places: Arc::new(Shares::new(
                config.express_running_max,
                config.principal_share_percent,
            )),
            ended_max: config.express_ended_max,
            bytes_max: config.express_bytes_max,
            bytes: AtomicUsize::new(0),
            executions: Mutex::default(),
        }
    }

    /// Room for one more of a principal's.
    ///
    /// # Errors
    /// There is none, or none for this principal; with its memory taken the host is full.
    pub(crate) fn place(&self, principal: &str) -> Result<Share, Full> {
        match self.bytes.load(Ordering::Relaxed) <= self.bytes_max {
            true => self.places.take(principal),
            false => Err(Full::Host),
        }
    }

    /// How many run.
    pub(crate) fn running(&self) -> usize {
        self.places.taken()
    }

    /// A place for one that runs again whatever the limit is.
    pub(crate) fn place_beyond(&self, principal: &str) -> Share {
        self.places.take_beyond(principal)
    }

    /// The most memory that the steps of one execution may take.
    pub(super) fn execution_bytes_max(&self) -> usize {
        self.bytes_max / SHARE
    }

    pub(super) fn open(&self, id: &ExecutionId, kept: Kept) -> Arc<Mutex<Kept>> {
        let kept = Arc::new(Mutex::new(kept));
        let mut executions = self.executions();
        executions.kept.insert(id.clone(), Arc::clone(&kept));
        kept
    }

    /// Counts what a step takes, and makes room for it.
    pub(super) fn grow(&self, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.bytes_max {
            self.forget_ended(&mut self.executions());
        }
    }

    pub(super) fn end(&self, id: &ExecutionId) {
        let mut executions = self.executions();
        executions.ended.push_back(id.clone());
        self.forget_ended(&mut executions);
    }

    /// Forgets one that left this host before it ended.
    pub(super) fn forget(&self, id: &ExecutionId) {
        self.remove(&mut self.executions(), id);
    }

    fn forget_ended(&self, executions: &mut Executions) {
        while executions.ended.len() > self.ended_max
            || self.bytes.load(Ordering::Relaxed) > self.bytes_max
        {
            let Some(oldest) = executions.ended.pop_front() else {
                return;
            };
            self.remove(executions, &oldest);
        }
    }

    fn remove(&self, executions: &mut Executions, id: &ExecutionId) {
        if let Some(kept) = executions.kept.remove(id) {
            let bytes = lock(&kept).bytes();
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// One execution with input and output.
    pub(crate) fn description(&self, id: &ExecutionId) -> Option<Description> {
        let kept = self.kept(id)?;
        let kept = lock(&kept);
        kept.may_be_told().then(|| kept.description())
    }

    /// A page of one's history.
    pub(crate) fn history(
        &self,
        id: &ExecutionId,
        cursor: HistoryCursor,
        limit: usize,
    ) -> Option<HistoryPage> {
        let kept = self.kept(id)?;
        let kept = lock(&kept);
        kept.may_be_told().then(|| kept.page(cursor, limit))
    }

    /// The executions between two ids that `filter` means, newest first, at most `limit`.
    pub(crate) fn list(
        &self,
        filter: &ExecutionFilter,
        (after, before): (Option<&ExecutionId>, Option<&ExecutionId>),
        limit: usize,
    ) -> Vec<Description> {
        let executions = self.executions();
        let all = executions.kept.iter().rev();
        let newer = all.skip_while(|(id, _)| before.is_some_and(|before| *id >= before));
        let within = newer.take_while(|(id, _)| after.is_none_or(|after| *id > after));
        let meant = within.filter_map(|(_, kept)| {
            let kept = lock(kept);
            kept.is_meant_by(filter).then(|| kept.line())
        });
        meant.take(limit).collect()
    }

    /// Those of a state machine that run, or are about to.
    pub(crate) fn running_of(&self, machine: &str) -> Vec<ExecutionId> {
        let executions = self.executions();
        let of_machine = executions.kept.iter().filter(|(_, kept)| {
            let kept = lock(kept);
            kept.is_running() && kept.start().header.machine_name == machine
        });
        of_machine.map(|(id, _)| id.clone()).collect()
    }

    fn kept(&self, id: &ExecutionId) -> Option<Arc<Mutex<Kept>>> {
        self.executions().kept.get(id).cloned()
    }

    fn executions(&self) -> MutexGuard<'_, Executions> {
        self.executions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
