//! Everything that became durable, in the order in which it did, judged as it is written.

use std::collections::{BTreeMap, BTreeSet};

use asl::{Effect, Execution, ExecutionId, HistoryEvent, TaskPhase};
use auth::names::Digest;
use ports::{AuditRecord, Commit, Decision, Document, Kind, Parent, Record, Start, Summary};

use crate::invariants::authority::{Admission, Ground};
use crate::invariants::told::{self, Durable, Fact};
use crate::invariants::{Verdict, attempts, audit, history, holds, rest};

/// The book of what is durable.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) volumes: BTreeMap<ExecutionId, Volume>,
    pub(crate) ground: Ground,
    /// How often each attempt was admitted: by execution, state and number.
    admitted: BTreeMap<(ExecutionId, String, u32), usize>,
    /// How often each was admitted to run again after a host had ended.
    reruns: BTreeMap<(ExecutionId, String, u32), usize>,
    /// How often each was run, and under which keys.
    begun: BTreeMap<(ExecutionId, String, u32), (usize, BTreeSet<String>)>,
    /// Under which keys each was run by which host, of express executions.
    begun_by: BTreeMap<(ExecutionId, String, u32), BTreeMap<usize, BTreeSet<String>>>,
    /// The idempotency keys of all attempts that were on record as started.
    started: BTreeSet<String>,
    pub(crate) commits: u64,
}

/// Everything written about one execution.
pub(crate) struct Volume {
    pub(crate) start: Start,
    pub(crate) records: Vec<Record>,
    pub(crate) checkpoints: Vec<(u32, String)>,
    pub(crate) events: Vec<HistoryEvent>,
    /// How it stood after the last record.
    pub(crate) summary: Option<Summary>,
}

impl Volume {
    pub(crate) fn execution(&self) -> Execution {
        let deltas = self.records.iter().map(|record| record.delta.clone());
        Execution::restore(self.start.header.clone(), deltas).unwrap()
    }

    /// Whether its steps are in memory alone.
    pub(crate) fn is_express(&self) -> bool {
        self.start.header.arn.contains(":express:")
    }

    pub(crate) fn parent(&self) -> Option<Parent> {
        self.start.selection.parent.clone()
    }
}

impl Book {
    /// Enters a commit that has just become durable.
    pub(crate) fn enter(&mut self, commit: &Commit) -> Verdict {
        self.commits += 1;
        for document in &commit.documents {
            self.learn(document);
        }
        let step = commit.execution.as_ref();
        if let Some((step, start)) = step.and_then(|step| Some((step, step.start.as_ref()?))) {
            let volume = Volume {
                start: start.clone(),
                records: Vec::new(),
                checkpoints: Vec::new(),
                events: Vec::new(),
                summary: None,
            };
            self.volumes.insert(step.id.clone(), volume);
        }
        for record in &commit.audit {
            self.admit(record)?;
        }
        let Some(step) = step else {
            return Ok(());
        };
        let volume = self.volumes.get_mut(&step.id);
        let Some(volume) = volume else {
            return holds(false, "an execution is stored from its start", || {
                format!("`{}` has no first record", step.id)
            });
        };
        let text = serde_json::to_vec(&step.record).unwrap();
        let digest = Digest::of(&text).as_str().to_owned();
        volume.checkpoints.push((step.record.number, digest));
        volume
            .events
            .extend(step.record.delta.history.iter().cloned());
        volume.records.push(stored(&text));
        volume.summary = Some(step.summary.clone());
        history::is_contiguous(&volume.events)?;
        history::is_answered_once(&volume.events)?;
        let execution = volume.execution();
        holds(
            execution.status() == step.summary.status,
            "summary and checkpoint agree",
            || format!("`{}` is told as {:?}", step.id, step.summary.status),
        )?;
        self.started.extend(started(&execution));
        match volume.is_express() {
            true => rest::is_start_or_end(&execution, volume.records.len()),
            false => rest::waits_for_something_named(&execution),
        }
    }

    /// What of a document changes what may run.
    fn learn(&mut self, document: &Document) {
        let text = |member: &str| document.body[member].as_str().unwrap_or_default();
        match document.key.kind {
            Kind::Role if document.key.name == "worker" => {
                let grants = &document.body["grants"];
                self.ground.is_wide = grants["config"]["region"].is_string();
            }
            Kind::Review if text("role") == "worker" => {
                let approves = text("decision") == "approve";
                let component = text("component").to_owned();
                self.ground.approved.insert(component, approves);
            }
            _ => {}
        }
    }

