use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::scope::tests::NoEvaluator;
use crate::{
    Behind, Delta, ExecutionId, Header, PAYLOAD_BYTES_MAX, Payload, PayloadId, RestoreError,
    Timestamp,
};

struct Bench {
    machine: StateMachine,
    execution: Execution,
    effects: Vec<Effect>,
}

impl Bench {
    fn started(definition: &Value, input: Value) -> Self {
        let machine = StateMachine::parse(definition).unwrap().machine;
        let mut bench = Self {
            machine,
            execution: Execution::start(header(), input),
            effects: Vec::new(),
        };
        bench.apply(EventKind::Start);
        bench
    }

    fn apply(&mut self, kind: EventKind) -> Option<Ignored> {
        let event = Event {
            at: Timestamp(0),
            seed: 0,
            absent: Vec::new(),
            kind,
        };
        let execution =
            std::mem::replace(&mut self.execution, Execution::start(header(), Value::Null));
        let transition = apply(&self.machine, execution, event, &NoEvaluator);
        self.execution = transition.execution;
        self.effects = transition.effects;
        transition.ignored
    }

    /// Continues for as long as that is asked for; gives the number of times.
    fn go_on(&mut self, times_max: usize) -> usize {
        for times in 0..times_max {
            let Some(Effect::Continue(effect)) = self.effects.last().cloned() else {
                return times;
            };
            assert_eq!(self.apply(EventKind::Continued { effect }), None);
        }
        times_max
    }
}

fn header() -> Header {
    Header {
        id: ExecutionId::parse("test").unwrap(),
        arn: "arn:aws:states:us-east-1:000000000000:execution:machine:name".to_owned(),
        name: "name".to_owned(),
        machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:machine".to_owned(),
        machine_name: "machine".to_owned(),
        role_arn: None,
        started_at: Timestamp(0),
        principal: "issuer|subject".to_owned(),
        actor: None,
        map_run: None,
        limits: crate::Limits::default(),
    }
}

fn map_of_tasks() -> Value {
    let task = json!({ "Type": "Task", "Resource": "component:step", "End": true });
    let each = json!({ "StartAt": "Step", "States": { "Step": task } });
    let selector = json!({ "item.$": "$$.Map.Item.Value" });
    let map =
        json!({ "Type": "Map", "ItemProcessor": each, "ItemSelector": selector, "End": true });
    json!({ "StartAt": "Each", "States": { "Each": map } })
}

fn endless() -> Value {
    let rule = json!({ "Variable": "$$.State.Name", "StringEquals": "never", "Next": "Never" });
    json!({ "StartAt": "A", "States": {
        "A": { "Type": "Pass", "Next": "B" },
        "B": { "Type": "Choice", "Choices": [rule], "Default": "A" },
        "Never": { "Type": "Succeed" },
    } })
}

#[test]
fn an_endless_loop_is_cut_into_bounded_transitions_and_can_be_stopped() {
    let mut bench = Bench::started(&endless(), json!({}));
    assert_eq!(
        bench.execution.take_delta().history.len(),
        1 + 2 * ENTRIES_MAX
    );
    assert_eq!(bench.go_on(5), 5);
    assert_eq!(
        bench.execution.take_delta().history.len(),
        5 * 2 * ENTRIES_MAX
    );
    let stop = EventKind::Stop {
        error: None,
        cause: None,
        principal: "issuer|subject".to_owned(),
    };
    assert_eq!(bench.apply(stop), None);
    assert_eq!(bench.execution.status(), Status::Aborted);
    assert_eq!(bench.execution.outstanding(), []);
}

#[test]
fn a_loop_of_costly_expressions_is_cut_before_its_entries_run_out() {
    let mut definition = endless();
    let items: Value = (0..700).collect();
    let entered_per_transition = |definition: &Value| {
        let mut bench = Bench::started(definition, json!({ "items": items }));
        bench.execution.take_delta();
        assert_eq!(bench.go_on(1), 1);
        let history = bench.execution.take_delta().history;
        assert!(matches!(bench.effects.last(), Some(Effect::Continue(_))));
        history.len() / 2
    };
    assert_eq!(entered_per_transition(&definition), ENTRIES_MAX);
    let path = "$.items[?(@ == $.items[*])]";
    definition["States"]["A"]["Parameters"] = json!({ "found.$": path });
    definition["States"]["A"]["ResultPath"] = Value::Null;
    let entered = entered_per_transition(&definition);
    assert!((1..=4).contains(&entered), "{entered}");
}

#[test]
fn a_loop_that_grows_its_data_ends_at_the_quota() {
    let mut definition = endless();
    definition["States"]["A"]["Parameters"] = json!({ "a.$": "$", "b.$": "$" });
    let mut bench = Bench::started(&definition, json!("0123456789"));
    bench.go_on(10);
    assert_eq!(bench.execution.error(), Some("States.DataLimitExceeded"));
    let cause = "The state/task 'A' returned a result with a size exceeding the maximum number of bytes service limit.";
    assert_eq!(bench.execution.cause(), Some(cause));
}

