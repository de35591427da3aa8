//! Running one attempt: from a durable record to the event that answers it.

use std::sync::Arc;
use std::time::Duration;

use asl::{Effect, EffectId, EventKind, ExecutionId, ItemsRead, ResultsWrite, TaskRun, Timestamp};
use auth::authority::AttemptPermit;
use ports::{
    Attempt, AttemptReport, AuditRecord, Commit, CommitError, LogLine, Outcome, RunError, Span,
    StepContext, StoreError, Usage, Use,
};
use serde_json::{Value, json};
use tokio::task::JoinError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::egress::Requested;
use super::nested::Nested;
use super::turn::Waiting;
use super::{Actor, Trigger};
use crate::Error;
use crate::backoff::Backoff;
use crate::components::commit_error;
use crate::room::Slots;
use crate::tasks::{NestedStart, Reply, component_input};
use crate::witness::AuditWitness;

/// How long attempts of an ended execution are waited for.
const SETTLE_MAX: Duration = Duration::from_secs(2);
/// What is told of work whose task is gone without an answer.
pub(super) const LOST: &str = "the host lost the attempt";

/// What a task of the actor's came back with.
pub(crate) enum Finished {
    /// An attempt ran to its end.
    Attempt {
        run: Box<TaskRun>,
        result: Result<AttemptReport, RunError>,
    },
    /// A slot came free that was waited for.
    Slot {
        run: Box<TaskRun>,
        slots: Arc<Slots>,
        since: Instant,
    },
    /// Something of a map run came to its end; no answer if nobody may know it.
    RunWork {
        effect: EffectId,
        answer: Option<EventKind>,
    },
    /// There is news of an execution that a Task started.
    Nested {
        run: Box<TaskRun>,
        start: Box<NestedStart>,
        news: Box<Nested>,
    },
    /// A Task's own request came to its end.
    Request(Box<Requested>),
    /// The host is ending, or nobody wants to know.
    Nothing,
}

/// How to reach an attempt under way, or one that waits for room.
pub(super) struct RunningAttempt {
    pub(super) cancelled: CancellationToken,
    pub(super) task: tokio::task::Id,
}

/// What is kept of an attempt's report beside its outcome.
pub(crate) struct Facts {
    pub(super) logs: Vec<LogLine>,
    /// When it ended, for measuring.
    pub(super) ended: Instant,
    state: String,
    attempt: u32,
    pub(super) usage: Usage,
    pub(super) uses: Vec<Use>,
    /// What the server answered, in a few members.
    response: Value,
    /// The attempt's span, complete but for its commit.
    pub(super) span: Option<Span>,
}

impl Facts {
    pub(super) fn new(run: &TaskRun, logs: Vec<LogLine>, usage: Usage, uses: Vec<Use>) -> Self {
        Self {
            logs,
            ended: Instant::now(),
            state: run.state.clone(),
            attempt: run.attempt,
            usage,
            uses,
            response: Value::Null,
            span: None,
        }
    }

    /// The same, of a server that answered so.
    pub(super) fn with_response(self, response: Value) -> Self {
        Self { response, ..self }
    }

    /// The same, of an attempt that is traced.
    pub(super) fn traced(self, span: Option<Span>) -> Self {
        Self { span, ..self }
    }

    /// Adds what the attempt was and used to the record of the transition it led to.
    pub(super) fn describe(&self, record: &mut AuditRecord) {
        record.state = Some(self.state.clone());
        record.attempt = Some(self.attempt);
        if let Value::Object(outcome) = &mut record.outcome {
            outcome.insert("usage".to_owned(), json!(self.usage));
            outcome.insert("uses".to_owned(), json!(self.uses));
            if !self.response.is_null() {
                outcome.insert("response".to_owned(), self.response.clone());
            }
        }
    }
}

impl Actor {
    /// Runs an attempt; `lasting` is its effect as its idempotency key names it.
    pub(super) fn spawn_attempt(
        &mut self,
        (run, lasting): (TaskRun, EffectId),
        permit: AttemptPermit,
        slots: Arc<Slots>,
    ) {
        let cancelled = CancellationToken::new();
        let effect = run.effect;
        let attempt = self.attempt((&run, lasting), permit, cancelled.clone());
        let runner = Arc::clone(&self.shared.ports.runner);
        let span = tracing::info_span!("attempt", state = run.state, attempt = run.attempt);
        let unwanted = cancelled.clone();
        let attempted = async move {
            // The execution may have moved on before this task had its turn.
            if unwanted.is_cancelled() {
                return Finished::Nothing;
            }
            let result = runner.run(attempt).await;
            match &result {
                Ok(_) => tracing::debug!("the attempt ended"),
                Err(error) => tracing::error!(%error, "the attempt could not be run"),
            }
            drop(slots);
            Finished::Attempt {
                run: Box::new(run),
                result,
            }
        };
        let task = self.attempts.spawn(attempted.instrument(span));
        let task = task.id();
        self.running
            .insert(effect, RunningAttempt { cancelled, task });
    }

