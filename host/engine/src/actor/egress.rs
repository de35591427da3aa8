//! A Task's own request: from the decision on it to the event that answers it.
//!
//! Owns that intent is durable before the request is made, and its outcome on record after. What
//! is sent and how it is answered is in `tasks`.

use std::sync::Arc;

use asl::{EventKind, Execution, TaskPhase, TaskRun, Timestamp};
use auth::authority::EgressPermit;
use ports::{
    AuditRecord, Decision, EgressError, OutgoingResponse, Refusal, Usage, Use, Witness as _,
    WitnessError,
};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempt::{Facts, Finished, RunningAttempt};
use super::calls::Call;
use super::traces::Verdict;
use super::turn::{Basis, Turn, Waiting};
use super::{Actor, Trigger};
use crate::admission::admit_request;
use crate::room::{Demand, Slots};
use crate::tasks::HttpRequest;
use crate::witness::AuditWitness;

const CAPABILITY: &str = "http";

/// A request that may be made.
pub(crate) struct Request {
    request: HttpRequest,
    permit: EgressPermit,
    slots: Arc<Slots>,
}

/// A request that was made, or that was not.
pub(crate) struct Requested {
    run: TaskRun,
    request: HttpRequest,
    began: Timestamp,
    end: End,
}

/// How a request ended.
enum End {
    Answered(Result<OutgoingResponse, EgressError>),
    /// It was refused, and nobody could be told.
    Unwitnessed(WitnessError),
    Cancelled,
}

impl Turn {
    /// Asks for authority and a slot, as for a component's attempt.
    pub(super) fn admit_request(
        &mut self,
        basis: &Basis<'_>,
        execution: Execution,
        run: TaskRun,
        (request, slots): (HttpRequest, Option<Arc<Slots>>),
    ) -> Execution {
        match run.phase {
            TaskPhase::Scheduled => {}
            // What was begun ends by itself, or was interrupted.
            TaskPhase::Started | TaskPhase::Submitted => return execution,
        }
        let Basis { actor, authority } = basis;
        let caller = (&actor.identity, &actor.start.caller);
        let judged = Instant::now();
        let admitted = admit_request(authority, caller, &actor.machine, &run, &request);
        let admit = &actor.shared.metrics.phases.admit;
        admit.observe(judged.elapsed().as_secs_f64());
        let permit = match admitted {
            Ok(permit) => permit,
            Err(denied) => {
                let failed = self.deny(basis, &run, (denied, judged));
                if let Some(record) = self.audit.last_mut() {
                    record.request = asked(&request);
                }
                return self.apply(basis, execution, failed, None);
            }
        };
        let limits = &actor.shared.config.machine_attempts;
        let machine = (&actor.machine.name, limits);
        let demand = || {
            let permit = (authority.version, &permit);
            Demand::of_request(actor.owner.clone(), machine, permit)
        };
        let slots = match basis.slots(slots, demand) {
            Ok(slots) => slots,
            Err(demand) => {
                self.waiting.push(Waiting { run, demand });
                return execution;
            }
        };
        let found = || Verdict::Request(permit.method().to_owned());
        self.judged(actor, &run, judged, found);
        self.allow(basis, basis.request_record(&run, &permit));
        let started = EventKind::TaskStarted {
            effect: run.effect,
            facts: None,
            worker: None,
        };
        let execution = self.apply(basis, execution, started, None);
        let request = Request {
            request,
            permit,
            slots,
        };
        self.calls.push(Call::Request(run, Box::new(request)));
        execution
    }
}

