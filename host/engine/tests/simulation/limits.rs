//! What is refused when the host, or one principal's share of it, is full.

use std::time::Duration;

use auth::names::ServiceName;
use auth::policy::{GetActivityTask, Resource, WriteActivity};
use auth::principal::Caller;
use engine::{Config, Error, Full, Scarce, Tags, TaskError};
use serde_json::{Value, json};

use crate::world::{World, caller, name};

fn member(subject: &str) -> Caller {
    let mut caller = caller("operators");
    caller.principal.subject = subject.to_owned();
    caller
}

fn pausing() -> Value {
    json!({"StartAt": "Pause", "States": {"Pause": {"Type": "Wait", "Seconds": 600, "End": true}}})
}

/// Stays in memory, as the worker that it waits for never comes.
fn waiting() -> Value {
    json!({"StartAt": "Ask", "States": {"Ask": {
        "Type": "Task", "End": true, "TimeoutSeconds": 600,
        "Resource": "arn:aws:states:us-east-1:000000000000:activity:shipping",
    }}})
}

fn working() -> Value {
    json!({"StartAt": "Only", "States": {"Only": {
        "Type": "Task", "Resource": "component:first", "End": true,
    }}})
}

fn nesting() -> Value {
    json!({"StartAt": "Pause", "States": {"Pause": {
        "Type": "Wait", "Seconds": 10, "Next": "Nest",
    }, "Nest": {
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": true,
        "Parameters": {
            "StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:machine",
            "Input": {},
        },
    }}})
}

async fn prepared(config: Config, definition: &Value) -> World {
    let world = World::with(config).await;
    world.role("worker", json!({})).await;
    world.component("first", "", "worker").await;
    create_activity(&world).await;
    world
        .publish("machine", definition, "worker")
        .await
        .unwrap();
    world
}

async fn create_activity(world: &World) {
    let activity: ServiceName = name("shipping").into();
    let permit = world.permit::<WriteActivity>("operators", Resource::activity(&activity));
    let made = world
        .engine
        .create_activity(permit, activity, Tags::default(), Value::Null);
    made.await.unwrap();
}

/// Starts one more; why it was refused, if it was.
async fn refusal(world: &World, by: &str, name: &str) -> Option<Error> {
    let started = world
        .start_by(&member(by), "machine", name, json!({}))
        .await;
    started.err()
}

async fn refused_records(world: &World) -> Vec<Value> {
    let records = world.audit().await.into_iter();
    let refused = records.filter(|record| {
        let rule = record["decision"]["rule"].as_str().unwrap_or_default();
        rule.starts_with("limits.")
    });
    refused.collect()
}

