//! One task that owns one running execution.
//!
//! Owns the rhythm of an execution: wait for something to happen, decide what follows, commit it,
//! then perform it. It does not know what an event means (that is `asl`) nor whether an attempt
//! may run (that is `admission`).

mod attempt;
mod calls;
mod child;
mod egress;
mod leaving;
mod memory;
mod nested;
mod next;
mod step;
mod timers;
mod traces;
mod turn;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use asl::{
    Effect, EffectId, EventKind, Execution, ExecutionId, Posture, TaskPhase, TaskRun, Timestamp,
};
use auth::names::Digest;
use auth::principal::Caller;
use ports::{AuditRecord, Decision, Start};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::express::Keeping;
use crate::pressure::Place;
use crate::room::{Owner, Slots, Stage};
use crate::roster::Running;
use crate::shared::Shared;
use crate::taking_up::Arrival;
use crate::tasks::{TaskMessage, activities_of, bar_to_rerun};
use crate::{Error, Machine};
use attempt::{Facts, Finished, RunningAttempt};
use calls::Offers;
use child::RunWork;
use next::Next;
use timers::Timers;
use traces::Traced;

/// Requests waiting for one execution; more wait in their senders.
const MAILBOX: usize = 16;

/// What a request may ask of a running execution.
pub(crate) enum Message {
    /// Stop it.
    Stop(Box<Stop>),
    /// Do something about one of its Tasks.
    Task(TaskMessage),
}

/// A request to stop an execution.
pub(crate) struct Stop {
    /// The error to end with.
    pub(crate) error: Option<String>,
    /// Its cause.
    pub(crate) cause: Option<String>,
    /// Who asks.
    pub(crate) caller: Caller,
    /// By which rules.
    pub(crate) rules: Vec<String>,
    /// Through what: `http`, or `engine` for another execution.
    pub(crate) through: &'static str,
    /// Told when it is durable.
    pub(crate) done: oneshot::Sender<Result<Timestamp, Error>>,
}

/// What makes an execution take a step.
#[derive(Clone)]
pub(crate) enum Trigger {
    /// Something happened.
    Event(EventKind),
    /// An attempt ended, with what it logged and used.
    Answer { kind: EventKind, facts: Arc<Facts> },
    /// An attempt wants to run.
    Admit {
        run: Box<TaskRun>,
        slots: Option<Arc<Slots>>,
    },
    /// A worker asks for a task.
    HandOut {
        effect: EffectId,
        worker: Option<String>,
    },
}

/// Why an actor ended before its execution did.
pub(crate) enum Halt {
    /// The store failed, or the execution belongs to another host: nothing more may be acknowledged.
    Store(Error),
    /// Another execution holds the name; only a first step can fail so.
    NameTaken(ExecutionId),
    /// Its state machine may not be started any more; only a first step can fail so.
    Refused(Error),
}

/// Everything a running execution needs beside its durable state.
pub(crate) struct Actor {
    shared: Arc<Shared>,
    start: Arc<Start>,
    /// The digest of the caller, under which policy's answers are kept.
    identity: Digest,
    /// The caller as transitions name them; the groups stand in the record of the start.
    told_caller: Caller,
    input: Arc<Value>,
    machine: Arc<Machine>,
    keeping: Keeping,
    /// `None` while a step is under way, or after one failed.
    execution: Option<Execution>,
    is_stored: bool,
    /// What the execution waits for, as stored.
    posture: Posture,
    /// When the execution ended, as stored.
    stopped_at: Option<Timestamp>,
    mailbox: mpsc::Receiver<Message>,
    /// Messages that came before any in the mailbox.
    received: VecDeque<Message>,
    /// The last event that followers were told of.
    told: u64,
    attempts: JoinSet<Finished>,
    running: BTreeMap<EffectId, RunningAttempt>,
    /// Tasks on offer to workers.
    offers: Offers,
    /// The activities that the machine's Tasks name, where none of them is mocked.
    activities: Vec<String>,
    /// For whom its attempts ask for room.
    owner: Owner,
    timers: Timers,
    due: VecDeque<Trigger>,
    /// Whether the last thing done was asked for by a message.
    was_message: bool,
    /// Whether its steps may evaluate more than plain expressions.
    needs_evaluator: bool,
    /// How many invocations of each state were answered by mocks.
    mocked: BTreeMap<String, u32>,
    /// Records of attempts that ended when nobody waited for them any more.
    unwanted: Vec<AuditRecord>,
    /// Nothing where nobody wants its trace.
    traced: Option<Box<Traced>>,
    /// Held until the first step in memory is taken.
    arrival: Option<Arrival>,
    _place: Place,
}

