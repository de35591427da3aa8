//! What one trigger leads to: events applied, attempts admitted, records made, nothing done yet.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use asl::{Effect, EffectId, Event, EventKind, Execution, TaskPhase, TaskRun, Timestamp};
use auth::authority::{AttemptPermit, Denied};
use ports::{AuditRecord, Decision, LogLine};
use serde_json::json;
use tokio::time::Instant;

use super::attempt::Facts;
use super::calls::{Call, work_or_failure};
use super::child::RunWork;
use super::traces::{Judged, Verdict};
use super::{Actor, Trigger};
use crate::Component;
use crate::admission::{Admitted, admit};
use crate::authority::Authority;
use crate::express::Tally;
use crate::mocks::Mocked;
use crate::room::{Demand, Slots};
use crate::tasks::Work;

/// Triggers worked off in one turn; what is left over takes turns of its own, so that a loop of
/// refused attempts cannot grow one commit without end.
const TRIGGERS_MAX: usize = 256;

/// Everything a trigger leads to, to be committed and then performed.
#[derive(Default)]
pub(crate) struct Turn {
    pub(crate) audit: Vec<AuditRecord>,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) runs: Vec<(TaskRun, AttemptPermit, Arc<Slots>)>,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) calls: Vec<Call>,
    pub(crate) run_work: Vec<RunWork>,
    pub(crate) timers: Vec<(Timestamp, EffectId)>,
    pub(crate) cancelled: Vec<EffectId>,
    pub(crate) deferred: Vec<Trigger>,
    /// How many invocations of each state this turn answered by mocks.
    pub(crate) mocked: BTreeMap<String, u32>,
    /// What is counted where single steps are not on record.
    pub(crate) tally: Tally,
    /// What became of attempts that were judged, where that is traced.
    pub(super) judged: Vec<Judged>,
    /// What is left to work off.
    queue: VecDeque<Trigger>,
}

/// An attempt that is allowed but has no slot yet; it is asked about again when it has one.
pub(crate) struct Waiting {
    pub(crate) run: TaskRun,
    pub(crate) demand: Demand,
}

/// What decisions are made with.
pub(super) struct Basis<'a> {
    pub(super) actor: &'a Actor,
    pub(super) authority: &'a Authority,
}

/// Works a trigger off until everything that follows from it waits for the outside world.
pub(crate) fn decide(
    actor: &Actor,
    authority: &Authority,
    mut execution: Execution,
    trigger: Trigger,
) -> (Execution, Turn) {
    let basis = Basis { actor, authority };
    let mut turn = Turn::default();
    turn.queue.push_back(trigger);
    for _ in 0..TRIGGERS_MAX {
        let Some(trigger) = turn.queue.pop_front() else {
            break;
        };
        execution = match trigger {
            Trigger::Event(kind) => turn.apply(&basis, execution, kind, None),
            Trigger::Answer { kind, facts } => turn.apply(&basis, execution, kind, Some(&facts)),
            Trigger::Admit { run, slots } => turn.admit(&basis, execution, *run, slots),
            Trigger::HandOut { effect, worker } => turn.hand_out(&basis, execution, effect, worker),
        };
    }
    turn.deferred.extend(std::mem::take(&mut turn.queue));
    (execution, turn)
}

impl Turn {
    pub(super) fn apply(
        &mut self,
        basis: &Basis<'_>,
        execution: Execution,
        kind: EventKind,
        facts: Option<&Facts>,
    ) -> Execution {
        let ports = &basis.actor.shared.ports;
        let name = event_name(&kind);
        let event = Event {
            at: ports.clock.now(),
            seed: ports.clock.seed(),
            absent: basis.authority.absent(&basis.actor.activities),
            kind,
        };
        let (at, first) = (event.at, execution.next_event_id());
        let transition = asl::apply(
            &basis.actor.machine.machine,
            execution,
            event,
            ports.evaluator.as_ref(),
        );
        if let Some(ignored) = transition.ignored {
            tracing::debug!(execution = %basis.actor.start.header.id, event = name, ?ignored, "nothing to do");
            return transition.execution;
        }
        self.tally.transition();
        if let Some(facts) = facts {
            self.logs.extend(facts.logs.iter().cloned());
            self.tally.used(facts.usage, &facts.uses);
        }
        if basis.actor.keeping.is_journal() {
            let record = basis.transition_record(name, (at, first), &transition.execution);
            self.audit.push(described(record, facts));
        }
        for effect in transition.effects {
            self.take(effect);
        }
        transition.execution
    }

