//! The spans of an execution and of its attempts.
//!
//! Owns what a span tells and when it is complete: once what it tells of is durable. Nothing here
//! changes what is decided, and nothing is kept of an execution whose trace nobody wants.

use std::collections::BTreeMap;

use asl::{AttemptFacts, EffectId, Execution, TaskRun};
use ports::{
    AttemptReport, Attribute, Moment, Outcome, Phase, RunError, RunTimes, Span, SpanId, SpanKind,
    Start, TraceContext,
};
use tokio::time::Instant;

use super::turn::Turn;
use super::{Actor, Trigger};
use crate::metrics::{kind_of, outcome_of};
use crate::shared::Shared;
use crate::traces::context_of;

/// What is known of the spans of a traced execution.
pub(super) struct Traced {
    context: TraceContext,
    parent: SpanId,
    began: Moment,
    /// Attempts that waited for room and have it: from when to when.
    waited: BTreeMap<EffectId, (Instant, Instant)>,
    /// Attempts that run.
    open: BTreeMap<EffectId, Span>,
}

/// An attempt that was judged, and may run or was refused.
pub(super) struct Judged {
    effect: EffectId,
    state: String,
    attempt: u32,
    began: Instant,
    ended: Instant,
    verdict: Verdict,
}

/// What was found when an attempt was judged.
pub(super) enum Verdict {
    /// The component may run.
    Component(Box<AttemptFacts>),
    /// The request may be made: its method.
    Request(String),
    /// Authority refused it.
    Refused,
}

impl Traced {
    /// Nothing unless spans are collected and the execution's trace is kept.
    pub(super) fn of(shared: &Shared, start: &Start) -> Option<Box<Self>> {
        let context = context_of(start).filter(|context| context.is_sampled)?;
        shared.ports.tracer.is_on().then(|| {
            Box::new(Self {
                context,
                parent: start.trace.map_or(context.span, |above| above.span),
                began: Moment::Measured(Instant::now()),
                waited: BTreeMap::new(),
                open: BTreeMap::new(),
            })
        })
    }
}

impl Turn {
    /// Keeps what was found, for when it is durable.
    pub(super) fn judged(
        &mut self,
        actor: &Actor,
        run: &TaskRun,
        began: Instant,
        verdict: impl FnOnce() -> Verdict,
    ) {
        if actor.traced.is_none() {
            return;
        }
        self.judged.push(Judged {
            effect: run.effect,
            state: run.state.clone(),
            attempt: run.attempt,
            began,
            ended: Instant::now(),
            verdict: verdict(),
        });
    }
}

impl Actor {
    /// The execution was there before this process had it.
    pub(super) fn trace_from_record(&mut self) {
        let started_at = self.start.header.started_at;
        if let Some(traced) = &mut self.traced {
            traced.began = Moment::Recorded(started_at);
        }
    }

    /// An attempt has room that it waited for since `since`.
    pub(super) fn trace_wait(&mut self, effect: EffectId, since: Instant) {
        if let Some(traced) = &mut self.traced {
            traced.waited.insert(effect, (since, Instant::now()));
        }
    }

    /// Nobody waits for the attempt any more.
    pub(super) fn trace_cancelled(&mut self, effect: EffectId) {
        if let Some(traced) = &mut self.traced {
            traced.waited.remove(&effect);
        }
    }

    /// A turn is durable: attempts that it admitted begin, those that it refused and the one that
    /// it was about have ended, and perhaps the execution.
    pub(super) fn trace_turn(&mut self, trigger: &Trigger, turn: &mut Turn, execution: &Execution) {
        if self.traced.is_none() {
            return;
        }
        if let Trigger::Answer { facts, .. } = trigger
            && let Some(span) = &facts.span
        {
            let mut span = span.clone();
            add_phase(&mut span, "commit", facts.ended, Instant::now());
            self.collect(span);
        }
        for judged in std::mem::take(&mut turn.judged) {
            self.trace_judged(judged);
        }
        if self.stopped_at.is_some()
            && let Some(span) = self.execution_span(execution)
        {
            self.collect(span);
        }
    }

    fn trace_judged(&mut self, judged: Judged) {
        let seed = self.shared.ports.clock.seed();
        let place = (judged.state.as_str(), judged.attempt);
        let Some(mut span) = self.attempt_span(SpanId::of(seed), place, judged.began) else {
            return;
        };
        let Some(traced) = &mut self.traced else {
            return;
        };
        if let Some((began, ended)) = traced.waited.remove(&judged.effect) {
            span.began = Moment::Measured(began);
            add_phase(&mut span, "queue", began, ended);
        }
        add_phase(&mut span, "admit", judged.began, judged.ended);
        add_phase(&mut span, "record", judged.ended, Instant::now());
        match judged.verdict {
            Verdict::Component(facts) => {
                span.tell("sluice.component.name", facts.component);
                span.tell("sluice.component.version", facts.version);
                span.tell("sluice.component.digest", facts.digest);
                traced.open.insert(judged.effect, span);
            }
            Verdict::Request(method) => {
                span.tell("http.request.method", method);
                traced.open.insert(judged.effect, span);
            }
            Verdict::Refused => {
                let error = Some("Sluice.AccessDenied".to_owned());
                end(&mut span, "refused", error);
                self.collect(span);
            }
        }
    }

