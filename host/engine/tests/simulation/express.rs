//! What express executions promise: nothing is written between their start and their end.

use std::sync::Arc;
use std::time::Duration;

use asl::{ExecutionId, Status};
use auth::policy::{Resource, StopExecution};
use engine::{Config, Error, MachineType, Scarce, StartRequest};
use ports::{Description, HistoryCursor};
use serde_json::{Value, json};
use store::Fault;
use tokio::task::JoinHandle;

use crate::archive::Refused;
use crate::world::{World, caller, name};

/// Two Tasks with a Wait of thirty seconds between them.
fn slow() -> Value {
    json!({"StartAt": "First", "States": {
        "First": {"Type": "Task", "Resource": "component:first", "Next": "Pause"},
        "Pause": {"Type": "Wait", "Seconds": 30, "Next": "Last"},
        "Last": {"Type": "Task", "Resource": "component:first", "End": true},
    }})
}

/// Two Tasks, one after the other.
fn brief() -> Value {
    json!({"StartAt": "First", "States": {
        "First": {"Type": "Task", "Resource": "component:first", "Next": "Last"},
        "Last": {"Type": "Task", "Resource": "component:first", "End": true},
    }})
}

fn pass() -> Value {
    json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}})
}

async fn prepared(definition: &Value) -> World {
    prepared_with(Config::default(), definition).await
}

async fn prepared_with(config: Config, definition: &Value) -> World {
    let world = World::with(config).await;
    world.role("worker", json!({})).await;
    world.component("first", "", "worker").await;
    world
        .create("fast", definition, "worker", MachineType::Express)
        .await;
    world
}

async fn started(world: &World) -> ExecutionId {
    let started = world.start("fast", "one", json!({"order": 7})).await;
    started.unwrap().into_inner().id
}

/// Starts an execution whose end somebody waits for.
fn waited_for(world: &World) -> JoinHandle<Result<Description, Error>> {
    let machine = Resource::state_machine(&name("fast"));
    let permit = world.permit("operators", machine.clone());
    let read = world.permit("operators", machine);
    let engine = world.engine.clone();
    let request = StartRequest::new(name("fast"), json!({"order": 7}));
    tokio::spawn(async move { engine.start_and_wait(permit, read, request).await })
}

async fn running(world: &World) -> ExecutionId {
    tokio::time::sleep(Duration::from_millis(500)).await;
    let permit = world.permit("operators", Resource::host());
    let filter = ports::ExecutionFilter::default();
    let page = world.engine.executions(permit, filter, None, 10).await;
    let items = page.unwrap().items;
    items[0].start.header.id.clone()
}

async fn stop(world: &World, id: &ExecutionId) {
    let resource = Resource::execution(&name("fast"), id.as_str());
    let permit = world.permit::<StopExecution>("operators", resource);
    world.engine.stop(permit, id, None, None).await.unwrap();
}