    fn admit(&mut self, record: &AuditRecord) -> Verdict {
        let Decision::Allowed { .. } = record.decision else {
            return Ok(());
        };
        let component = record.resource.strip_prefix("component/");
        let component = component.and_then(|component| component.split('@').next());
        let place = record.execution.clone().zip(record.state.clone());
        let (Some(component), Some((execution, state)), Some(attempt), "StartAttempt") =
            (component, place, record.attempt, record.action.as_str())
        else {
            return Ok(());
        };
        let machine = record.caller.as_ref().map(|_| &execution);
        let machine = machine.and_then(|id| self.volumes.get(id));
        let machine = machine.map(|volume| volume.start.header.machine_name.clone());
        let place = (execution, state, attempt);
        if record.outcome["rerun"] == true {
            *self.reruns.entry(place.clone()).or_default() += 1;
            attempts::may_rerun(component)?;
        }
        *self.admitted.entry(place).or_default() += 1;
        self.ground.admits(&Admission {
            machine: machine.as_deref().unwrap_or_default(),
            component,
            role: record.request["role"].as_str().unwrap_or_default(),
        })
    }

    /// Judges what a client has just been told.
    pub(crate) fn tells(&self, id: &ExecutionId, fact: &Fact) -> Verdict {
        told::is_durable(id, fact, self.durable(id).as_ref())
    }

    /// Judges what a follower has just seen.
    pub(crate) fn shows(&self, id: &ExecutionId, seen: &[HistoryEvent]) -> Verdict {
        told::are_durable(id, seen, self.durable(id).as_ref())
    }

    fn durable(&self, id: &ExecutionId) -> Option<Durable<'_>> {
        let volume = self.volumes.get(id)?;
        Some(Durable {
            name: &volume.start.header.name,
            summary: volume.summary.as_ref()?,
            events: &volume.events,
        })
    }

    /// Judges a run for an express execution that begins on a host; `is_calm` where nothing but
    /// hosts that end can make one run differ from another.
    pub(crate) fn begin_express(
        &mut self,
        (execution, state, attempt): (&ExecutionId, &str, u32),
        key: &str,
        (life, is_calm): (usize, bool),
    ) -> Option<Verdict> {
        let volume = self.volumes.get(execution)?;
        if !volume.is_express() {
            return None;
        }
        let records = volume.records.len();
        let place = (execution.clone(), state.to_owned(), attempt);
        let by_life = self.begun_by.entry(place).or_default();
        let keys = by_life.entry(life).or_default();
        keys.insert(key.to_owned());
        let keys = keys.clone();
        let mut earlier = by_life.iter().filter(|(of, _)| is_calm && **of != life);
        let verdict = attempts::is_started_and_not_ended(key, records);
        let same =
            earlier.try_for_each(|(_, other)| attempts::has_the_same_keys(key, &keys, other));
        Some(verdict.and(same))
    }

    /// Judges a run that begins, and counts it.
    pub(crate) fn begin(
        &mut self,
        (execution, state, attempt): (&ExecutionId, &str, u32),
        key: &str,
        stored: Option<&Execution>,
    ) -> Verdict {
        let place = (execution.clone(), state.to_owned(), attempt);
        let admitted = self.admitted.get(&place).copied().unwrap_or_default();
        let was_started = self.started.contains(key);
        let reruns = self.reruns.get(&place).copied().unwrap_or_default();
        let (begun, keys) = self.begun.entry(place).or_default();
        let verdict = attempts::is_on_record((stored, was_started), key, (admitted, *begun));
        *begun += 1;
        keys.insert(key.to_owned());
        verdict?;
        attempts::keeps_its_key(key, keys.len(), (admitted, reruns))?;
        attempts::is_rerun_on_record(key, (*begun, keys.len()), reruns)
    }

    pub(crate) fn stored(&self) -> audit::Stored {
        let volumes = self.volumes.iter();
        volumes
            .map(|(id, volume)| (id.clone(), volume.checkpoints.clone()))
            .collect()
    }
}

/// The keys of the attempts that are on record as started.
fn started(execution: &Execution) -> impl Iterator<Item = String> {
    let outstanding = execution.outstanding().into_iter();
    outstanding.filter_map(|effect| match effect {
        Effect::RunTask(run) if run.phase == TaskPhase::Started => {
            Some(format!("{}-{}", execution.header().id, run.effect.0))
        }
        _ => None,
    })
}

/// The record as a reader finds it.
fn stored(text: &[u8]) -> Record {
    serde_json::from_slice(text).unwrap()
}
