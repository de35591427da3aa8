//! Express executions: their steps are kept in memory, their start and end on record.
//!
//! Owns what of such an execution is stored, told and forgotten, and when. How its steps are
//! decided and performed is the actor's business, as for every other execution.

mod kept;
mod lasting;
mod table;
mod tally;

use std::sync::{Arc, Mutex};

use asl::{Delta, EffectId, Execution, ExecutionId, Posture, RestoreError, TaskRun};
use auth::names::Digest;
use ports::{Description, ExecutionCommit, Fence, Record, Start, Summary};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::Error;
use kept::{Kept, lock};
use lasting::Visits;
pub(crate) use table::Table;
pub(crate) use tally::Tally;

/// How long an express execution may run, in seconds; the service's quota.
pub(crate) const RUNNING_SECONDS_MAX: u64 = 5 * 60;

/// Where the steps of an execution are kept.
pub(crate) enum Keeping {
    /// In the store: each is durable before it is performed.
    Journal(Fence),
    /// In memory.
    Memory(Box<Express>),
}

impl Keeping {
    /// Whether every step goes to the store.
    pub(crate) fn is_journal(&self) -> bool {
        matches!(self, Self::Journal(_))
    }

    /// Whether the next host runs the execution again from its beginning.
    pub(crate) fn runs_again(&self) -> bool {
        match self {
            Self::Journal(_) => false,
            Self::Memory(express) => matches!(express.form, Form::Asynchronous { .. }),
        }
    }

    /// Whether the start of an execution whose steps are in memory is in the store.
    pub(crate) fn is_start_stored(&self) -> bool {
        match self {
            Self::Journal(_) => false,
            Self::Memory(express) => express.form.is_start_stored(),
        }
    }

    pub(crate) fn express(&mut self) -> Option<&mut Express> {
        match self {
            Self::Journal(_) => None,
            Self::Memory(express) => Some(express),
        }
    }
}

/// The end of an execution, as it is told to whoever waits for it.
pub(crate) type Answer = oneshot::Sender<Result<Description, Error>>;

/// The two ways to start an express execution.
pub(crate) enum Form {
    /// Somebody waits for its end; nothing runs again.
    Synchronous(Option<Answer>),
    /// Its start is stored, so that a host that dies leaves it to the next one.
    Asynchronous {
        /// The ownership to write under.
        fence: Fence,
        /// Whether its start is stored already.
        is_stored: bool,
    },
}

impl Form {
    fn is_start_stored(&self) -> bool {
        match self {
            Self::Synchronous(_) => false,
            Self::Asynchronous { is_stored, .. } => *is_stored,
        }
    }

    /// What the record of a start asked for, with the form and the digest of the input.
    pub(crate) fn told(&self, asked: &Value, input: &Value) -> Value {
        let mut told = asked.clone();
        if let Value::Object(members) = &mut told {
            let form = match self {
                Self::Synchronous(_) => "synchronous",
                Self::Asynchronous { .. } => "asynchronous",
            };
            let digest = Digest::of(input.to_string().as_bytes());
            members.insert("express".to_owned(), json!(form));
            members.insert("inputDigest".to_owned(), json!(digest));
        }
        told
    }
}

/// What an actor holds of an execution whose steps are kept in memory.
pub(crate) struct Express {
    id: ExecutionId,
    form: Form,
    tally: Tally,
    visits: Visits,
    kept: Arc<Mutex<Kept>>,
    table: Arc<Table>,
    is_ended: bool,
}

impl Express {
    /// An execution about to run; it can be read once its start is durable.
    pub(crate) fn new(
        table: &Arc<Table>,
        (start, input): (&Arc<Start>, &Arc<Value>),
        form: Form,
    ) -> Self {
        let id = start.header.id.clone();
        let is_start_stored = form.is_start_stored();
        let kept = Kept::new(Arc::clone(start), Arc::clone(input), is_start_stored);
        Self {
            kept: table.open(&id, kept),
            table: Arc::clone(table),
            id,
            form,
            tally: Tally::default(),
            visits: Visits::default(),
            is_ended: false,
        }
    }

    /// The execution as its steps left it.
    ///
    /// # Errors
    /// There is no step yet.
    pub(crate) fn restore(&self) -> Result<Execution, RestoreError> {
        lock(&self.kept).restore()
    }

    /// What a step adds to the store, if anything: the start with the first one, the end with
    /// the last.
    pub(crate) fn stored_part(
        &self,
        start: &Start,
        execution: &Execution,
        (record, summary): (&Record, &Summary),
    ) -> Option<ExecutionCommit> {
        let Form::Asynchronous { fence, is_stored } = self.form else {
            return None;
        };
        let is_ended = summary.status.is_terminal();
        let (number, delta) = match is_stored {
            true if !is_ended => return None,
            true => (1, Delta::default()),
            false => (
                0,
                Delta::of_start(Arc::clone(record.delta.payloads.first()?)),
            ),
        };
        let (delta, output) = match is_ended {
            true => delta.with_end(number, execution),
            false => (delta, None),
        };
        Some(ExecutionCommit {
            id: self.id.clone(),
            fence,
            start: (number == 0).then(|| start.clone()),
            record: Record {
                number,
                posture: Posture::Active,
                delta,
                logs: Vec::new(),
            },
            summary: Summary {
                output,
                ..summary.clone()
            },
        })
    }

    /// What was counted, and what a step adds to it.
    pub(crate) fn tally_with(&self, step: &Tally) -> Tally {
        let mut tally = self.tally.clone();
        tally.add(step);
        tally
    }

    /// Keeps a step, of which everything is durable that has to be. Whoever waits for the end is
    /// told of it.
    pub(crate) fn add(&mut self, record: Record, summary: Summary, step: &Tally) {
        self.tally.add(step);
        if let Form::Asynchronous { is_stored, .. } = &mut self.form {
            *is_stored = true;
        }
        self.is_ended = summary.status.is_terminal();
        let more = lock(&self.kept).add(record, summary);
        self.table.grow(more);
        if self.is_ended {
            self.table.end(&self.id);
            if let Some(answer) = self.answer() {
                // The caller may have gone.
                let _ = answer.send(Ok(lock(&self.kept).description()));
            }
        }
    }

    /// Adds to what is counted.
    pub(crate) fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// Whether its steps take more memory than one execution may.
    pub(crate) fn is_too_large(&self) -> bool {
        !self.is_ended && lock(&self.kept).bytes() > self.table.execution_bytes_max()
    }

    /// Who waits for the end, the first time it is asked for.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        match &mut self.form {
            Form::Synchronous(answer) => answer.take(),
            Form::Asynchronous { .. } => None,
        }
    }

    /// What an attempt is called outside: the same when the execution runs again.
    pub(crate) fn lasting_effect(&mut self, execution: &Execution, run: &TaskRun) -> EffectId {
        match self.form {
            Form::Synchronous(_) => run.effect,
            Form::Asynchronous { .. } => match execution.place(run.effect) {
                Some(place) => self.visits.effect(place, run.attempt),
                None => run.effect,
            },
        }
    }
}

impl Drop for Express {
    fn drop(&mut self) {
        if !self.is_ended {
            self.table.forget(&self.id);
        }
    }
}