    fn take(&mut self, effect: Effect) {
        match effect {
            Effect::RunTask(run) => self.queue.push_back(Trigger::Admit {
                run: Box::new(run),
                slots: None,
            }),
            Effect::StartTimer { effect, at } => self.timers.push((at, effect)),
            Effect::StartChild(child) => self.run_work.push(RunWork::Child(child)),
            Effect::ReadItems(read) => self.run_work.push(RunWork::Read(read)),
            Effect::WriteResults(write) => self.run_work.push(RunWork::Write(write)),
            Effect::Continue(effect) => {
                self.deferred
                    .push(Trigger::Event(EventKind::Continued { effect }));
            }
            Effect::Cancel(effect) => {
                self.runs.retain(|(run, ..)| run.effect != effect);
                self.waiting.retain(|waiting| waiting.run.effect != effect);
                self.run_work.retain(|work| work.effect() != effect);
                self.calls.retain(|call| call.effect() != effect);
                self.timers.retain(|(_, timer)| *timer != effect);
                self.cancelled.push(effect);
            }
        }
    }

    /// Asks for authority and a slot. An attempt without a slot, or on a draining host, stays
    /// scheduled; one that was started by an earlier host is run again under the same key.
    fn admit(
        &mut self,
        basis: &Basis<'_>,
        execution: Execution,
        run: TaskRun,
        slots: Option<Arc<Slots>>,
    ) -> Execution {
        let Basis { actor, authority } = basis;
        let is_draining = actor.shared.draining.is_cancelled() && actor.keeping.is_journal();
        if is_draining || !execution.is_waiting_for(run.effect) {
            return execution;
        }
        if let Some(mocked) = self.mocked_answer(actor, &run.state) {
            return self.answer_mocked(basis, execution, run, mocked);
        }
        let component = match work_or_failure(basis, &run) {
            Ok(Some(Work::Component(_))) if run.phase == TaskPhase::Submitted => return execution,
            Ok(Some(Work::Component(component))) => Some(component),
            Ok(Some(Work::Request(request))) => {
                return self.admit_request(basis, execution, run, (*request, slots));
            }
            Ok(Some(work)) => return self.call(basis, execution, run, work),
            Ok(None) => None,
            Err(failed) => return self.fail_uncalled(basis, execution, &run, failed),
        };
        let metrics = &actor.shared.metrics;
        let judged = Instant::now();
        let admitted = admit(
            authority,
            (&actor.identity, &actor.start.caller),
            &actor.machine,
            &run,
            component.as_deref(),
        );
        metrics.phases.admit.observe(judged.elapsed().as_secs_f64());
        let Admitted { permit, facts } = match admitted {
            Ok(admitted) => admitted,
            Err(denied) => {
                let failed = self.deny(basis, &run, (denied, judged));
                return self.apply(basis, execution, failed, None);
            }
        };
        let demand = || basis.demand(component.as_deref(), &permit);
        let slots = match basis.slots(slots, demand) {
            Ok(slots) => slots,
            Err(demand) => {
                self.waiting.push(Waiting { run, demand });
                return execution;
            }
        };
        let found = || Verdict::Component(Box::new(facts.clone()));
        self.judged(actor, &run, judged, found);
        let mut record = basis.admission_record(&run, &permit);
        let execution = match run.phase {
            TaskPhase::Scheduled => {
                self.allow(basis, record);
                let started = EventKind::TaskStarted {
                    effect: run.effect,
                    facts: Some(facts),
                    worker: None,
                };
                self.apply(basis, execution, started, None)
            }
            TaskPhase::Started | TaskPhase::Submitted => {
                record.outcome = json!({"rerun": true});
                self.allow(basis, record);
                execution
            }
        };
        self.runs.push((run, permit, slots));
        execution
    }

    /// What the execution's test case answers the state's next invocation.
    fn mocked_answer(&mut self, actor: &Actor, state: &str) -> Option<Mocked> {
        let case = actor.start.selection.mock_case.as_deref()?;
        let place = (actor.start.header.machine_name.as_str(), case);
        let before = actor.mocked.get(state).copied().unwrap_or(0);
        let in_turn = self.mocked.get(state).copied().unwrap_or(0);
        let mocks = &actor.shared.config.mocks;
        let answer = mocks.answer(place, state, before.saturating_add(in_turn))?;
        *self.mocked.entry(state.to_owned()).or_default() += 1;
        Some(answer)
    }

    /// Lets a Task go as its mock says; nothing is called, so nothing needs to be allowed.
    fn answer_mocked(
        &mut self,
        basis: &Basis<'_>,
        mut execution: Execution,
        run: TaskRun,
        mocked: Mocked,
    ) -> Execution {
        let effect = run.effect;
        if run.phase == TaskPhase::Scheduled {
            let started = EventKind::TaskStarted {
                effect,
                facts: None,
                worker: None,
            };
            execution = self.apply(basis, execution, started, None);
        }
        for answer in mocked.into_events(&asl::definition::Call::parse(&run.resource), effect) {
            execution = self.apply(basis, execution, answer, None);
        }
        execution
    }