    /// The span of an attempt that ended; complete but for its commit.
    pub(super) fn trace_attempt(
        &mut self,
        effect: EffectId,
        result: &Result<AttemptReport, RunError>,
    ) -> Option<Span> {
        let mut span = self.traced.as_mut()?.open.remove(&effect)?;
        let (times, error) = match result {
            Ok(report) => (report.times, error_of(&report.outcome)),
            Err(_) => (None, Some("Sluice.Interrupted".to_owned())),
        };
        add_run(&mut span, times);
        end(&mut span, outcome_of(result), error);
        Some(span)
    }

    /// The span of a request that ended; complete but for its commit.
    pub(super) fn trace_request(
        &mut self,
        effect: EffectId,
        (outcome, error, status): (&'static str, Option<String>, Option<u16>),
    ) -> Option<Span> {
        let mut span = self.traced.as_mut()?.open.remove(&effect)?;
        add_run(&mut span, None);
        if let Some(status) = status {
            span.tell("http.response.status_code", u32::from(status));
        }
        end(&mut span, outcome, error);
        Some(span)
    }

    /// An attempt was under way when the last host died.
    pub(super) fn trace_interrupted(&self, run: &TaskRun) {
        if self.traced.is_none() {
            return;
        }
        let id = SpanId::of(self.shared.ports.clock.seed());
        let place = (run.state.as_str(), run.attempt);
        if let Some(mut span) = self.attempt_span(id, place, Instant::now()) {
            end(
                &mut span,
                "interrupted",
                Some("Sluice.Interrupted".to_owned()),
            );
            self.collect(span);
        }
    }

    /// The execution has ended, and nothing more comes of attempts that are still open. Those of
    /// one that goes on are for the next host to tell of.
    pub(super) fn trace_rest(&mut self) {
        let traced = self.traced.as_mut();
        let open = traced.map(|traced| std::mem::take(&mut traced.open));
        for mut span in open.unwrap_or_default().into_values() {
            add_run(&mut span, None);
            end(&mut span, "cancelled", None);
            self.collect(span);
        }
    }

    /// Hands a span to whoever collects them.
    pub(super) fn collect(&self, span: Span) {
        self.shared.ports.tracer.ended(span);
    }

    fn attempt_span(
        &self,
        id: SpanId,
        (state, attempt): (&str, u32),
        began: Instant,
    ) -> Option<Span> {
        let traced = self.traced.as_ref()?;
        let mut span = Span {
            context: traced.context.under(id),
            parent: Some(traced.context.span),
            kind: SpanKind::Internal,
            name: format!("attempt {state}"),
            began: Moment::Measured(began),
            ended: Moment::Measured(began),
            attributes: self.told(),
            error: None,
            phases: Vec::new(),
        };
        span.tell("sluice.state", state);
        span.tell("sluice.attempt", attempt);
        Some(span)
    }

    fn execution_span(&self, execution: &Execution) -> Option<Span> {
        let (traced, header) = (self.traced.as_ref()?, &self.start.header);
        let mut span = Span {
            context: traced.context,
            parent: Some(traced.parent),
            kind: SpanKind::Internal,
            name: format!("execution {}", header.machine_name),
            began: traced.began,
            ended: Moment::Measured(Instant::now()),
            attributes: self.told(),
            error: execution.error().map(ToOwned::to_owned),
            phases: Vec::new(),
        };
        let kind = kind_of(header, self.machine.settings.kind);
        span.tell("sluice.execution.kind", kind);
        span.tell("sluice.execution.status", execution.status().as_str());
        span.tell("sluice.state_machine.revision", self.start.machine.revision);
        Some(span)
    }

    /// What every span of the execution tells.
    fn told(&self) -> Vec<(&'static str, Attribute)> {
        let header = &self.start.header;
        vec![
            ("sluice.execution.arn", header.arn.as_str().into()),
            ("sluice.state_machine", header.machine_name.as_str().into()),
        ]
    }
}

fn add_phase(span: &mut Span, name: &'static str, began: Instant, ended: Instant) {
    span.phases.push(Phase { name, began, ended });
    span.ended = Moment::Measured(ended);
}

/// The phases that are the runner's; a request is one of them as a whole.
fn add_run(span: &mut Span, times: Option<RunTimes>) {
    let since = span
        .phases
        .last()
        .map_or_else(Instant::now, |last| last.ended);
    let Some(times) = times else {
        return add_phase(span, "run", since, Instant::now());
    };
    let begun = times.instantiated.unwrap_or(times.ended);
    add_phase(span, "instantiate", times.began, begun);
    if times.instantiated.is_some() {
        add_phase(span, "run", begun, times.ended);
    }
}

fn end(span: &mut Span, outcome: &'static str, error: Option<String>) {
    span.tell("sluice.outcome", outcome);
    span.error = error;
}

fn error_of(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Failed { error, .. } => Some(error.clone()),
        Outcome::Succeeded { .. } | Outcome::Cancelled => None,
    }
}
