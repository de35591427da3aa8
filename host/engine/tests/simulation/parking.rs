//! Executions that only wait are not in memory, and lose nothing by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use asl::{ExecutionId, Status};
use auth::policy::{Resource, SendTaskHeartbeat, SendTaskSuccess, StopExecution};
use engine::{Config, Error, TaskError};
use serde_json::{Value, json};
use store::Fault;

use crate::callbacks::task;
use crate::world::{World, name};

const HOUR: u32 = 3600;

fn waits(seconds: u32) -> Value {
    json!({"StartAt": "Wait", "States": {
        "Wait": {"Type": "Wait", "Seconds": seconds, "Next": "Done"},
        "Done": {"Type": "Succeed"},
    }})
}

/// A Task that is answered by token.
fn approval() -> Value {
    task(
        "arn:aws:states:::lambda:invoke.waitForTaskToken",
        json!({"FunctionName": "first", "Payload": {"token.$": "$$.Task.Token"}}),
    )
}

async fn prepared(definition: &Value, config: Config) -> World {
    let world = World::with(config).await;
    world.role("worker", json!({})).await;
    world
        .component("first", "idempotent = true", "worker")
        .await;
    world
        .publish("machine", definition, "worker")
        .await
        .unwrap();
    world
}

async fn waiting(definition: &Value) -> (World, ExecutionId) {
    let world = prepared(definition, Config::default()).await;
    let id = started(&world, "one").await;
    seconds(5).await;
    (world, id)
}

async fn started(world: &World, name: &str) -> ExecutionId {
    let started = world.start("machine", name, json!({})).await.unwrap();
    started.into_inner().id
}

fn in_memory(world: &World) -> usize {
    world.engine.load().executions_running
}

async fn seconds(seconds: u32) {
    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
}

async fn status(world: &World, id: &ExecutionId) -> Status {
    world.description(id).await.unwrap().summary.status
}

/// The tokens that components were given.
fn tokens(world: &World) -> Vec<String> {
    let inputs = world.script.inputs.lock().unwrap();
    let token = |input: &String| {
        let input: Value = serde_json::from_str(input).unwrap();
        input["token"].as_str().map(ToOwned::to_owned)
    };
    inputs.iter().filter_map(token).collect()
}

async fn beat(world: &World, token: &str) -> Result<(), TaskError> {
    let task = world.engine.waiting_task(token).await?;
    let permit = world.permit::<SendTaskHeartbeat>("operators", task.resource());
    world.engine.send_task_heartbeat(permit, task).await
}

async fn succeed(world: &World, token: &str) -> Result<(), TaskError> {
    let task = world.engine.waiting_task(token).await?;
    let permit = world.permit::<SendTaskSuccess>("operators", task.resource());
    let output = json!({"token": token});
    world.engine.send_task_success(permit, task, output).await
}

