//! One step of an actor: a turn is decided, committed, and only then performed.

use std::sync::Arc;

use super::turn::{Turn, decide};
use super::{Actor, Halt, Trigger};
use crate::authority::Authority;
use crate::backoff::Backoff;
use crate::express::Keeping;
use crate::room::Stage;
use crate::{Error, Standing};
use asl::{Execution, Timestamp};
use auth::authority::AuthorityVersion;
use ports::{AuditRecord, Commit, CommitError, ExecutionCommit, Record, StoreError, Summary};
use tokio::time::Instant;

impl Actor {
    /// Decides, commits, performs. Nothing is performed or told before the commit is durable; a
    /// commit refused because the authority moved is decided again from the stored state.
    pub(super) async fn step(
        &mut self,
        trigger: Trigger,
        first: Option<AuditRecord>,
    ) -> Result<(), Halt> {
        // An execution that waits keeps no room for what is at hand during a step.
        Box::pin(self.take_step(trigger, first)).await
    }

    async fn take_step(
        &mut self,
        trigger: Trigger,
        first: Option<AuditRecord>,
    ) -> Result<(), Halt> {
        let mut pauses = Backoff::default();
        loop {
            let execution = match self.execution.take() {
                Some(execution) => execution,
                None => match self.stored().await {
                    Ok(execution) => execution,
                    Err(error) => {
                        self.get_over(&mut pauses, error).await?;
                        continue;
                    }
                },
            };
            // In the order of asking, and never more at once than the host has processors.
            let shared = Arc::clone(&self.shared);
            let evaluating = match self.needs_evaluator {
                true => shared.evaluating.acquire().await.ok(),
                false => None,
            };
            let decided = Instant::now();
            let authority = self.shared.authority();
            self.check_standing(&authority)?;
            let (mut execution, mut turn) = decide(self, &authority, execution, trigger.clone());
            drop(evaluating);
            if turn.changes_nothing() {
                self.perform(execution, turn);
                return Ok(());
            }
            turn.audit.splice(0..0, first.clone());
            match self
                .commit(&mut execution, &mut turn, authority.version)
                .await
            {
                Ok(()) => {
                    self.measure(&trigger, &turn, decided);
                    self.trace_turn(&trigger, &mut turn, &execution);
                    self.perform(execution, turn);
                    return Ok(());
                }
                Err(CommitError::AuthorityMoved { now }) => {
                    if let Err(error) = self.shared.catch_up(now).await {
                        self.get_over(&mut pauses, error).await?;
                    }
                }
                Err(CommitError::NameTaken(id)) => return Err(Halt::NameTaken(id)),
                Err(CommitError::Store(full @ StoreError::Full { .. })) => {
                    self.get_over(&mut pauses, full.into()).await?;
                }
                Err(CommitError::Store(error)) => return Err(Halt::Store(error.into())),
                Err(error @ (CommitError::Fenced(_) | CommitError::Conflict(_))) => {
                    return Err(Halt::Store(Error::host(error)));
                }
            }
        }
    }

    /// Whether the state machine still stands that is about to be started: it may have been deleted
    /// since the start was decided. A child of a map run ends with its parent, which is stopped.
    fn check_standing(&self, authority: &Authority) -> Result<(), Halt> {
        if self.is_start_durable() || self.start.header.map_run.is_some() {
            return Ok(());
        }
        let name = &self.machine.name;
        let standing = authority.standing(name).active(name);
        let (_, registration) = standing.map_err(Halt::Refused)?;
        match self.machine.revision >= registration.first_revision {
            true => Ok(()),
            // Another one has its name.
            false => Err(Halt::Refused(Standing::Absent.refusal(name))),
        }
    }

    /// Measures how long a turn took to become durable, for the attempts it is about.
    fn measure(&self, trigger: &Trigger, turn: &Turn, decided: Instant) {
        let phases = &self.shared.metrics.phases;
        if let Trigger::Answer { facts, .. } = trigger {
            phases.commit.observe(facts.ended.elapsed().as_secs_f64());
        }
        let requests = turn.calls.iter().filter(|call| call.is_request()).count();
        for _ in 0..turn.runs.len().saturating_add(requests) {
            phases.record.observe(decided.elapsed().as_secs_f64());
        }
    }