async fn actions(world: &World) -> Vec<String> {
    let records = world.audit().await;
    let of_executions = records
        .iter()
        .filter(|record| record["execution"].is_string());
    let actions = of_executions.map(|record| record["action"].as_str().unwrap().to_owned());
    actions.collect()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_between_start_and_end() {
    let world = prepared(&slow()).await;
    let before = world.store.commits();
    let id = started(&world).await;
    assert_eq!(world.store.commits(), before + 1);
    tokio::time::sleep(Duration::from_millis(31_500)).await;
    assert_eq!(world.script.runs.lock().unwrap().len(), 2);
    assert_eq!(world.store.commits(), before + 1);
    world.settle(&id).await;
    assert_eq!(world.store.commits(), before + 2);
    let ended = world.description(&id).await.unwrap();
    assert_eq!(ended.summary.status, Status::Succeeded);
    assert_eq!(actions(&world).await, ["StartExecution", "EndExecution"]);
}

#[tokio::test(start_paused = true)]
async fn the_end_tells_what_was_done_in_between() {
    let world = prepared(&brief()).await;
    let ended = waited_for(&world).await.unwrap().unwrap();
    assert_eq!(ended.output.as_deref(), Some(&json!({"by": "first"})));
    let records = world.audit().await;
    let of = |action: &str| records.iter().find(|record| record["action"] == action);
    let request = &of("StartExecution").unwrap()["request"];
    assert_eq!(request["express"], "synchronous");
    assert!(
        request["inputDigest"]
            .as_str()
            .unwrap()
            .starts_with("sha256:")
    );
    let outcome = &of("EndExecution").unwrap()["outcome"];
    assert_eq!(outcome["status"], "SUCCEEDED");
    assert_eq!(outcome["durationMs"], 2_000);
    assert_eq!(outcome["transitions"], 5);
    let attempts = &outcome["attempts"][0];
    assert_eq!(attempts["resource"], "component/first@1.0.0");
    assert_eq!(
        (&attempts["role"], &attempts["count"]),
        (&json!("worker"), &json!(2))
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_only_computes_costs_one_commit() {
    let world = prepared(&pass()).await;
    let before = world.store.commits();
    waited_for(&world).await.unwrap().unwrap();
    assert_eq!(world.store.commits(), before + 1);
    let id = started(&world).await;
    world.settle(&id).await;
    assert_eq!(world.store.commits(), before + 2);
    let world = world.next_host().await;
    let ended = world.description(&id).await.unwrap();
    assert_eq!(ended.output.as_deref(), Some(&json!({"order": 7})));
}

#[tokio::test(start_paused = true)]
async fn whatever_dies_with_an_asynchronous_one_it_runs_again_from_its_beginning() {
    for (commit, fault, runs) in [
        (1, Fault::CrashBefore, 0),
        (1, Fault::CrashAfter, 2),
        (2, Fault::CrashBefore, 4),
        (2, Fault::CrashAfter, 2),
    ] {
        let place = format!("{fault:?} at {commit}");
        let world = prepared(&slow()).await;
        world.store.fault_at(world.store.commits() + commit, fault);
        let asked = world.start("fast", "one", json!({"order": 7})).await;
        assert_eq!(asked.is_ok(), commit == 2, "{place}");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let world = world.next_host().await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let keys = world.script.runs.lock().unwrap().clone();
        assert_eq!(keys.len(), runs, "{place}");
        if runs == 0 {
            continue;
        }
        assert_ne!(keys[0], keys[1], "{place}");
        assert!(keys.chunks(2).all(|chunk| chunk == &keys[..2]), "{place}");
        let id = running(&world).await;
        let ended = world.description(&id).await.unwrap();
        assert_eq!(ended.summary.status, Status::Succeeded, "{place}");
        assert_eq!(
            ended.input.as_deref(),
            Some(&json!({"order": 7})),
            "{place}"
        );
        assert_eq!(
            ended.output.as_deref(),
            Some(&json!({"by": "first"})),
            "{place}"
        );
        let actions = actions(&world).await;
        let again = actions.iter().any(|action| action == "RerunExecution");
        assert_eq!(again, (commit, fault) != (2, Fault::CrashAfter), "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_waited_for_does_not_run_again() {
    let world = prepared(&brief()).await;
    let waiting = waited_for(&world);
    let id = running(&world).await;
    let world = world.next_host().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(matches!(waiting.await.unwrap(), Err(Error::Closing)));
    assert_eq!(world.script.runs.lock().unwrap().len(), 1);
    assert!(world.description(&id).await.is_none());
    assert_eq!(actions(&world).await, ["StartExecution"]);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_cannot_be_recorded_is_not_told() {
    let world = prepared(&brief()).await;
    world.store.fault_at(world.store.commits() + 2, Fault::Fail);
    let answer = waited_for(&world).await.unwrap();
    assert!(
        matches!(answer, Err(Error::Closing | Error::Store(_))),
        "{answer:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_reviewed_no_longer_does_not_run_any_more() {
    let world = prepared(&slow()).await;
    let waiting = waited_for(&world);
    let id = running(&world).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    world
        .role("worker", json!({"config": {"region": "eu"}}))
        .await;
    let ended = waiting.await.unwrap().unwrap();
    assert_eq!(ended.summary.error.as_deref(), Some("Sluice.AccessDenied"));
    assert_eq!(world.script.runs.lock().unwrap().len(), 1);
    let world = world.next_host().await;
    let records = world.audit().await;
    let denied = records
        .iter()
        .find(|record| record["decision"]["effect"] == "denied")
        .unwrap();
    assert_eq!(denied["action"], "StartAttempt");
    assert_eq!(
        (&denied["execution"], &denied["state"]),
        (&json!(id), &json!("Last"))
    );
    assert_eq!(
        actions(&world).await,
        ["StartExecution", "StartAttempt", "EndExecution"]
    );
}

#[tokio::test(start_paused = true)]
async fn after_five_minutes_it_has_timed_out() {
    let endless =
        json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": true}}});
    let world = prepared(&endless).await;
    let summary = waited_for(&world).await.unwrap().unwrap().summary;
    assert_eq!(summary.status, Status::TimedOut);
    assert_eq!(summary.error.as_deref(), Some("States.Timeout"));
    let mut own = endless;
    own["TimeoutSeconds"] = json!(20);
    let world = prepared(&own).await;
    let ended = waited_for(&world).await.unwrap().unwrap();
    let ran_ms = ended.summary.stopped_at.unwrap().0 - ended.start.header.started_at.0;
    assert_eq!((ended.summary.status, ran_ms), (Status::TimedOut, 20_000));
}

#[tokio::test(start_paused = true)]
async fn stopping_one_cancels_its_attempts_and_is_told_to_whoever_waits() {
    let world = prepared(&brief()).await;
    let waiting = waited_for(&world);
    let id = running(&world).await;
    stop(&world, &id).await;
    let ended = waiting.await.unwrap().unwrap();
    assert_eq!(ended.summary.status, Status::Aborted);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.script.runs.lock().unwrap().len(), 1);
    assert_eq!(
        actions(&world).await,
        [
            "StartExecution",
            "StopExecution",
            "EndExecution",
            "AttemptCancelled"
        ]
    );
    // Once more is no error.
    stop(&world, &id).await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_shuts_down_lets_brief_ones_end() {
    let world = prepared(&brief()).await;
    let waiting = waited_for(&world);
    let id = started(&world).await;
    running(&world).await;
    let world = world.drained().await;
    assert_eq!(
        waiting.await.unwrap().unwrap().summary.status,
        Status::Succeeded
    );
    let ended = world.description(&id).await.unwrap();
    assert_eq!(ended.summary.status, Status::Succeeded);
    assert_eq!(world.script.runs.lock().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_shuts_down_ends_what_is_waited_for_too_long_and_leaves_the_rest() {
    let endless =
        json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 100, "End": true}}});
    let world = prepared(&endless).await;
    let waiting = waited_for(&world);
    let interrupted = running(&world).await;
    let id = started(&world).await;
    let world = world.drained().await;
    assert!(matches!(waiting.await.unwrap(), Err(Error::Closing)));
    assert!(world.description(&interrupted).await.is_none());
    let records = world.audit().await;
    let end = records
        .iter()
        .find(|record| record["action"] == "EndExecution")
        .unwrap();
    assert_eq!(end["execution"], json!(interrupted));
    assert_eq!(end["outcome"]["error"], "Sluice.Interrupted");
    world.settle(&id).await;
    let ended = world.description(&id).await.unwrap();
    assert_eq!(ended.summary.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_run_at_once() {
    let config = Config {
        express_running_max: 1,
        ..Config::default()
    };
    let world = prepared_with(config, &brief()).await;
    let id = started(&world).await;
    let refused = world.start("fast", "two", json!({})).await;
    let is_full = matches!(
        refused,
        Err(Error::Busy {
            scarce: Scarce::Express,
            ..
        })
    );
    assert!(is_full, "{refused:?}");
    world.settle(&id).await;
    world.start("fast", "two", json!({})).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_principal_has_its_share_of_those_that_run() {
    let config = Config {
        express_running_max: 2,
        ..Config::default()
    };
    let world = prepared_with(config, &brief()).await;
    let id = started(&world).await;
    let refused = world.start("fast", "two", json!({})).await;
    let is_its_share = matches!(
        refused,
        Err(Error::TooMany {
            scarce: Scarce::Express,
            ..
        })
    );
    assert!(is_its_share, "{refused:?}");
    let mut other = caller("operators");
    other.principal.subject = "another".to_owned();
    let of_other = world.start_by(&other, "fast", "two", json!({})).await;
    of_other.unwrap();
    world.settle(&id).await;
    world.start("fast", "three", json!({})).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_runs_again_has_a_place_whatever_the_limit_is() {
    let config = Config {
        express_running_max: 1,
        ..Config::default()
    };
    let world = prepared_with(config, &slow()).await;
    let id = started(&world).await;
    let world = world.next_host().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    let refused = world.start("fast", "two", json!({})).await;
    assert!(matches!(refused, Err(Error::Busy { .. })), "{refused:?}");
    world.settle(&id).await;
    world.start("fast", "two", json!({})).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_last_ones_can_be_read_as_long_as_there_is_room() {
    let config = Config {
        express_ended_max: 1,
        ..Config::default()
    };
    let world = prepared_with(config, &pass()).await;
    let first = started(&world).await;
    world.settle(&first).await;
    assert_eq!(world.history(&first).await.len(), 4);
    let second = waited_for(&world).await.unwrap().unwrap();
    let second = second.start.header.id;
    assert_eq!(world.history(&second).await.len(), 4);
    let permit = world.permit("operators", Resource::host());
    let page = world
        .engine
        .history(&permit, &first, HistoryCursor::default(), 10);
    let gone = page.await.unwrap_err().to_string();
    assert!(gone.contains("kept in memory only"), "{gone}");
    // Of one that was waited for nothing else was stored.
    let kept = world.description(&first).await.unwrap();
    assert_eq!(kept.output.as_deref(), Some(&json!({"order": 7})));
    let third = started(&world).await;
    world.settle(&third).await;
    assert!(world.description(&second).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn history_is_read_in_pages_from_both_ends() {
    let world = prepared(&brief()).await;
    let id = started(&world).await;
    world.settle(&id).await;
    let permit = world.permit("operators", Resource::host());
    let all = world
        .engine
        .history(&permit, &id, HistoryCursor::default(), 100);
    let all = all.await.unwrap().events;
    for (first, limit) in [
        (HistoryCursor::default(), 1),
        (HistoryCursor::default(), 3),
        (HistoryCursor::NEWEST, 1),
        (HistoryCursor::NEWEST, 4),
    ] {
        let mut events = Vec::new();
        let mut cursor = first;
        loop {
            let page = world
                .engine
                .history(&permit, &id, cursor, limit)
                .await
                .unwrap();
            assert!(page.events.len() <= limit);
            events.extend(page.events);
            cursor = page.next;
            if !page.has_more {
                break;
            }
        }
        if first == HistoryCursor::NEWEST {
            events.reverse();
        }
        assert_eq!(events, all);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_reads_along_from_the_very_beginning_misses_nothing() {
    let world = prepared(&brief()).await;
    let waiting = waited_for(&world);
    let permit = world.permit("operators", Resource::host());
    let (mut cursor, mut events) = (HistoryCursor::default(), Vec::new());
    let mut id = None;
    while !waiting.is_finished() {
        let listed = world.permit("operators", Resource::host());
        let page = world
            .engine
            .executions(listed, ports::ExecutionFilter::default(), None, 1);
        let listed = page.await.unwrap().items.pop();
        id = id.or(listed.map(|listed| listed.start.header.id));
        if let Some(id) = &id {
            let page = world.engine.history(&permit, id, cursor, 1).await.unwrap();
            cursor = page.next;
            events.extend(page.events);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let id = id.unwrap();
    let rest = world.engine.history(&permit, &id, cursor, 100);
    events.extend(rest.await.unwrap().events);
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids, (1..=12).collect::<Vec<u64>>());
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_too_much_memory_is_ended() {
    let config = Config {
        express_bytes_max: 16 << 10,
        ..Config::default()
    };
    let growing = json!({"StartAt": "Grow", "States": {
        "Grow": {"Type": "Pass", "Parameters": {"more.$": "States.Array($.more, $.more)"}, "Next": "Rest"},
        "Rest": {"Type": "Wait", "Seconds": 1, "Next": "Enough"},
        "Enough": {"Type": "Choice", "Default": "Grow", "Choices": [
            {"Variable": "$.more", "IsNull": true, "Next": "Done"},
        ]},
        "Done": {"Type": "Succeed"},
    }});
    let world = prepared_with(config, &growing).await;
    let started = world
        .start("fast", "one", json!({"more": "0123456789"}))
        .await;
    let id = started.unwrap().into_inner().id;
    world.settle(&id).await;
    let world = world.next_host().await;
    let summary = world.description(&id).await.unwrap().summary;
    assert_eq!(summary.status, Status::Aborted);
    assert_eq!(summary.error.as_deref(), Some("Sluice.LimitExceeded"));
}

#[tokio::test(start_paused = true)]
async fn one_that_runs_again_starts_no_execution_twice() {
    let start = json!({"StartAt": "Start", "States": {"Start": {
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "End": true,
        "Parameters": {
            "StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:child",
            "Input.$": "$",
        },
    }}});
    let mut definition = json!({"StartAt": "Each", "States": {
        "Each": {"Type": "Map", "ItemsPath": "$.items", "Next": "Pause"},
        "Pause": {"Type": "Wait", "Seconds": 30, "End": true},
    }});
    definition["States"]["Each"]["ItemProcessor"] = start;
    let world = prepared(&definition).await;
    world.publish("child", &pass(), "worker").await.unwrap();
    let input = json!({"items": [1, 2, 3]});
    let id = world
        .start("fast", "one", input)
        .await
        .unwrap()
        .into_inner()
        .id;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let world = world.next_host().await;
    world.settle(&id).await;
    let ended = world.description(&id).await.unwrap();
    assert_eq!(ended.summary.status, Status::Succeeded);
    let children = crate::nested::children(&world).await;
    let mut inputs = Vec::new();
    for child in &children {
        let child = world.description(&child.start.header.id).await.unwrap();
        inputs.push(child.input.unwrap().to_string());
    }
    inputs.sort();
    assert_eq!(inputs, ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_start_the_machine_starts_nothing() {
    let world = prepared(&pass()).await;
    let machine = Resource::state_machine(&name("fast"));
    let denied = world
        .engine
        .policies()
        .permits::<auth::policy::StartExecution>(&caller("auditors"), &machine);
    assert!(denied.is_err());
    assert!(actions(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_of_one_before_its_start_is_durable() {
    for is_refused in [false, true] {
        let world = Arc::new(prepared(&slow()).await);
        let takes = ("StartExecution", Duration::from_secs(1));
        *world.script.slow.lock().unwrap() = Some(takes);
        if is_refused {
            *world.script.refused.lock().unwrap() = Refused::Telling("StartExecution");
        }
        let listed = async || {
            let permit = world.permit("operators", Resource::host());
            let filter = ports::ExecutionFilter::default();
            let page = world.engine.executions(permit, filter, None, 10);
            page.await.unwrap().items.len()
        };
        let starting = tokio::spawn({
            let world = Arc::clone(&world);
            async move { world.start("fast", "one", json!({})).await.is_ok() }
        });
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(world.engine.load().express_running, 1);
        assert_eq!(listed().await, 0);
        assert_ne!(starting.await.unwrap(), is_refused);
        assert_eq!(listed().await, usize::from(!is_refused));
    }
}