impl Actor {
    /// An execution about to start or to be taken up, and how to reach it.
    pub(crate) fn new(
        shared: Arc<Shared>,
        start: Arc<Start>,
        input: Arc<Value>,
        machine: Arc<Machine>,
        keeping: Keeping,
        place: Place,
    ) -> (Self, Running) {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let name = machine.name.clone();
        let activities = match start.selection.mock_case {
            Some(_) => Vec::new(),
            None => activities_of(&machine),
        };
        let needs_evaluator = machine.machine.needs_evaluator();
        let owner = Owner::of(&start);
        let traced = Traced::of(&shared, &start);
        let actor = Self {
            shared,
            identity: Digest::of(format!("{:?}", start.caller).as_bytes()),
            told_caller: without_groups(&start.caller),
            start,
            input,
            machine,
            keeping,
            execution: None,
            is_stored: false,
            posture: Posture::Active,
            stopped_at: None,
            mailbox,
            received: VecDeque::new(),
            told: 0,
            attempts: JoinSet::new(),
            running: BTreeMap::new(),
            offers: Offers::new(),
            activities,
            timers: Timers::default(),
            due: VecDeque::new(),
            was_message: false,
            needs_evaluator,
            owner,
            mocked: BTreeMap::new(),
            unwanted: Vec::new(),
            traced,
            arrival: None,
            _place: place,
        };
        let running = Running {
            mailbox: sender,
            machine: name,
        };
        (actor, running)
    }

    /// Takes the first step of a new execution; `record` tells of the decision to start it.
    pub(crate) async fn begin(&mut self, record: AuditRecord) -> Result<(), Halt> {
        let span = self.span();
        let step = self.step(Trigger::Event(EventKind::Start), Some(record));
        step.instrument(span).await
    }

    /// What every line about this execution stands in.
    fn span(&self) -> tracing::Span {
        let Start { header, trace, .. } = self.start.as_ref();
        tracing::info_span!(
            "execution",
            execution = %header.id,
            state_machine = header.machine_name,
            trace = trace.map(|trace| trace.trace.to_string()),
        )
    }

    /// Takes up a stored execution where it was left: by the last host, or when it was parked.
    pub(crate) fn resume(&mut self, execution: Execution, posture: Posture) {
        self.is_stored = true;
        self.posture = posture;
        self.told = execution.next_event_id().saturating_sub(1);
        self.owner.stage = Stage::UnderWay;
        self.trace_from_record();
        for effect in execution.outstanding() {
            match effect {
                Effect::RunTask(run) if run.is_outside() && !self.is_mocked() => {}
                Effect::RunTask(run) => self.due.push_back(self.take_up(run)),
                Effect::StartTimer { effect, at } => self.timers.add(at, effect),
                Effect::StartChild(child) => self.spawn_run_work(RunWork::Child(child)),
                Effect::ReadItems(read) => self.spawn_run_work(RunWork::Read(read)),
                Effect::WriteResults(write) => self.spawn_run_work(RunWork::Write(write)),
                Effect::Continue(effect) => {
                    self.due
                        .push_back(Trigger::Event(EventKind::Continued { effect }));
                }
                Effect::Cancel(_) => {}
            }
        }
        self.execution = Some(execution);
    }

    /// Keeps room until the first step is taken, and takes the message that it was taken up for.
    pub(crate) fn arrive(&mut self, arrival: Arrival, message: Option<Message>) {
        self.arrival = Some(arrival);
        self.received.extend(message);
    }

    fn is_mocked(&self) -> bool {
        self.start.selection.mock_case.is_some()
    }

    /// An attempt that was only scheduled has done nothing. One that was started may have: it
    /// reruns only if that is harmless.
    fn take_up(&self, run: TaskRun) -> Trigger {
        let bar = match run.phase {
            TaskPhase::Started => bar_to_rerun(&self.shared.authority(), &self.machine, &run),
            TaskPhase::Scheduled | TaskPhase::Submitted => None,
        };
        match bar {
            Some(bar) => {
                self.trace_interrupted(&run);
                Trigger::Event(EventKind::TaskFailed {
                    effect: run.effect,
                    error: "Sluice.Interrupted".to_owned(),
                    cause: format!(
                        "the host ended while attempt {} of state `{}` ran, and {bar}",
                        run.attempt, run.state
                    ),
                })
            }
            None => Trigger::Admit {
                run: Box::new(run),
                slots: None,
            },
        }
    }