impl Basis<'_> {
    fn request_record(&self, run: &TaskRun, permit: &EgressPermit) -> AuditRecord {
        AuditRecord {
            resource: run.resource.clone(),
            request: json!({
                "method": permit.method(),
                "address": permit.endpoint().to_string(),
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

/// A request as the audit log tells it: without query, headers and body.
fn asked(request: &HttpRequest) -> Value {
    json!({"method": request.method, "address": request.endpoint.to_string()})
}

impl Actor {
    pub(super) fn spawn_request(&mut self, run: TaskRun, request: Request) {
        let Request {
            request,
            permit,
            slots,
        } = request;
        let cancelled = CancellationToken::new();
        let (effect, token, began) = (run.effect, cancelled.clone(), self.now());
        let egress = Arc::clone(&self.shared.ports.egress);
        let witness = AuditWitness::new(Arc::clone(&self.shared), Arc::clone(&self.start));
        let execution = self.start.header.id.clone();
        let task = self.attempts.spawn(async move {
            let response = egress.request(permit, request.outgoing.clone());
            let end = tokio::select! {
                biased;
                () = token.cancelled() => End::Cancelled,
                response = response => End::Answered(response),
            };
            drop(slots);
            let end = match end {
                End::Answered(Err(EgressError::Refused { rule, reason })) => {
                    let refusal = Refusal {
                        execution,
                        state: run.state.clone(),
                        attempt: run.attempt,
                        capability: CAPABILITY.to_owned(),
                        asked: request.shown(),
                        rule: rule.clone(),
                        reason: reason.clone(),
                    };
                    match witness.refused(refusal).await {
                        Ok(()) => End::Answered(Err(EgressError::Refused { rule, reason })),
                        Err(error) => End::Unwitnessed(error),
                    }
                }
                end @ (End::Answered(_) | End::Unwitnessed(_) | End::Cancelled) => end,
            };
            Finished::Request(Box::new(Requested {
                run,
                request,
                began,
                end,
            }))
        });
        let task = task.id();
        self.running
            .insert(effect, RunningAttempt { cancelled, task });
    }

    /// The trigger that a request's end is; where nobody waits for it, only its record is kept.
    pub(super) fn requested(&mut self, requested: Requested) -> Option<Trigger> {
        let kind = requested.event();
        let span = self.trace_request(requested.run.effect, requested.told(&kind));
        let facts = requested.facts(self.now());
        self.shared.metrics.count_attempt(requested.outcome());
        if self.running.remove(&requested.run.effect).is_none() {
            span.into_iter().for_each(|span| self.collect(span));
            self.add_unwanted(&facts);
            return None;
        }
        Some(Trigger::Answer {
            kind,
            facts: Arc::new(facts.traced(span)),
        })
    }
}

impl Requested {
    fn event(&self) -> EventKind {
        let interrupted = |cause: String| EventKind::TaskFailed {
            effect: self.run.effect,
            error: "Sluice.Interrupted".to_owned(),
            cause,
        };
        match &self.end {
            End::Answered(Ok(response)) => HttpRequest::answered(&self.run, response),
            End::Answered(Err(error)) => self.request.unanswered(&self.run, error),
            End::Unwitnessed(error) => interrupted(error.to_string()),
            End::Cancelled => interrupted("the request was cancelled".to_owned()),
        }
    }

    /// What its span tells: the outcome, the name of the error, and the status of the response.
    fn told(&self, kind: &EventKind) -> (&'static str, Option<String>, Option<u16>) {
        let status = match &self.end {
            End::Answered(Ok(response)) => Some(response.status),
            End::Answered(Err(_)) | End::Unwitnessed(_) | End::Cancelled => None,
        };
        let error = match (&self.end, error_of(kind)) {
            (End::Cancelled, _) => None,
            (End::Answered(_) | End::Unwitnessed(_), error) => error,
        };
        (self.outcome(), error, status)
    }

    fn outcome(&self) -> &'static str {
        match &self.end {
            End::Answered(Ok(response)) if response.status < 400 => "succeeded",
            End::Answered(Err(EgressError::Refused { .. })) => "refused",
            End::Answered(_) => "failed",
            End::Unwitnessed(_) => "interrupted",
            End::Cancelled => "cancelled",
        }
    }

    /// What is told of the request: whether it may have reached the server, and what came back.
    fn facts(&self, now: Timestamp) -> Facts {
        let response = match &self.end {
            End::Answered(Ok(response)) => {
                json!({"status": response.status, "bytes": response.body.len()})
            }
            End::Answered(Err(_)) | End::Unwitnessed(_) | End::Cancelled => Value::Null,
        };
        let uses = match &self.end {
            End::Unwitnessed(_)
            | End::Answered(Err(EgressError::Refused { .. } | EgressError::Unsendable(_))) => {
                Vec::new()
            }
            End::Answered(_) | End::Cancelled => vec![Use {
                capability: CAPABILITY.to_owned(),
                on: self.request.shown(),
                count: 1,
            }],
        };
        let wall_ms = u64::try_from(now.0.saturating_sub(self.began.0)).unwrap_or(0);
        let usage = Usage {
            wall_us: wall_ms.saturating_mul(1_000),
            http_requests: u64::try_from(uses.len()).unwrap_or(0),
            ..Usage::default()
        };
        Facts::new(&self.run, Vec::new(), usage, uses).with_response(response)
    }
}

/// The name of the error that a Task failed with, if it did.
fn error_of(kind: &EventKind) -> Option<String> {
    if let EventKind::TaskFailed { error, .. } = kind {
        return Some(error.clone());
    }
    None
}
