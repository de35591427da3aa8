//! One step of an actor: a turn is decided, committed, and only then performed.

use std::sync::Arc;

use super::turn::{Turn, decide};
use super::{Actor, Halt, Trigger};
use crate::Error;
use crate::backoff::Backoff;
use crate::room::Stage;
use asl::{Execution, Posture, Timestamp};
use auth::authority::AuthorityVersion;
use ports::{AuditRecord, Commit, CommitError, ExecutionCommit, Record, StoreError, Summary};

impl Actor {
    /// Decides, commits, performs. Nothing is performed or told before the commit is durable; a
    /// commit refused because the authority moved is decided again from the stored state.
    pub(super) async fn step(
        &mut self,
        trigger: Trigger,
        first: Option<AuditRecord>,
    ) -> Result<(), Halt> {
        let mut room = Backoff::default();
        loop {
            let execution = match self.execution.take() {
                Some(execution) => execution,
                None => self.stored().await?,
            };
            // In the order of asking, and never more at once than the host has processors.
            let shared = Arc::clone(&self.shared);
            let evaluating = match self.needs_evaluator {
                true => shared.evaluating.acquire().await.ok(),
                false => None,
            };
            let authority = self.shared.authority();
            let (mut execution, mut turn) = decide(self, &authority, execution, trigger.clone());
            drop(evaluating);
            if turn.audit.is_empty() {
                self.perform(execution, turn);
                return Ok(());
            }
            turn.audit.splice(0..0, first.clone());
            match self
                .commit(&mut execution, &mut turn, authority.version)
                .await
            {
                Ok(()) => {
                    self.perform(execution, turn);
                    return Ok(());
                }
                Err(CommitError::AuthorityMoved { now }) => {
                    self.shared.catch_up(now).await.map_err(Halt::Store)?;
                }
                Err(CommitError::NameTaken(id)) => return Err(Halt::NameTaken(id)),
                // Who asked for a start is told; what runs goes on once there is room.
                Err(CommitError::Store(StoreError::Full { .. })) if self.is_stored => {
                    self.wait_for_room(&mut room).await?;
                }
                Err(CommitError::Store(error)) => return Err(Halt::Store(error.into())),
                Err(error @ (CommitError::Fenced(_) | CommitError::Conflict(_))) => {
                    return Err(Halt::Store(Error::host(error)));
                }
            }
        }
    }

    /// Lets some time go by while the disk is full.
    async fn wait_for_room(&self, backoff: &mut Backoff) -> Result<(), Halt> {
        tokio::select! {
            () = backoff.pause() => Ok(()),
            () = self.shared.draining.cancelled() => Err(Halt::Store(Error::Closing)),
        }
    }

    /// The execution as it is stored, or as it begins.
    async fn stored(&self) -> Result<Execution, Halt> {
        let header = self.start.header.clone();
        if !self.is_stored {
            return Ok(Execution::start(header, self.input.as_ref().clone()));
        }
        let stored = self.shared.ports.journal.load(&header.id).await;
        let stored = stored.map_err(|error| Halt::Store(error.into()))?;
        let records = stored.map(|stored| stored.records).unwrap_or_default();
        Execution::restore(header, records.into_iter().map(|record| record.delta))
            .map_err(|error| Halt::Store(Error::host(error)))
    }

    async fn commit(
        &mut self,
        execution: &mut Execution,
        turn: &mut Turn,
        version: AuthorityVersion,
    ) -> Result<(), CommitError> {
        let number = execution.record_number();
        let summary = summary(execution, self.now());
        let stopped_at = summary.stopped_at;
        let logs = std::mem::take(&mut turn.logs);
        let record = Record {
            number,
            posture: Posture::Active,
            delta: execution.take_delta(),
            logs,
        };
        let step = ExecutionCommit {
            id: self.start.header.id.clone(),
            fence: self.fence,
            start: (!self.is_stored).then(|| self.start.as_ref().clone()),
            record,
            summary,
        };
        let commit = Commit {
            decided_under: Some(version),
            execution: Some(step),
            audit: std::mem::take(&mut turn.audit),
            ..Commit::default()
        };
        self.shared.commit(commit).await?;
        self.is_stored = true;
        self.stopped_at = stopped_at;
        Ok(())
    }

    /// Does what a durable turn asked for, and tells those who follow.
    fn perform(&mut self, execution: Execution, turn: Turn) {
        for effect in turn.cancelled {
            if let Some(running) = self.running.remove(&effect) {
                running.cancelled.cancel();
            }
            self.offers.remove(&effect);
            self.timers.remove(effect);
        }
        for (at, effect) in turn.timers {
            self.timers.add(at, effect);
        }
        for (state, count) in turn.mocked {
            *self.mocked.entry(state).or_default() += count;
        }
        self.due.extend(turn.deferred);
        if !turn.runs.is_empty() || !turn.calls.is_empty() {
            self.owner.stage = Stage::UnderWay;
        }
        for (run, permit, slots) in turn.runs {
            self.spawn_attempt(run, permit, slots);
        }
        for call in turn.calls {
            self.perform_call(call);
        }
        for work in turn.run_work {
            self.spawn_run_work(work);
        }
        for waiting in turn.waiting {
            self.spawn_wait(waiting);
        }
        let last_event = execution.next_event_id().saturating_sub(1);
        self.warn_of_events(last_event);
        self.execution = Some(execution);
        // Nobody may be following.
        let _ = self.progress.send(last_event);
    }

    /// Tells once of a history that has become long.
    fn warn_of_events(&self, last_event: u64) {
        let limit = self.shared.config.history_events_warning;
        let before = *self.progress.borrow();
        if (before..last_event).contains(&limit) {
            tracing::warn!(
                execution = %self.start.header.id,
                events = last_event,
                events_max = self.start.header.limits.history_events_max,
                "the history of an execution has become long"
            );
        }
    }
}

fn summary(execution: &Execution, now: Timestamp) -> Summary {
    let status = execution.status();
    Summary {
        status,
        stopped_at: status.is_terminal().then_some(now),
        output: execution.output().map(|output| output.id),
        error: execution.error().map(ToOwned::to_owned),
        cause: execution.cause().map(ToOwned::to_owned),
    }
}