#[tokio::test(start_paused = true)]
async fn one_principal_cannot_take_every_running_execution() {
    let config = Config {
        executions_running_max: 4,
        ..Config::default()
    };
    let world = prepared(config, &waiting()).await;
    for name in ["one", "two"] {
        assert!(refusal(&world, "p", name).await.is_none());
    }
    let Some(Error::TooMany { scarce, .. }) = refusal(&world, "p", "three").await else {
        panic!("a third of four was let in");
    };
    assert_eq!(scarce, Scarce::Executions);
    for name in ["three", "four"] {
        assert!(refusal(&world, "q", name).await.is_none());
    }
    let full = refusal(&world, "r", "five").await;
    assert!(matches!(
        full,
        Some(Error::Busy {
            scarce: Scarce::Executions,
            ..
        })
    ));
    assert_eq!(world.engine.load().executions_running, 4);
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(world.engine.load().executions_running, 0);
    assert!(refusal(&world, "p", "six").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_was_started_before_goes_on_and_counts() {
    let config = Config {
        executions_running_max: 2,
        principal_share_percent: 50,
        ..Config::default()
    };
    let world = prepared(config, &waiting()).await;
    assert!(refusal(&world, "p", "one").await.is_none());
    let world = world.drained().await;
    assert_eq!(world.engine.load().executions_running, 1);
    let again = refusal(&world, "p", "two").await;
    assert!(matches!(again, Some(Error::TooMany { .. })));
    assert!(refusal(&world, "q", "two").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_is_parked_gives_its_place_back() {
    let config = Config {
        executions_running_max: 1,
        ..Config::default()
    };
    let world = prepared(config, &pausing()).await;
    for name in ["one", "two", "three"] {
        assert!(refusal(&world, "p", name).await.is_none());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.engine.load().executions_running, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn starts_are_refused_while_too_many_attempts_wait() {
    let config = Config {
        attempts_running_max: 1,
        attempts_waiting_max: 4,
        ..Config::default()
    };
    let world = prepared(config, &working()).await;
    // One runs, two wait.
    for name in ["one", "two", "three"] {
        assert!(refusal(&world, "p", name).await.is_none());
    }
    let own = refusal(&world, "p", "four").await;
    assert!(matches!(
        own,
        Some(Error::TooMany {
            scarce: Scarce::Attempts,
            ..
        })
    ));
    for name in ["four", "five"] {
        assert!(refusal(&world, "q", name).await.is_none());
    }
    let full = refusal(&world, "r", "six").await;
    assert!(matches!(
        full,
        Some(Error::Busy {
            scarce: Scarce::Attempts,
            ..
        })
    ));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(refusal(&world, "r", "six").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_on_record_once_a_minute_with_its_number() {
    let config = Config {
        executions_running_max: 1,
        ..Config::default()
    };
    let world = prepared(config, &waiting()).await;
    assert!(refusal(&world, "p", "one").await.is_none());
    for name in 0..10 {
        assert!(refusal(&world, "q", &name.to_string()).await.is_some());
    }
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(refusal(&world, "q", "last").await.is_some());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let records = refused_records(&world).await;
    let told: Vec<_> = records
        .iter()
        .map(|record| &record["outcome"]["refused"])
        .collect();
    assert_eq!(told, [&json!(1), &json!(10)]);
    assert_eq!(
        records[0]["decision"]["rule"],
        "limits.executions_running_max"
    );
    assert_eq!(records[0]["action"], "StartExecution");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_an_execution_asks_for_waits_for_no_attempts_of_others() {
    let config = Config {
        attempts_running_max: 1,
        attempts_waiting_max: 1,
        ..Config::default()
    };
    let world = prepared(config, &working()).await;
    world.publish("nest", &nesting(), "worker").await.unwrap();
    let nest = world
        .start_by(&member("p"), "nest", "nest", json!({}))
        .await;
    let id = nest.unwrap().into_inner().id;
    tokio::time::sleep(Duration::from_millis(9_500)).await;
    for name in ["one", "two"] {
        assert!(refusal(&world, "q", name).await.is_none());
    }
    // The child is started while as many attempts wait as may.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(refusal(&world, "p", "three").await.is_some());
    world.settle(&id).await;
    let status = world.description(&id).await.unwrap().summary.status;
    assert_eq!(status, asl::Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn one_principal_cannot_take_every_place_of_waiting_workers() {
    let config = Config {
        workers_waiting_max: 2,
        ..Config::default()
    };
    let world = World::with(config).await;
    let activity: ServiceName = name("shipping").into();
    let resource = Resource::activity(&activity);
    create_activity(&world).await;
    let poll = |who: &str| {
        let policies = world.engine.policies();
        let permit = policies.permits::<GetActivityTask>(&member(who), &resource);
        let (engine, activity) = (world.engine.clone(), activity.clone());
        let permit = permit.unwrap();
        tokio::spawn(async move { engine.activity_task(permit, activity, None).await })
    };
    let held = poll("p");
    tokio::task::yield_now().await;
    let own = poll("p").await.unwrap();
    assert!(matches!(own, Err(TaskError::TooManyWorkers(Full::Share))));
    let other = poll("q");
    tokio::task::yield_now().await;
    let full = poll("r").await.unwrap();
    assert!(matches!(full, Err(TaskError::TooManyWorkers(Full::Host))));
    assert!(held.await.unwrap().unwrap().is_none());
    assert!(other.await.unwrap().unwrap().is_none());
    assert!(poll("p").await.unwrap().unwrap().is_none());
}
