//! What the host measures, under the names that operators see.
//!
//! Owns every metric's name and help text, and the text that a scraper reads. What is measured
//! belongs to whoever does the work; nothing here decides who may read it.

mod collectors;
mod exposition;
mod requests;

use std::path::PathBuf;

use engine::Engine;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

pub(crate) use exposition::{Format, render};
pub(crate) use requests::{Requests, Served};

use crate::telemetry::SpanCounts;
use collectors::{EnginePulse, Histograms, ProcessPulse, StorePulse};

/// The instruments of what the engine works with; clones share what they count.
#[derive(Clone, Default)]
pub(crate) struct Parts {
    pub(crate) store: store::Metrics,
    pub(crate) runtime: runtime::Metrics,
    pub(crate) evaluator: runtime::EvaluatorMetrics,
}

/// What is measured from the first moment on.
pub(crate) fn of_process(requests: &Requests, spans: &SpanCounts) -> Registry {
    let mut registry = Registry::default();
    let build: Family<Vec<(String, String)>, Gauge> = Family::default();
    let version = ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    build.get_or_create(&vec![version]).set(1);
    registry.register(
        "sluice_build_info",
        "Always 1; the label says which version runs",
        build,
    );
    registry.register(
        "sluice_http_requests",
        "Requests answered",
        requests.answered.clone(),
    );
    registry.register(
        "sluice_http_request_seconds",
        "Time from a request's head to its answer's head",
        requests.seconds.clone(),
    );
    registry.register(
        "sluice_authentications",
        "Attempts to show who calls",
        requests.authentications.clone(),
    );
    registry.register(
        "sluice_policy_decisions",
        "Decisions of policy on requests",
        requests.decisions.clone(),
    );
    registry.register(
        "sluice_telemetry_spans",
        "Spans that were sent to the collector, or not",
        spans.family(),
    );
    registry.register_collector(Box::new(ProcessPulse));
    registry
}

/// What is measured once the store is open.
pub(crate) fn of_work(engine: &Engine, parts: &Parts, store_path: PathBuf) -> Registry {
    let mut registry = Registry::default();
    register_engine(&mut registry, engine.metrics());
    register_store(&mut registry, &parts.store);
    register_runtime(&mut registry, &parts.runtime, &parts.evaluator);
    let (engine_phases, sandbox) = (&engine.metrics().phases, &parts.runtime);
    registry.register_collector(Box::new(Histograms {
        name: "sluice_attempt_phase_seconds",
        help: "Time that attempts spent in each phase.",
        label: "phase",
        series: vec![
            ("queue", engine_phases.queue.clone()),
            ("admit", engine_phases.admit.clone()),
            ("record", engine_phases.record.clone()),
            ("instantiate", sandbox.instantiate_seconds.clone()),
            ("run", sandbox.run_seconds.clone()),
            ("commit", engine_phases.commit.clone()),
        ],
    }));
    registry.register_collector(Box::new(EnginePulse(engine.clone())));
    registry.register_collector(Box::new(StorePulse(store_path)));
    registry
}

fn register_engine(registry: &mut Registry, engine: &engine::Metrics) {
    registry.register(
        "sluice_executions_started",
        "Executions whose start is durable",
        engine.executions_started.clone(),
    );
    registry.register(
        "sluice_executions_ended",
        "Executions whose end is durable",
        engine.executions_ended.clone(),
    );
    registry.register(
        "sluice_execution_seconds",
        "Time from an execution's start to its end",
        engine.execution_seconds.clone(),
    );
    registry.register(
        "sluice_attempts",
        "Attempts that ended or were refused",
        engine.attempts_ended.clone(),
    );
    registry.register(
        "sluice_host_calls_refused",
        "Host calls that a component was refused",
        engine.host_calls_refused.clone(),
    );
    registry.register(
        "sluice_timer_lag_seconds",
        "How late timers fired",
        engine.timer_lag_seconds.clone(),
    );
    registry.register(
        "sluice_alarms_behind_seconds",
        "How long ago the alarm was due that is rung at the moment",
        engine.alarms_behind_seconds.clone(),
    );
    registry.register(
        "sluice_refusals",
        "Requests refused because a limit was reached",
        engine.refusals.clone(),
    );
    registry.register(
        "sluice_commit_seconds",
        "Time from a decision until it is durable, waiting included",
        engine.commit_seconds.clone(),
    );
}

fn register_store(registry: &mut Registry, store: &store::Metrics) {
    registry.register(
        "sluice_store_sync_seconds",
        "Time of each sync of a file to its disk",
        store.sync_seconds.clone(),
    );
    registry.register(
        "sluice_store_group_seconds",
        "Time to write one group of commits",
        store.group_seconds.clone(),
    );
    registry.register(
        "sluice_store_group_commits",
        "Commits that were written together",
        store.group_commits.clone(),
    );
    registry.register(
        "sluice_store_group_bytes",
        "Bytes that were written together",
        store.group_bytes.clone(),
    );
    registry.register(
        "sluice_store_written_bytes",
        "Bytes of all commits written",
        store.written_bytes.clone(),
    );
    registry.register(
        "sluice_audit_links",
        "The length of the audit log",
        store.audit_links.clone(),
    );
    registry.register(
        "sluice_executions_parked",
        "Executions on disk alone until something happens",
        store.parked.clone(),
    );
    registry.register(
        "sluice_store_base_waiting_bytes",
        "Bytes of changes in the log that are not in the base yet",
        store.base_waiting_bytes.clone(),
    );
    registry.register(
        "sluice_store_flush_seconds",
        "Time to write one table of changes to the base",
        store.flush_seconds.clone(),
    );
}

fn register_runtime(
    registry: &mut Registry,
    runtime: &runtime::Metrics,
    evaluator: &runtime::EvaluatorMetrics,
) {
    registry.register(
        "sluice_component_compilations",
        "Components compiled",
        runtime.compilations.clone(),
    );
    registry.register(
        "sluice_component_compile_seconds",
        "Time to compile one component",
        runtime.compile_seconds.clone(),
    );
    registry.register(
        "sluice_components_compiled",
        "Compiled components in memory",
        runtime.compiled.clone(),
    );
    registry.register(
        "sluice_evaluations",
        "Calls of the JSONata evaluator",
        evaluator.calls.clone(),
    );
    registry.register(
        "sluice_evaluation_seconds",
        "Time of each call of the JSONata evaluator",
        evaluator.seconds.clone(),
    );
}
