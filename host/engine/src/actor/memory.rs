//! Executions whose steps are kept in memory: what of a step becomes durable, and how they end
//! with the host.

use asl::{EffectId, EventKind, Execution, TaskRun};
use auth::authority::AuthorityVersion;
use auth::names::Digest;
use ports::{AuditRecord, Commit, CommitError, Record, Summary};
use serde_json::{Map, Value, json};

use super::turn::Turn;
use super::{Actor, Halt, Trigger};
use crate::Error;
use crate::express::Tally;
use crate::room::Stage;

/// Who ends executions that the host can no longer keep.
const HOST: &str = "host";

impl Actor {
    /// Keeps a step. Its first one, its last one, what was refused and what somebody asked for
    /// become durable before it is performed; nothing of any other does.
    pub(super) async fn keep(
        &mut self,
        execution: &Execution,
        turn: &mut Turn,
        (record, summary): (Record, Summary),
        version: AuthorityVersion,
    ) -> Result<(), CommitError> {
        // A synchronous start writes an audit record alone, and only clients make one.
        let has_turn = !self.is_stored && !self.keeping.runs_again();
        let Some(express) = self.keeping.express() else {
            return Ok(());
        };
        let step = express.stored_part(&self.start, execution, (&record, &summary));
        let tally = summary
            .status
            .is_terminal()
            .then(|| express.tally_with(&turn.tally));
        let mut audit = std::mem::take(&mut turn.audit);
        audit.extend(tally.map(|tally| self.end_record(&tally, execution, &summary)));
        if step.is_some() || !audit.is_empty() {
            let commit = Commit {
                decided_under: Some(version),
                execution: step,
                audit,
                ..Commit::default()
            };
            match has_turn {
                true => self.shared.commit_in_turn(commit).await?,
                false => self.shared.commit(commit).await?,
            };
        } else {
            let now = self.shared.authority().version;
            if now != version {
                return Err(CommitError::AuthorityMoved { now });
            }
        }
        let Some(express) = self.keeping.express() else {
            return Ok(());
        };
        express.add(record, summary, &turn.tally);
        if express.is_too_large() {
            let cause = "the steps of the execution take more memory than one may";
            let stop = ended_by_host("Sluice.LimitExceeded", cause);
            self.due.push_front(Trigger::Event(stop));
        }
        Ok(())
    }

    /// The record of the end, which stands for those of every step.
    fn end_record(&self, tally: &Tally, execution: &Execution, summary: &Summary) -> AuditRecord {
        let mut record = self.record("EndExecution");
        let started_at = self.start.header.started_at;
        let mut outcome = Map::new();
        outcome.insert("status".to_owned(), json!(summary.status.as_str()));
        if let Some(error) = &summary.error {
            outcome.insert("error".to_owned(), json!(error));
        }
        if let Some(output) = execution.output() {
            let digest = Digest::of(output.value().to_string().as_bytes());
            outcome.insert("outputDigest".to_owned(), json!(digest));
        }
        let ran_ms = record.at.0.saturating_sub(started_at.0);
        outcome.insert("durationMs".to_owned(), json!(ran_ms));
        tally.describe(&mut outcome);
        record.outcome = Value::Object(outcome);
        record
    }

    /// Runs an execution again of which the last host left nothing but the start.
    pub(crate) async fn run_again(mut self) {
        let id = self.start.header.id.clone();
        self.owner.stage = Stage::UnderWay;
        self.trace_from_record();
        let record = self.record("RerunExecution");
        match self.begin(record).await {
            Ok(()) => {
                self.arrival = None;
                return self.run().await;
            }
            Err(Halt::Store(error) | Halt::Refused(error)) => {
                tracing::error!(execution = %id, %error, "the execution is left where it is");
            }
            Err(Halt::NameTaken(_)) => {}
        }
        self.give_up();
    }

    /// Ends an execution that nobody will run again, as the host ends.
    pub(super) async fn interrupt(&mut self) {
        let answer = self
            .keeping
            .express()
            .and_then(crate::express::Express::answer);
        let stop = ended_by_host("Sluice.Interrupted", "the host is shutting down");
        let ended = self.step(Trigger::Event(stop), None).await;
        if let Err(Halt::Store(error)) = ended {
            let id = &self.start.header.id;
            tracing::error!(execution = %id, %error, "an interrupted execution is not on record");
        }
        if let Some(answer) = answer {
            // The caller may have gone.
            let _ = answer.send(Err(Error::Closing));
        }
    }

    /// What an attempt is called outside of this execution: the same whenever it is made again.
    pub(super) fn lasting_effect(&mut self, execution: &Execution, run: &TaskRun) -> EffectId {
        match self.keeping.express() {
            Some(express) => express.lasting_effect(execution, run),
            None => run.effect,
        }
    }
}

fn ended_by_host(error: &str, cause: &str) -> EventKind {
    EventKind::Stop {
        error: Some(error.to_owned()),
        cause: Some(cause.to_owned()),
        principal: HOST.to_owned(),
    }
}