#[test]
fn a_loop_that_nests_its_data_ends_before_it_cannot_be_read_back() {
    let mut definition = endless();
    definition["States"]["A"]["Parameters"] = json!({ "a.$": "$" });
    let mut bench = Bench::started(&definition, json!({}));
    bench.go_on(10);
    assert_eq!(bench.execution.status(), Status::Failed);
    let text = serde_json::to_string(&bench.execution.take_delta()).unwrap();
    assert!(serde_json::from_str::<Delta>(&text).is_ok());
}

#[test]
fn an_input_over_the_quota_fails_the_execution_and_is_not_kept() {
    let deep = (0..500).fold(json!(1), |inner, _| Value::Array(vec![inner]));
    for input in [json!("x".repeat(PAYLOAD_BYTES_MAX)), deep] {
        let mut bench = Bench::started(&endless(), input);
        assert_eq!(bench.execution.error(), Some("States.DataLimitExceeded"));
        let text = serde_json::to_string(&bench.execution.take_delta()).unwrap();
        assert!(text.len() < 1_000 && serde_json::from_str::<Delta>(&text).is_ok());
    }
}

#[test]
fn a_result_over_the_quota_is_a_failure_that_names_the_resource() {
    let task = json!({ "Type": "Task", "Resource": "component:step", "End": true });
    let mut bench = Bench::started(
        &json!({ "StartAt": "Step", "States": { "Step": task } }),
        json!({}),
    );
    let output = json!("x".repeat(PAYLOAD_BYTES_MAX));
    assert_eq!(
        bench.apply(EventKind::TaskSucceeded {
            effect: EffectId(0),
            output
        }),
        None
    );
    assert_eq!(bench.execution.error(), Some("States.DataLimitExceeded"));
    let start = "The state/task 'component:step' returned a result";
    assert!(
        bench
            .execution
            .cause()
            .is_some_and(|cause| cause.starts_with(start))
    );
}

#[test]
fn a_step_costs_its_own_size_however_many_strands_there_are() {
    let sizes = [100_u32, 5_000].map(|items| {
        let mut bench = Bench::started(&map_of_tasks(), (0..items).collect());
        bench.execution.take_delta();
        bench.apply(EventKind::TaskSucceeded {
            effect: EffectId(0),
            output: json!(1),
        });
        let delta = bench.execution.take_delta();
        assert_eq!((delta.frames.len(), delta.removed.len()), (3, 0));
        serde_json::to_string(&delta).unwrap().len()
    });
    assert!(sizes[1] < sizes[0] + 50, "{sizes:?}");
}

#[test]
fn an_endless_loop_fails_at_the_quota_of_events() {
    let mut bench = Bench::started(&endless(), json!({}));
    bench.go_on(1_000);
    assert_eq!(bench.execution.status(), Status::Failed);
    assert_eq!(bench.execution.error(), Some("States.Runtime"));
    assert!(
        bench.execution.next_event_id()
            < crate::Limits::default().history_events_max + 2 * ENTRIES_MAX as u64 + 3
    );
    assert_eq!(bench.execution.outstanding(), []);
}

#[test]
fn a_large_map_runs_to_its_end_in_order() {
    let items: Value = (0..1_000).collect();
    let mut bench = Bench::started(&map_of_tasks(), items.clone());
    while let Some(Effect::RunTask(task)) = bench.execution.outstanding().first().cloned() {
        let output = task.input.value()["item"].clone();
        assert_eq!(
            bench.apply(EventKind::TaskSucceeded {
                effect: task.effect,
                output
            }),
            None
        );
    }
    assert_eq!(bench.execution.output().map(Payload::value), Some(&items));
    assert_eq!(bench.execution.frames.iter().count(), 0);
}

#[test]
fn strands_take_turns() {
    let endless = endless();
    let parallel = json!({ "Type": "Parallel", "Branches": [endless, {
        "StartAt": "C",
        "States": { "C": { "Type": "Pass", "Next": "D" }, "D": { "Type": "Fail", "Error": "D" } }
    }], "End": true });
    let bench = Bench::started(
        &json!({ "StartAt": "P", "States": { "P": parallel } }),
        json!({}),
    );
    assert_eq!(bench.execution.error(), Some("D"));
}

#[test]
fn what_a_transition_cancels_is_never_begun() {
    let task =
        json!({ "Type": "Task", "Resource": "component:step", "TimeoutSeconds": 5, "End": true });
    let branches = json!([
        { "StartAt": "T", "States": { "T": task } },
        { "StartAt": "F", "States": { "F": { "Type": "Fail", "Error": "F" } } },
    ]);
    let parallel = json!({ "Type": "Parallel", "Branches": branches, "End": true });
    let bench = Bench::started(
        &json!({ "StartAt": "P", "States": { "P": parallel } }),
        json!({}),
    );
    assert_eq!(
        (bench.execution.status(), bench.effects),
        (Status::Failed, Vec::new())
    );
}

#[test]
fn an_execution_of_another_machine_fails_instead_of_going_astray() {
    let mut bench = Bench::started(&map_of_tasks(), json!([1]));
    bench.machine = StateMachine::parse(&endless()).unwrap().machine;
    bench.apply(EventKind::TaskSucceeded {
        effect: EffectId(0),
        output: json!(1),
    });
    assert_eq!(bench.execution.error(), Some("States.Runtime"));
}

