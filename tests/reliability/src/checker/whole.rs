//! What must be so whatever was told: nothing twice, nothing without its record, one unbroken
//! audit log.

use std::collections::BTreeSet;

use audit::{Verifier, from_wire};
use serde_json::Value;

use super::{Loss, loss};
use crate::found::{Execution, Found};

const HISTORY: &str = "a history is one line of events up to its end";
const ONCE: &str = "nothing happens twice";
const AUDIT: &str = "the audit log is one chain";

pub(super) fn check(found: &Found) -> Vec<Loss> {
    let mut losses = Vec::new();
    for (id, execution) in &found.executions {
        if !execution.is_refused {
            history(id, execution, &mut losses);
        }
    }
    listing(found, &mut losses);
    audit_log(found, &mut losses);
    losses
}

fn history(id: &str, execution: &Execution, losses: &mut Vec<Loss>) {
    let events = &execution.history;
    for (event, number) in events.iter().zip(1_u64..) {
        let before = event["previousEventId"].as_u64();
        if event["id"] != number || before.is_none_or(|before| before >= number) {
            return losses.push(loss(HISTORY, format!("{id}: {event} is number {number}")));
        }
    }
    let ends = events.iter().filter(|event| is_end(event)).count();
    let last = events.last().map(kind).unwrap_or_default();
    let expected = match execution.status() {
        "RUNNING" => "",
        "SUCCEEDED" => "ExecutionSucceeded",
        "FAILED" => "ExecutionFailed",
        "ABORTED" => "ExecutionAborted",
        "TIMED_OUT" => "ExecutionTimedOut",
        status => status,
    };
    let is_right = match expected {
        "" => ends == 0 && !events.is_empty(),
        expected => ends == 1 && last == expected,
    };
    if !is_right {
        let status = execution.status();
        losses.push(loss(
            HISTORY,
            format!("{id} is {status}, {ends} ends, the last event is {last}"),
        ));
    }
    for (starts, results) in [
        ("TaskStarted", ["TaskSucceeded", "TaskFailed"]),
        ("ActivityStarted", ["ActivitySucceeded", "ActivityFailed"]),
    ] {
        let count = |wanted: &[&str]| {
            events
                .iter()
                .filter(|event| wanted.contains(&kind(event)))
                .count()
        };
        // A Task may fail before it starts, so that only successes need a start.
        if count(&results[..1]) > count(&[starts]) {
            losses.push(loss(
                ONCE,
                format!("{id} has more {} than {starts}", results[0]),
            ));
        }
    }
}

fn listing(found: &Found, losses: &mut Vec<Loss>) {
    let mut ids = BTreeSet::new();
    for id in &found.listed {
        if !ids.insert(id) {
            losses.push(loss(ONCE, format!("{id} is listed twice")));
        }
    }
    let mut arns = BTreeSet::new();
    let shown = found.executions.values().filter(|shown| !shown.is_refused);
    for arn in shown.filter_map(|shown| shown.description["executionArn"].as_str()) {
        if !arns.insert(arn) {
            losses.push(loss(ONCE, format!("{arn} stands for two executions")));
        }
    }
}

fn audit_log(found: &Found, losses: &mut Vec<Loss>) {
    let mut verifier = Verifier::new();
    for link in &found.links {
        let pushed = from_wire(link).map_err(|error| error.to_string());
        let pushed =
            pushed.and_then(|link| verifier.push(&link).map_err(|broken| broken.to_string()));
        if let Err(problem) = pushed {
            return losses.push(loss(AUDIT, problem));
        }
    }
    if found.head.is_null() {
        return;
    }
    let last = verifier.head();
    let shown = (&found.head["length"], &found.head["hash"]);
    if *shown.0 != last.length || *shown.1 != last.hash.to_string() {
        losses.push(loss(
            AUDIT,
            format!(
                "it ends with record {}, its head is {}",
                last.length, found.head
            ),
        ));
    }
}

pub(super) fn kind(event: &Value) -> &str {
    event["type"].as_str().unwrap_or("")
}

fn is_end(event: &Value) -> bool {
    let ends = [
        "ExecutionSucceeded",
        "ExecutionFailed",
        "ExecutionAborted",
        "ExecutionTimedOut",
    ];
    ends.contains(&kind(event))
}