async fn stop(world: &World, id: &ExecutionId) -> Result<asl::Timestamp, Error> {
    let resource = Resource::execution(&name("machine"), id.as_str());
    let permit = world.permit::<StopExecution>("operators", resource);
    world.engine.stop(permit, id, None, None).await
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_waits_for_long_is_not_in_memory_and_goes_on_in_time() {
    let began = tokio::time::Instant::now();
    let (world, id) = waiting(&waits(HOUR)).await;
    assert_eq!(in_memory(&world), 0);
    seconds(HOUR - 6).await;
    assert_eq!(status(&world, &id).await, Status::Running);
    world.settle(&id).await;
    let described = world.description(&id).await.unwrap();
    assert_eq!(described.summary.status, Status::Succeeded);
    let waited = described.summary.stopped_at.unwrap().0 - described.start.header.started_at.0;
    assert_eq!(
        waited,
        i64::from(HOUR) * 1000,
        "after {:?}",
        began.elapsed()
    );
    assert_eq!(in_memory(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_is_due_soon_stays_in_memory() {
    let world = prepared(&waits(1), Config::default()).await;
    let id = started(&world, "one").await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(in_memory(&world), 1);
    world.settle(&id).await;
    assert_eq!(status(&world, &id).await, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn alarms_ring_whatever_was_set_before_them() {
    let (world, late) = waiting(&waits(HOUR)).await;
    world
        .publish("machine", &waits(60), "worker")
        .await
        .unwrap();
    let early = started(&world, "two").await;
    seconds(58).await;
    assert_eq!(status(&world, &early).await, Status::Running);
    seconds(3).await;
    assert_eq!(status(&world, &early).await, Status::Succeeded);
    assert_eq!(status(&world, &late).await, Status::Running);
    seconds(HOUR).await;
    assert_eq!(status(&world, &late).await, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn an_answer_by_token_reaches_a_parked_execution() {
    let (world, id) = waiting(&approval()).await;
    let token = tokens(&world).pop().unwrap();
    for _ in 0..3 {
        assert_eq!(in_memory(&world), 0);
        beat(&world, &token).await.unwrap();
        seconds(1).await;
    }
    succeed(&world, &token).await.unwrap();
    let described = world.description(&id).await.unwrap();
    assert_eq!(described.summary.status, Status::Succeeded);
    assert_eq!(described.output.as_deref(), Some(&json!({"token": token})));
    assert_eq!(world.script.runs.lock().unwrap().len(), 1);
    let again = succeed(&world, &token).await;
    assert!(matches!(again, Err(TaskError::TimedOut)), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn a_parked_execution_is_stopped_once() {
    let (world, id) = waiting(&waits(HOUR)).await;
    let at = stop(&world, &id).await.unwrap();
    assert_eq!(status(&world, &id).await, Status::Aborted);
    assert_eq!(stop(&world, &id).await.unwrap(), at);
    seconds(2 * HOUR).await;
    let history = world.history(&id).await;
    assert_eq!(history.last().unwrap(), "ExecutionAborted");
    assert_eq!(in_memory(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn a_follower_of_a_parked_execution_is_told_and_keeps_nothing_in_memory() {
    let (world, id) = waiting(&waits(HOUR)).await;
    let mut follower = world.engine.follow(&id).await.unwrap().unwrap();
    assert_eq!(in_memory(&world), 0);
    let events = world.history(&id).await.len();
    follower.changed().await.unwrap();
    assert!(world.history(&id).await.len() > events);
    while follower.changed().await.is_ok() {}
    assert_eq!(status(&world, &id).await, Status::Succeeded);
    assert!(world.engine.follow(&id).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn followers_of_parked_executions_hear_of_a_shutdown() {
    let (world, id) = waiting(&waits(HOUR)).await;
    let mut follower = world.engine.follow(&id).await.unwrap().unwrap();
    let world = world.drained().await;
    follower.changed().await.unwrap_err();
    world.settle(&id).await;
    assert_eq!(status(&world, &id).await, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_crash_while_it_is_parked_loses_no_time() {
    let (world, id) = waiting(&waits(HOUR)).await;
    let started_at = world
        .description(&id)
        .await
        .unwrap()
        .start
        .header
        .started_at;
    let world = world.next_host_after(Duration::from_secs(60)).await;
    assert_eq!(in_memory(&world), 0);
    world.settle(&id).await;
    let summary = world.description(&id).await.unwrap().summary;
    assert_eq!(summary.status, Status::Succeeded);
    let waited = summary.stopped_at.unwrap().0 - started_at.0;
    assert_eq!(waited, i64::from(HOUR) * 1000);
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_commit_around_parking_changes_no_outcome() {
    let definition = json!({"StartAt": "Before", "States": {
        "Before": {"Type": "Task", "Resource": "component:first", "Next": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": HOUR, "Next": "Ask"},
        "Ask": approval()["States"]["Only"],
    }});
    let mut uninterrupted = None;
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        for commit in [u64::MAX, 1, 2, 3, 4, 5, 6] {
            let world = prepared(&definition, Config::default()).await;
            let at = world.store.commits().saturating_add(commit);
            world.store.fault_at(at, fault);
            let begun = world.start("machine", "one", json!({})).await;
            seconds(HOUR + 10).await;
            let is_dead = world.engine.find("machine").await.is_err();
            let mut world = match begun.is_err() || is_dead {
                true => world.next_host().await,
                false => world,
            };
            let id = started(&world, "one").await;
            seconds(HOUR + 10).await;
            let token = tokens(&world).pop().unwrap();
            if succeed(&world, &token).await.is_err() {
                world = world.next_host().await;
                let _ = succeed(&world, &token).await;
            }
            world.settle(&id).await;
            assert_eq!(
                status(&world, &id).await,
                Status::Succeeded,
                "{fault:?} at {commit}"
            );
            let history = world.history(&id).await;
            let expected = uninterrupted.get_or_insert_with(|| history.clone());
            assert_eq!(history, *expected, "{fault:?} at {commit}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_message_is_lost_to_an_execution_that_leaves() {
    let (world, id) = waiting(&approval()).await;
    let token = tokens(&world).pop().unwrap();
    let world = Arc::new(world);
    let chance = Arc::new(AtomicU64::new(1));
    for _ in 0..60 {
        let senders = (0..4).map(|_| {
            let (world, token, chance) = (Arc::clone(&world), token.clone(), Arc::clone(&chance));
            tokio::spawn(async move {
                // Splitmix: another moment for each, the same in every run.
                let mut pause = chance.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
                pause = (pause ^ (pause >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                for _ in 0..(pause >> 33) % 24 {
                    tokio::task::yield_now().await;
                }
                beat(&world, &token).await
            })
        });
        for sender in senders.collect::<Vec<_>>() {
            sender.await.unwrap().unwrap();
        }
    }
    succeed(&world, &token).await.unwrap();
    assert_eq!(status(&world, &id).await, Status::Succeeded);
    let beats = world.audit().await;
    let beats = beats
        .iter()
        .filter(|record| record["action"] == "SendTaskHeartbeat");
    assert_eq!(beats.count(), 240);
}

#[tokio::test(start_paused = true)]
async fn many_answers_at_once_bring_in_a_few_executions_at_a_time() {
    let config = Config {
        executions_arriving_max: 4,
        ..Config::default()
    };
    let world = Arc::new(prepared(&approval(), config).await);
    for number in 0..64 {
        started(&world, &format!("e-{number}")).await;
    }
    seconds(5).await;
    assert_eq!(in_memory(&world), 0);
    let tokens = tokens(&world);
    assert_eq!(tokens.len(), 64);
    let answers: Vec<_> = tokens
        .into_iter()
        .map(|token| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let answered = succeed(&world, &token).await;
                (answered, in_memory(&world))
            })
        })
        .collect();
    let mut most = 0;
    for answer in answers {
        let (answered, in_memory) = answer.await.unwrap();
        answered.unwrap();
        most = most.max(in_memory);
    }
    assert!(most <= 8, "{most} were in memory at once");
}

#[tokio::test(start_paused = true)]
async fn alarms_that_are_due_at_once_ring_in_order() {
    const COUNT: u32 = 1_000;
    const ARRIVING: u32 = 16;
    let definition = json!({"StartAt": "Wait", "States": {
        "Wait": {"Type": "Wait", "TimestampPath": "$.at", "Next": "Done"},
        "Done": {"Type": "Succeed"},
    }});
    let config = Config {
        executions_arriving_max: ARRIVING as usize,
        ..Config::default()
    };
    let world = prepared(&definition, config).await;
    let begin = world.now().plus_ms(10_000_000);
    let mut due = Vec::new();
    for number in 0..COUNT {
        // Started in another order than they are due in.
        let place = number.wrapping_mul(769) % COUNT;
        let at = begin.plus_ms(i64::from(place) * 10);
        let input = json!({"at": at.to_rfc3339()});
        let name = format!("e-{number}");
        let started = world.start("machine", &name, input).await.unwrap();
        due.push((place, started.into_inner().id));
    }
    assert_eq!(in_memory(&world), 0);
    let world = world.next_host_after(Duration::from_secs(100_000)).await;
    for (_, id) in &due {
        world.settle(id).await;
    }
    let fired = world.audit().await;
    let fired = fired
        .iter()
        .filter(|record| record["action"] == "TimerFired");
    let places: Vec<_> = fired
        .map(|record| {
            let id = record["execution"].as_str().unwrap();
            let (place, _) = due.iter().find(|(_, due)| due.as_str() == id).unwrap();
            *place
        })
        .collect();
    assert_eq!(places.len(), COUNT as usize);
    for (position, place) in (0..).zip(&places) {
        assert!(
            place.abs_diff(position) <= ARRIVING,
            "{place} at {position}"
        );
    }
    assert_eq!(in_memory(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_forward_wakes_what_is_due() {
    // Parked, and kept in memory by an attempt of its own.
    let attempt_and_wait = json!({"StartAt": "Both", "States": {"Both": {
        "Type": "Parallel", "End": true, "Branches": [waits(2 * HOUR), {
            "StartAt": "Ask", "States": {"Ask": {"Type": "Task", "End": true,
                "Resource": "arn:aws:states:us-east-1:000000000000:activity:nobody"}},
        }],
    }}});
    let (world, parked) = waiting(&waits(2 * HOUR)).await;
    world
        .engine
        .create_activity(
            world.permit("operators", Resource::activity(&name("nobody").into())),
            name("nobody").into(),
            engine::Tags::default(),
            Value::Null,
        )
        .await
        .unwrap();
    world
        .publish("machine", &attempt_and_wait, "worker")
        .await
        .unwrap();
    let kept = started(&world, "two").await;
    seconds(1).await;
    assert_eq!(in_memory(&world), 1);
    let before = world.history(&kept).await.len();
    world.set_clock(3 * 3_600_000);
    seconds(61).await;
    assert_eq!(status(&world, &parked).await, Status::Succeeded);
    assert!(world.history(&kept).await.len() > before);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_wakes_nothing_early_and_nothing_late() {
    let (world, before) = waiting(&waits(HOUR)).await;
    let early = started(&world, "early").await;
    seconds(HOUR + 1).await;
    assert_eq!(status(&world, &early).await, Status::Succeeded);
    assert_eq!(status(&world, &before).await, Status::Succeeded);
    world.set_clock(-24 * 3_600_000);
    let after = started(&world, "after").await;
    seconds(HOUR - 1).await;
    assert_eq!(status(&world, &after).await, Status::Running);
    seconds(2).await;
    assert_eq!(status(&world, &after).await, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_cannot_be_restored_is_named_and_refused_until_it_can() {
    let (world, id) = waiting(&waits(HOUR)).await;
    assert!(world.engine.stranded().is_empty());
    world.script.damaged.lock().unwrap().insert(id.clone());
    let refused = stop(&world, &id).await.unwrap_err();
    assert!(
        refused.to_string().contains("does not match its checksum"),
        "{refused}"
    );
    seconds(HOUR + 120).await;
    assert_eq!(status(&world, &id).await, Status::Running);
    let stranded = world.engine.stranded();
    assert_eq!(stranded.len(), 1);
    assert_eq!(stranded[0].0, id);
    world.script.damaged.lock().unwrap().clear();
    seconds(120).await;
    assert_eq!(status(&world, &id).await, Status::Succeeded);
    assert!(world.engine.stranded().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_execution_that_cannot_be_restored_holds_up_no_other() {
    let definition = task("component:first", json!({}));
    let world = prepared(&definition, Config::default()).await;
    let (lost, other) = (started(&world, "one").await, started(&world, "two").await);
    world.script.damaged.lock().unwrap().insert(lost.clone());
    let world = world.next_host().await;
    world.settle(&other).await;
    assert_eq!(status(&world, &other).await, Status::Succeeded);
    assert_eq!(status(&world, &lost).await, Status::Running);
    assert_eq!(world.engine.stranded().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_alarm_and_whoever_asks_do_not_wait_for_each_other() {
    let config = Config {
        executions_arriving_max: 1,
        ..Config::default()
    };
    let world = Arc::new(prepared(&waits(HOUR), config).await);
    for round in 0..24_u32 {
        let id = started(&world, &format!("e-{round}")).await;
        seconds(5).await;
        let due = Duration::from_secs((HOUR - 5).into());
        let asking = tokio::spawn({
            let (world, id) = (Arc::clone(&world), id.clone());
            async move {
                tokio::time::sleep(due).await;
                for _ in 0..round {
                    tokio::task::yield_now().await;
                }
                stop(&world, &id).await
            }
        });
        let asked = tokio::time::timeout(Duration::from_secs(2 * u64::from(HOUR)), asking);
        asked.await.unwrap().unwrap().unwrap();
        seconds(1).await;
        assert_ne!(status(&world, &id).await, Status::Running, "{round}");
        assert_eq!(world.engine.load().executions_arriving, 0, "{round}");
    }
}
