//! Who runs when there is not room for everybody: between principals, roles and state machines.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use asl::{ExecutionId, Status};
use auth::principal::Caller;
use engine::{Config, MachineLimits};
use serde_json::{Value, json};

use crate::world::{World, caller, name};

/// Attempts that run at once in these tests, unless they say otherwise.
const ATTEMPTS: usize = 16;

fn one(component: &str) -> Value {
    json!({"StartAt": "Only", "States": {"Only": {
        "Type": "Task", "Resource": format!("component:{component}"), "End": true,
        "Retry": [{"ErrorEquals": ["Sluice.AccessDenied"], "IntervalSeconds": 1, "BackoffRate": 1}],
    }}})
}

/// An execution for each item, 200 of them at once.
fn map(component: &str) -> Value {
    let mut processor = one(component);
    processor["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"});
    json!({"StartAt": "Each", "States": {"Each": {
        "Type": "Map", "Label": "Each", "End": true, "MaxConcurrency": 10_000,
        "ItemProcessor": processor,
    }}})
}

fn items(count: usize) -> Value {
    (0..count).collect()
}

fn config() -> Config {
    Config {
        attempts_running_max: ATTEMPTS,
        ..Config::default()
    }
}

/// Another member of the same group.
fn neighbour() -> Caller {
    let mut caller = caller("operators");
    caller.principal.subject = "neighbour".to_owned();
    caller
}

/// A host with the machines `map` and `one`, and the role given for both.
async fn prepared(config: Config, concurrency: usize) -> World {
    let world = World::with(config).await;
    let grants = json!({"limits": {"concurrency": concurrency}});
    for role in ["worker", "other"] {
        world.role(role, grants.clone()).await;
    }
    world.component("first", "", "worker").await;
    world
        .component("second", "idempotent = true", "other")
        .await;
    world.publish("map", &map("first"), "worker").await.unwrap();
    world.publish("one", &one("first"), "worker").await.unwrap();
    let other = world.publish("other", &one("second"), "other").await;
    other.unwrap();
    world
}

async fn flood(world: &World, count: usize) -> ExecutionId {
    let flood = world.start("map", "flood", items(count)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    flood.into_inner().id
}

/// How many attempts began between a neighbour's start and its own one.
async fn overtaken(world: &World, machine: &str) -> usize {
    let before = world.script.runs.lock().unwrap().len();
    let single = world
        .start_by(&neighbour(), machine, "single", json!({}))
        .await;
    let id = single.unwrap().into_inner().id;
    world.settle(&id).await;
    let runs = world.script.runs.lock().unwrap();
    let own = runs
        .iter()
        .position(|(_, key)| key.starts_with(id.as_str()));
    own.unwrap() - before
}

async fn succeeded(world: &World, id: &ExecutionId) {
    world.settle(id).await;
    let status = world.description(id).await.unwrap().summary.status;
    assert_eq!(status, Status::Succeeded);
}

fn running_most(world: &World) -> usize {
    world.script.running_most.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn a_map_of_ten_thousand_delays_another_principal_by_a_few_attempts() {
    let world = prepared(config(), 10_000).await;
    flood(&world, 10_000).await;
    assert!(overtaken(&world, "one").await <= ATTEMPTS);
    assert_eq!(running_most(&world), ATTEMPTS);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_executions_delay_another_principal_by_a_few_attempts() {
    let world = prepared(config(), 10_000).await;
    for number in 0..1_000 {
        let name = number.to_string();
        world.start("one", &name, json!({})).await.unwrap();
    }
    assert!(world.engine.load().attempts_waiting > 900);
    assert!(overtaken(&world, "one").await <= ATTEMPTS);
}

#[tokio::test(start_paused = true)]
async fn the_same_holds_where_the_role_is_what_is_scarce() {
    let world = prepared(Config::default(), ATTEMPTS).await;
    flood(&world, 1_000).await;
    assert!(overtaken(&world, "one").await <= ATTEMPTS);
    assert_eq!(running_most(&world), ATTEMPTS);
}

#[tokio::test(start_paused = true)]
async fn executions_of_one_principal_take_turns() {
    let world = prepared(config(), 10_000).await;
    flood(&world, 1_000).await;
    let before = world.script.runs.lock().unwrap().len();
    let single = world.start("one", "single", json!({})).await.unwrap();
    let id = single.into_inner().id;
    world.settle(&id).await;
    let after = world.script.runs.lock().unwrap().len();
    assert!(after - before <= 4 * ATTEMPTS, "{}", after - before);
}

#[tokio::test(start_paused = true)]
async fn attempts_of_a_full_role_do_not_hold_up_those_of_another() {
    let world = prepared(config(), 2).await;
    let flood = flood(&world, 100).await;
    assert_eq!(running_most(&world), 2);
    assert_eq!(overtaken(&world, "other").await, 0);
    succeeded(&world, &flood).await;
    assert_eq!(running_most(&world), 3);
}

#[tokio::test(start_paused = true)]
async fn a_state_machine_runs_as_many_attempts_as_it_may_and_no_more() {
    let mut config = config();
    config.machine_attempts = MachineLimits {
        each_max: Some(3),
        named_max: [(name("other"), 1)].into(),
    };
    let world = prepared(config, 10_000).await;
    let flood = flood(&world, 30).await;
    assert_eq!(running_most(&world), 3);
    // Another machine has room of its own, on the same role.
    assert_eq!(overtaken(&world, "one").await, 0);
    assert_eq!(running_most(&world), 4);
    let others = world.publish("other", &map("second"), "other").await;
    others.unwrap();
    succeeded(&world, &flood).await;
    let began = tokio::time::Instant::now();
    let named = world.start("other", "named", items(5)).await.unwrap();
    succeeded(&world, &named.into_inner().id).await;
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_changed_limit_holds_for_those_who_wait_already() {
    let world = prepared(config(), 1).await;
    let flood = flood(&world, 100).await;
    assert_eq!(running_most(&world), 1);
    for concurrency in [8, 2] {
        let grants = json!({"limits": {"concurrency": concurrency}});
        world.role("worker", grants).await;
        world.component("first", "", "worker").await;
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        world.script.running_most.store(0, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2_000)).await;
        assert_eq!(running_most(&world), concurrency);
    }
    succeeded(&world, &flood).await;
}

#[tokio::test(start_paused = true)]
async fn attempts_that_wait_when_the_host_drains_go_on_with_the_next_one() {
    let world = prepared(config(), 10_000).await;
    let flood = flood(&world, 100).await;
    let world = world.drained().await;
    succeeded(&world, &flood).await;
    let runs = world.script.runs.lock().unwrap();
    let keys: BTreeSet<_> = runs.iter().map(|(_, key)| key).collect();
    assert_eq!((runs.len(), keys.len()), (100, 100));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_execution_leaves_the_queue_at_once() {
    let world = prepared(config(), 10_000).await;
    let flood = flood(&world, 1_000).await;
    let load = world.engine.load();
    assert!(load.attempts_waiting > 100, "{load:?}");
    world.stop(&flood).await;
    world.settle(&flood).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(world.engine.load().attempts_waiting, 0);
}