    /// Lets some time go by where the store fails for a moment. Whoever asked for a start is told
    /// of it instead; what runs goes on once the store does.
    async fn get_over(&self, pauses: &mut Backoff, error: Error) -> Result<(), Halt> {
        let Error::Store(problem @ (StoreError::Full { .. } | StoreError::Io(_))) = &error else {
            return Err(Halt::Store(error));
        };
        if !self.is_start_durable() {
            return Err(Halt::Store(error));
        }
        let waited = self.wait_for_store(pauses, problem).await;
        waited.map_err(Halt::Store)
    }

    /// Whether somebody may know of the execution, so that it has to go on.
    fn is_start_durable(&self) -> bool {
        self.is_stored || self.keeping.is_start_stored()
    }

    /// Lets some time go by while the store can do nothing.
    ///
    /// # Errors
    /// [`Error::Closing`]: the host drains.
    pub(super) async fn wait_for_store(
        &self,
        pauses: &mut Backoff,
        problem: &StoreError,
    ) -> Result<(), Error> {
        let id = &self.start.header.id;
        tracing::debug!(execution = %id, %problem, "the execution waits for the store");
        tokio::select! {
            biased;
            () = self.shared.draining.cancelled() => Err(Error::Closing),
            () = self.shared.failed.cancelled() => Err(Error::Store(problem.clone())),
            () = pauses.pause() => Ok(()),
        }
    }

    /// The execution as it is stored, or as it begins.
    async fn stored(&mut self) -> Result<Execution, Error> {
        let header = self.start.header.clone();
        if !self.is_stored {
            return Ok(Execution::start(header, Arc::clone(&self.input)));
        }
        if let Some(express) = self.keeping.express() {
            return express.restore().map_err(Error::host);
        }
        let stored = self.shared.ports.journal.load(&header.id).await?;
        let stored = stored.ok_or_else(|| Error::host("the execution is gone"))?;
        stored.restore().map_err(Error::host)
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
        let posture = self.posture_of(execution);
        let record = Record {
            number,
            posture,
            delta: execution.take_delta(),
            logs,
        };
        match self.keeping {
            Keeping::Memory(_) => {
                let step = (record, summary);
                self.keep(execution, turn, step, version).await?;
            }
            Keeping::Journal(fence) => {
                let step = ExecutionCommit {
                    id: self.start.header.id.clone(),
                    fence,
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
            }
        }
        let (metrics, kind) = (&self.shared.metrics, self.machine.settings.kind);
        if !self.is_stored {
            metrics.started(&self.start.header, kind);
        }
        if let Some(at) = stopped_at {
            metrics.ended(&self.start.header, kind, execution.status(), at);
        }
        self.is_stored = true;
        self.posture = posture;
        self.stopped_at = stopped_at;
        if stopped_at.is_some() {
            self.shared
                .ended
                .send_modify(|count| *count = count.saturating_add(1));
        }
        Ok(())
    }

    /// Does what a durable turn asked for, and tells those who follow.
    fn perform(&mut self, execution: Execution, turn: Turn) {
        for effect in turn.cancelled {
            if let Some(running) = self.running.remove(&effect) {
                running.cancelled.cancel();
            }
            self.trace_cancelled(effect);
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
            let lasting = self.lasting_effect(&execution, &run);
            self.spawn_attempt((run, lasting), permit, slots);
        }
        for call in turn.calls {
            let lasting = self.lasting_effect(&execution, call.run());
            self.perform_call(call, lasting);
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
        self.told = last_event;
        let id = &self.start.header.id;
        self.shared.followers.tell(id, last_event);
    }

    /// Tells once of a history that has become long.
    fn warn_of_events(&self, last_event: u64) {
        let limit = self.shared.config.history_events_warning;
        if (self.told..last_event).contains(&limit) {
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