    /// Runs the execution until it ends or is parked, the host drains, or the store fails.
    pub(crate) fn run(self) -> impl Future<Output = ()> + Send + 'static {
        let span = self.span();
        Box::new(self).run_on().instrument(span)
    }

    async fn run_on(mut self: Box<Self>) {
        let id = self.start.header.id.clone();
        while !self.is_finished() {
            let result = match self.next().await {
                Next::Trigger(trigger) => self.step(trigger, None).await,
                Next::Message(message) => Box::pin(self.message(message)).await,
                Next::Leave if Box::pin(self.leave()).await => return,
                Next::Leave => Ok(()),
                Next::Drained => break,
                Next::GivenUp(error) => Err(Halt::Store(error)),
            };
            if let Err(Halt::Store(error) | Halt::Refused(error)) = result {
                tracing::error!(execution = %id, %error, "the execution is left where it is");
                break;
            }
            self.arrival = None;
        }
        let is_lost = !self.keeping.is_journal() && !self.keeping.runs_again();
        if is_lost && !self.is_finished() {
            Box::pin(self.interrupt()).await;
        }
        if self.stopped_at.is_none() {
            return self.give_up();
        }
        // INVARIANT: followers are told last, so that whoever finds it here will be told.
        self.shared.roster.remove(&id);
        self.shared.followers.end(&id);
        tracing::debug!("the execution ended");
        Box::pin(self.settle()).await;
        self.trace_rest();
    }

    /// Leaves memory before the end. An execution that goes on by itself is for the next host to
    /// take up, or for this one if it lives on.
    fn give_up(self) {
        let (shared, id) = (Arc::clone(&self.shared), self.start.header.id.clone());
        let is_in_store = match self.keeping.is_journal() {
            true => self.is_stored,
            false => self.keeping.is_start_stored(),
        };
        let goes_on = is_in_store && self.posture == Posture::Active;
        shared.roster.remove(&id);
        shared.followers.end(&id);
        // What still runs for it ends before it is taken up again.
        drop(self);
        if goes_on {
            shared.take_up_again(id);
        }
    }

    async fn message(&mut self, message: Message) -> Result<(), Halt> {
        match message {
            Message::Stop(stop) => self.stop(*stop).await,
            Message::Task(message) => self.task_message(message).await,
        }
    }

    fn is_finished(&self) -> bool {
        self.execution
            .as_ref()
            .is_none_or(|execution| execution.status().is_terminal())
    }

    fn now(&self) -> Timestamp {
        self.shared.ports.clock.now()
    }

    /// Stops the execution; the asker is told once that is durable.
    async fn stop(&mut self, stop: Stop) -> Result<(), Halt> {
        let record = self.stop_record(&stop);
        let principal = stop.caller.principal.key();
        let kind = EventKind::Stop {
            error: stop.error,
            cause: stop.cause,
            principal,
        };
        let result = self.step(Trigger::Event(kind), Some(record)).await;
        let answer = match &result {
            Ok(()) => self.stopped_at.ok_or(Error::Closing),
            Err(Halt::Store(_) | Halt::NameTaken(_) | Halt::Refused(_)) => {
                Err(Error::host("the stop could not be stored"))
            }
        };
        // The asker may have gone; the stop stands.
        let _ = stop.done.send(answer);
        result
    }

    fn stop_record(&self, stop: &Stop) -> AuditRecord {
        AuditRecord {
            caller: Some(stop.caller.clone()),
            through: stop.through.to_owned(),
            decision: Decision::Allowed {
                rules: stop.rules.clone(),
            },
            ..self.record("StopExecution")
        }
    }

    /// A record of something that happened to this execution.
    fn record(&self, action: &str) -> AuditRecord {
        AuditRecord {
            at: self.now(),
            caller: Some(self.told_caller.clone()),
            through: "engine".to_owned(),
            action: action.to_owned(),
            resource: self.start.header.arn.clone(),
            request: Value::Null,
            decision: Decision::Allowed { rules: Vec::new() },
            outcome: Value::Null,
            execution: Some(self.start.header.id.clone()),
            state: None,
            attempt: None,
            checkpoint: None,
        }
    }
}

/// The caller without the groups, of which there may be hundreds.
fn without_groups(caller: &Caller) -> Caller {
    let mut caller = caller.clone();
    caller.principal.groups.clear();
    caller
        .actors
        .iter_mut()
        .for_each(|actor| actor.groups.clear());
    caller
}