    /// Whether nothing happened that would have to be kept.
    pub(super) fn changes_nothing(&self) -> bool {
        self.audit.is_empty() && self.tally.is_empty()
    }

    /// Records that an attempt was allowed, or counts it where single steps are not on record.
    pub(super) fn allow(&mut self, basis: &Basis<'_>, record: AuditRecord) {
        match basis.actor.keeping.is_journal() {
            true => self.audit.push(record),
            false => self.tally.allowed(record),
        }
    }

    /// Refuses an attempt that was judged since `judged`.
    pub(super) fn deny(
        &mut self,
        basis: &Basis<'_>,
        run: &TaskRun,
        (denied, judged): (Denied, Instant),
    ) -> EventKind {
        basis.actor.shared.metrics.count_attempt("refused");
        self.judged(basis.actor, run, judged, || Verdict::Refused);
        let cause = format!("{} (rule `{}`)", denied.reason, denied.rule);
        let record = basis.actor.record("StartAttempt");
        self.audit.push(AuditRecord {
            resource: run.resource.clone(),
            decision: Decision::Denied {
                rule: denied.rule,
                reason: denied.reason,
            },
            state: Some(run.state.clone()),
            attempt: Some(run.attempt),
            ..record
        });
        EventKind::TaskFailed {
            effect: run.effect,
            error: "Sluice.AccessDenied".to_owned(),
            cause,
        }
    }
}

/// The record of a transition with what an attempt was and used that led to it.
fn described(mut record: AuditRecord, facts: Option<&Facts>) -> AuditRecord {
    if let Some(facts) = facts {
        facts.describe(&mut record);
    }
    record
}

impl Basis<'_> {
    fn transition_record(
        &self,
        name: &str,
        (at, first): (Timestamp, u64),
        execution: &Execution,
    ) -> AuditRecord {
        let last = execution.next_event_id().saturating_sub(1);
        let status = execution.status().as_str();
        let mut record = self.actor.record(name);
        record.at = at;
        record.outcome = json!({"status": status});
        if last >= first {
            record.outcome = json!({"status": status, "events": [first, last]});
        }
        record
    }

    /// Room for an attempt: what it was given, or what there is; else it has to wait for it.
    pub(super) fn slots(
        &self,
        given: Option<Arc<Slots>>,
        demand: impl FnOnce() -> Demand,
    ) -> Result<Arc<Slots>, Demand> {
        if let Some(given) = given {
            return Ok(given);
        }
        let demand = demand();
        let slots = self.actor.shared.room.try_take(&demand).ok_or(demand)?;
        self.actor.shared.metrics.phases.queue.observe(0.0);
        Ok(slots)
    }

    fn demand(&self, component: Option<&Component>, permit: &AttemptPermit) -> Demand {
        let actor = self.actor;
        let limits = &actor.shared.config.machine_attempts;
        Demand::of_attempt(
            actor.owner.clone(),
            (&actor.machine.name, limits),
            self.authority,
            (component, permit),
        )
    }

    fn admission_record(&self, run: &TaskRun, permit: &AttemptPermit) -> AuditRecord {
        AuditRecord {
            resource: format!("component/{}@{}", permit.component(), permit.version()),
            request: json!({
                "digest": permit.digest(),
                "role": permit.role(),
                "roleRevision": permit.role_revision(),
            }),
            decision: Decision::Allowed {
                rules: permit.rules().to_vec(),
            },
            state: Some(run.state.clone()),
            attempt: Some(run.attempt),
            ..self.actor.record("StartAttempt")
        }
    }
}

/// What a transition is called in the audit log.
fn event_name(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::Start => "Start",
        EventKind::TaskStarted { .. } => "TaskStarted",
        EventKind::TaskSubmitted { .. } => "TaskSubmitted",
        EventKind::TaskHeartbeat { .. } => "TaskHeartbeat",
        EventKind::TaskSucceeded { .. } => "TaskSucceeded",
        EventKind::TaskFailed { .. } => "TaskFailed",
        EventKind::TimerFired { .. } => "TimerFired",
        EventKind::ChildSucceeded { .. } => "ChildSucceeded",
        EventKind::ChildFailed { .. } => "ChildFailed",
        EventKind::ItemsRead { .. } => "ItemsRead",
        EventKind::ResultsWritten { .. } => "ResultsWritten",
        EventKind::MapRunFailed { .. } => "MapRunFailed",
        EventKind::Continued { .. } => "Continued",
        EventKind::Stop { .. } => "Stop",
    }
}