#[test]
fn damaged_records_are_refused_by_name() {
    let mut bench = Bench::started(&map_of_tasks(), json!([1]));
    let delta = bench.execution.take_delta();
    assert_eq!(
        Execution::restore(header(), []),
        Err(RestoreError::NoRecord)
    );
    let hollow = Delta {
        payloads: Vec::new(),
        ..delta.clone()
    };
    let missing = Execution::restore(header(), [hollow]).unwrap_err();
    assert!(
        matches!(missing, RestoreError::MissingPayload(_)),
        "{missing}"
    );
    let orphan = Delta {
        frames: delta
            .frames
            .iter()
            .filter(|frame| frame.parent.is_some())
            .cloned()
            .collect(),
        ..delta
    };
    let orphan = Execution::restore(header(), [orphan]).unwrap_err();
    assert!(matches!(orphan, RestoreError::Orphan(_)), "{orphan}");
}

/// The effect that an attempt is.
fn effect_of(effect: &Effect) -> Option<EffectId> {
    let Effect::RunTask(run) = effect else {
        return None;
    };
    Some(run.effect)
}

/// Deltas as a store hands them back: their payloads are hollow.
fn loaded(deltas: &[Delta]) -> impl Iterator<Item = Delta> {
    let text = |delta| serde_json::to_string(delta).unwrap();
    deltas
        .iter()
        .map(move |delta| serde_json::from_str(&text(delta)).unwrap())
}

/// What is behind the last delta that tells all, and the deltas from there on.
fn from_full(deltas: &[Delta]) -> (Behind, &[Delta]) {
    let full = deltas.iter().rposition(|delta| delta.behind().is_some());
    let (before, from) = deltas.split_at(full.unwrap());
    let payload = |id: &PayloadId| {
        let record = &before[id.record as usize];
        (*id, Arc::clone(&record.payloads[id.index as usize]))
    };
    let behind = Behind {
        records: u32::try_from(before.len()).unwrap(),
        payloads: from[0].behind().unwrap().iter().map(payload).collect(),
    };
    (behind, from)
}

#[test]
fn a_long_execution_is_restored_from_the_last_records_alone() {
    let task = json!({ "Type": "Task", "Resource": "component:step", "TimeoutSeconds": 900,
        "HeartbeatSeconds": 600, "End": true });
    let definition = json!({ "StartAt": "Both", "States": { "Both": { "Type": "Parallel",
        "End": true, "Branches": [
            { "StartAt": "Note", "States": {
                "Note": { "Type": "Pass", "Result": "noted", "Next": "Left" }, "Left": task } },
            { "StartAt": "Right", "States": { "Right": task } },
        ] } } });
    let mut bench = Bench::started(&definition, json!({ "order": 7 }));
    let outstanding = bench.execution.outstanding();
    let effects: Vec<_> = outstanding.iter().filter_map(effect_of).collect();
    let mut deltas = vec![bench.execution.take_delta()];
    for effect in &effects {
        let started = EventKind::TaskStarted {
            effect: *effect,
            facts: None,
            worker: None,
        };
        assert_eq!(bench.apply(started), None);
        deltas.push(bench.execution.take_delta());
    }
    for beat in 0..300 {
        let effect = effects[beat % 2];
        assert_eq!(bench.apply(EventKind::TaskHeartbeat { effect }), None);
        deltas.push(bench.execution.take_delta());
        if beat >= 70 {
            let (behind, from) = from_full(&deltas);
            assert!(from.len() <= 66, "{} records are read", from.len());
            assert!(behind.payloads.len() <= 4, "{:?}", behind.payloads);
            let restored = Execution::restore_behind(header(), behind, loaded(from));
            assert_eq!(restored.as_ref(), Ok(&bench.execution));
        }
    }
    let full = Execution::restore(header(), loaded(&deltas));
    assert_eq!(full.as_ref(), Ok(&bench.execution));
    let events: Vec<_> = deltas.iter().flat_map(|delta| &delta.history).collect();
    let ids = events.iter().map(|event| event.id);
    assert!(ids.eq(1..=events.len() as u64), "history is told once");

    let (mut behind, from) = from_full(&deltas);
    behind.payloads.pop_last();
    let missing = Execution::restore_behind(header(), behind, loaded(from)).unwrap_err();
    assert!(matches!(missing, RestoreError::MissingPayload(_)));
}

#[test]
fn jitter_stays_within_the_delay_and_spreads() {
    let machine = StateMachine::parse(&endless()).unwrap().machine;
    let draw = |seed| {
        let step = Step::new(
            &machine,
            Execution::start(header(), json!({})),
            (Timestamp(0), seed),
            &NoEvaluator,
        );
        step.random_up_to(1_000)
    };
    let draws: Vec<u64> = (0..1_000).map(draw).collect();
    assert!(draws.iter().all(|delay| *delay <= 1_000));
    let mean = draws.iter().sum::<u64>() / 1_000;
    assert!((450..550).contains(&mean), "{mean}");
}