    pub(super) fn spawn_wait(&mut self, waiting: Waiting) {
        let Waiting { run, demand } = waiting;
        let ending = match self.keeping.is_journal() {
            true => &self.shared.draining,
            false => &self.shared.killed,
        };
        let cancelled = ending.child_token();
        let (effect, token) = (run.effect, cancelled.clone());
        let place = self.shared.room.wait(demand);
        let (begun, queue) = (Instant::now(), self.shared.metrics.phases.queue.clone());
        let task = self.attempts.spawn(async move {
            tokio::select! {
                biased;
                () = token.cancelled() => Finished::Nothing,
                slots = place => {
                    queue.observe(begun.elapsed().as_secs_f64());
                    Finished::Slot { run: Box::new(run), slots, since: begun }
                }
            }
        });
        let task = task.id();
        self.running
            .insert(effect, RunningAttempt { cancelled, task });
    }

    fn attempt(
        &self,
        (run, lasting): (&TaskRun, EffectId),
        permit: AttemptPermit,
        cancelled: CancellationToken,
    ) -> Attempt {
        let header = &self.start.header;
        let time = permit.capabilities().limits.time();
        let limit = self
            .now()
            .plus_ms(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        let deadline = run.timeout_at.map_or(limit, |timeout| timeout.min(limit));
        let context = StepContext {
            execution_arn: header.arn.clone(),
            execution: header.id.clone(),
            state_machine: header.machine_name.clone(),
            state: run.state.clone(),
            component: permit.component().to_string(),
            attempt: run.attempt,
            idempotency_key: format!("{}-{}", header.id, lasting.0),
            deadline,
            caller: self.start.caller.clone(),
        };
        Attempt {
            permit,
            context,
            input: component_input(run),
            time,
            cancelled,
            witness: Arc::new(AuditWitness::new(
                Arc::clone(&self.shared),
                Arc::clone(&self.start),
            )),
        }
    }

    /// The trigger that a finished task of the actor's is; `None` where nobody waits for it.
    pub(super) fn finished(&mut self, finished: Result<Finished, JoinError>) -> Option<Trigger> {
        let (run, result) = match finished {
            Ok(Finished::Attempt { run, result }) => (run, result),
            Ok(Finished::Slot { run, slots, since }) => {
                self.running.remove(&run.effect)?;
                self.trace_wait(run.effect, since);
                return Some(Trigger::Admit {
                    run,
                    slots: Some(slots),
                });
            }
            Ok(Finished::RunWork { effect, answer }) => {
                self.running.remove(&effect)?;
                return answer.map(Trigger::Event);
            }
            Ok(Finished::Nested { run, start, news }) => {
                return self.nested(*run, &start, *news);
            }
            Ok(Finished::Request(requested)) => return self.requested(*requested),
            Ok(Finished::Nothing) => return None,
            Err(error) => {
                tracing::error!(execution = %self.start.header.id, %error, "an attempt's task ended abnormally");
                return self.abandoned(error.id());
            }
        };
        self.shared.metrics.attempt_ended(&result);
        let span = self.trace_attempt(run.effect, &result);
        let is_wanted = self.running.remove(&run.effect).is_some();
        match result {
            Ok(report) if is_wanted => {
                let place = (&self.start.header.id, self.now());
                Some(answer(place, &run, report, span))
            }
            result => {
                // No commit of its own comes of it.
                span.into_iter().for_each(|span| self.collect(span));
                match result {
                    Ok(report) => {
                        let facts = Facts::new(&run, report.logs, report.usage, report.uses);
                        self.add_unwanted(&facts);
                        None
                    }
                    Err(error) => is_wanted.then(|| unrun(run.effect, &error)),
                }
            }
        }
    }

    /// Remembers an attempt that ended when nobody waited for it any more: it may have had
    /// effects all the same.
    pub(super) fn add_unwanted(&mut self, facts: &Facts) {
        let is_finished = self.is_finished();
        match self.keeping.express() {
            Some(express) if !is_finished => express.tally().cancelled(facts.usage, &facts.uses),
            Some(_) | None => {
                let record = self.unwanted_record(facts);
                self.unwanted.push(record);
            }
        }
    }

    fn unwanted_record(&self, facts: &Facts) -> AuditRecord {
        let mut record = self.record("AttemptCancelled");
        record.outcome = json!({});
        facts.describe(&mut record);
        record
    }

    /// Writes down what cancelled attempts did, as soon as the disk has room for it.
    ///
    /// # Errors
    /// The store failed, or the host drains while the disk is full: it is not on record.
    pub(super) async fn tell_unwanted(&mut self) -> Result<(), Error> {
        let mut room = Backoff::default();
        while !self.unwanted.is_empty() {
            let commit = Commit {
                audit: self.unwanted.clone(),
                ..Commit::default()
            };
            match self.shared.commit(commit).await {
                Ok(_) => self.unwanted.clear(),
                Err(CommitError::Store(full @ StoreError::Full { .. })) => {
                    self.wait_for_store(&mut room, &full).await?;
                }
                Err(error) => return Err(commit_error(error)),
            }
        }
        Ok(())
    }

    /// Cancels what still runs for an execution that has ended, and waits a little for it to end.
    pub(super) async fn settle(&mut self) {
        for running in std::mem::take(&mut self.running).into_values() {
            running.cancelled.cancel();
        }
        let ended = async {
            while let Some(finished) = self.attempts.join_next().await {
                // Nothing is waited for any more, so no trigger comes of it.
                let _ = self.finished(finished);
            }
        };
        if tokio::time::timeout(SETTLE_MAX, ended).await.is_err() {
            tracing::warn!(execution = %self.start.header.id, "attempts are cut off, they did not end when cancelled");
        }
        if let Err(error) = self.tell_unwanted().await {
            tracing::error!(execution = %self.start.header.id, %error, "cancelled attempts are not on record");
        }
    }

    /// The end of an attempt whose task is gone without an answer.
    fn abandoned(&mut self, task: tokio::task::Id) -> Option<Trigger> {
        let (effect, _) = self
            .running
            .iter()
            .find(|(_, running)| running.task == task)?;
        let effect = *effect;
        self.running.remove(&effect)?;
        let end = Err(RunError::Host(LOST.into()));
        if let Some(span) = self.trace_attempt(effect, &end) {
            self.collect(span);
        }
        let open = self.execution.as_ref()?.outstanding();
        open.iter()
            .find_map(|open| lost(open, effect))
            .map(Trigger::Event)
    }
}

/// The end of what an open effect asked for, if it is the one whose task is gone.
fn lost(open: &Effect, effect: EffectId) -> Option<EventKind> {
    let (error, cause) = ("Sluice.Interrupted".to_owned(), LOST.to_owned());
    match open {
        Effect::RunTask(run) if run.effect == effect => Some(EventKind::TaskFailed {
            effect,
            error,
            cause,
        }),
        Effect::StartChild(child) if child.effect == effect => Some(EventKind::ChildFailed {
            effect,
            error,
            cause,
        }),
        Effect::ReadItems(ItemsRead { effect: of, .. })
        | Effect::WriteResults(ResultsWrite { effect: of, .. })
            if *of == effect =>
        {
            Some(EventKind::MapRunFailed {
                effect,
                error,
                cause,
            })
        }
        Effect::RunTask(_)
        | Effect::StartChild(_)
        | Effect::ReadItems(_)
        | Effect::WriteResults(_)
        | Effect::StartTimer { .. }
        | Effect::Continue(_)
        | Effect::Cancel(_) => None,
    }
}

/// The end of an attempt that the host could not run.
fn unrun(effect: EffectId, error: &RunError) -> Trigger {
    Trigger::Event(EventKind::TaskFailed {
        effect,
        error: "Sluice.Interrupted".to_owned(),
        cause: error.to_string(),
    })
}

fn answer(
    place: (&ExecutionId, Timestamp),
    run: &TaskRun,
    report: AttemptReport,
    mut span: Option<Span>,
) -> Trigger {
    let effect = run.effect;
    let failed = |error: &str, cause: String| EventKind::TaskFailed {
        effect,
        error: error.to_owned(),
        cause,
    };
    let kind = match report.outcome {
        Outcome::Succeeded { output } => match serde_json::from_str(&output) {
            Ok(output) => Reply::of(run).event(place, run, output),
            Err(error) => failed(
                "Sluice.InvalidOutput",
                format!("the output is not JSON: {error}"),
            ),
        },
        Outcome::Failed { error, cause } => EventKind::TaskFailed {
            effect,
            error,
            cause,
        },
        Outcome::Cancelled => failed("Sluice.Interrupted", "the attempt was cancelled".to_owned()),
    };
    if let (Some(span), EventKind::TaskFailed { error, .. }) = (&mut span, &kind) {
        span.error = Some(error.clone());
    }
    let facts = Facts::new(run, report.logs, report.usage, report.uses);
    Trigger::Answer {
        kind,
        facts: Arc::new(facts.traced(span)),
    }
}
