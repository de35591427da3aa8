//! What binds executions to the ones that started them, and what may not be bound.

use std::time::Duration;

use asl::Status;
use auth::policy::Resource;
use engine::{MachineType, StartRequest};
use ports::Description;
use serde_json::{Value, json};
use store::Fault;

use crate::nested::{children, ended, failing, pausing, prepared, start, started, stop};
use crate::world::{World, name};

fn passing() -> Value {
    json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}})
}

/// Starts the other state machine after ten seconds.
fn later(pattern: &str) -> Value {
    let mut machine = start(pattern);
    machine["StartAt"] = json!("Later");
    machine["States"]["Later"] = json!({"Type": "Wait", "Seconds": 10, "Next": "Only"});
    machine
}

/// The same, under a name of its own.
fn named(mut machine: Value) -> Value {
    machine["States"]["Only"]["Parameters"]["Name"] = json!("fixed");
    machine
}

async fn with_express_child(parent: &Value, child: &Value) -> World {
    let world = World::new().await;
    world.role("worker", json!({})).await;
    world.publish("machine", parent, "worker").await.unwrap();
    world
        .create("child", child, "worker", MachineType::Express)
        .await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_bound_execution_ends_with_its_task_whenever_that_is_stopped() {
    let mut seen = 0;
    for moment in 0..80 {
        let world = prepared(&start(".sync"), &pausing()).await;
        let id = started(&world).await;
        for _ in 0..moment {
            tokio::task::yield_now().await;
        }
        stop(&world, &id).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        for child in children(&world).await {
            seen += 1;
            assert_eq!(child.summary.status, Status::Aborted, "stopped at {moment}");
        }
    }
    assert!(seen > 10, "{seen}");
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_execution_is_not_bound() {
    for (pattern, expected) in [
        (
            ".sync",
            Some("StepFunctions.ExecutionAlreadyExistsException"),
        ),
        ("", None),
    ] {
        let world = prepared(&named(start(pattern)), &pausing()).await;
        let other = world.start("child", "fixed", json!({"order": 7})).await;
        let other = other.unwrap().into_inner().id;
        let id = started(&world).await;
        let summary = ended(&world, &id).await.summary;
        assert_eq!(summary.error.as_deref(), expected, "{pattern}");
        let other = world.description(&other).await.unwrap();
        assert_eq!(other.summary.status, Status::Running);
        assert_eq!(children(&world).await.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_may_not_read_executions_cannot_wait_for_one() {
    let policy = r#"
        @id("all") permit (principal, action, resource);
        @id("unread") forbid (principal, action == Action::"ReadExecution", resource == StateMachine::"child");
    "#;
    for (pattern, expected) in [(".sync", Some("Sluice.AccessDenied")), ("", None)] {
        let world = prepared(&start(pattern), &failing()).await;
        let world = world.under(policy).await;
        let id = started(&world).await;
        world.settle(&id).await;
        let summary = world.description(&id).await.unwrap().summary;
        assert_eq!(summary.error.as_deref(), expected, "{pattern}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_start_is_on_record_as_the_executions_own() {
    let world = prepared(&start(".sync"), &failing()).await;
    let policy = r#"
        @id("all") permit (principal, action, resource);
        @id("not-this-one") forbid (principal, action == Action::"StartExecution", resource == StateMachine::"child");
    "#;
    let world = world.under(policy).await;
    let id = started(&world).await;
    world.settle(&id).await;
    let records = world.audit().await;
    let denied: Vec<_> = records
        .iter()
        .filter(|record| record["decision"]["rule"] == "not-this-one")
        .collect();
    let [denied] = denied.as_slice() else {
        panic!("{denied:?}");
    };
    assert_eq!(denied["through"], "engine");
    assert_eq!(denied["execution"], json!(id));
    assert_eq!(
        (&denied["state"], &denied["attempt"]),
        (&json!("Only"), &json!(1))
    );
}

#[tokio::test(start_paused = true)]
async fn an_express_execution_is_not_waited_for() {
    let world = with_express_child(&start(".sync"), &passing()).await;
    let id = started(&world).await;
    let summary = ended(&world, &id).await.summary;
    assert_eq!(
        summary.error.as_deref(),
        Some("StepFunctions.StateMachineTypeNotSupportedException")
    );
    assert!(children(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_commit_starts_an_express_execution_once() {
    for parent in [start(""), named(start(""))] {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            for commit in 2..=4 {
                let world = with_express_child(&parent, &passing()).await;
                world.store.fault_at(world.store.commits() + commit, fault);
                let id = started(&world).await;
                tokio::time::sleep(Duration::from_secs(5)).await;
                let world = world.next_host().await;
                let summary = ended(&world, &id).await.summary;
                let place = format!("{fault:?} at {commit}");
                assert_eq!(summary.status, Status::Succeeded, "{place}");
                assert_eq!(children(&world).await.len(), 1, "{place}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_a_moment_is_asked_again() {
    for (failures, expected) in [(5, None), (1_000, Some("Sluice.Interrupted"))] {
        let world = prepared(&start(".sync"), &pausing()).await;
        world.script.unreadable.fail_next(failures);
        let id = started(&world).await;
        let summary = ended(&world, &id).await.summary;
        assert_eq!(summary.error.as_deref(), expected, "{failures} failures");
    }
}

#[tokio::test(start_paused = true)]
async fn executions_start_one_another_only_so_deep() {
    let mut machine = start(".sync");
    machine["States"]["Only"]["Parameters"] = json!({
        "StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:child",
    });
    let world = prepared(&machine, &machine).await;
    let id = started(&world).await;
    let summary = ended(&world, &id).await.summary;
    assert_eq!(summary.status, Status::Failed);
    let children = children(&world).await;
    assert_eq!(children.len(), 32);
    let depth = |child: &Description| child.start.selection.parent.as_ref().unwrap().depth;
    let deepest = children.iter().max_by_key(|child| depth(child)).unwrap();
    let deepest = &deepest.summary;
    assert_eq!(deepest.error.as_deref(), Some("Sluice.LimitExceeded"));
    assert!(deepest.cause.as_deref().unwrap().contains("32 levels"));
}

const NOT_THE_PARENT: &str = r#"
    @id("all") permit (principal, action, resource);
    @id("narrowed") forbid (principal, action == Action::"StartExecution", resource == StateMachine::"machine");
"#;

#[tokio::test(start_paused = true)]
async fn whoever_may_no_longer_start_an_execution_has_nothing_started_by_it() {
    let world = prepared(&later(""), &failing()).await;
    let id = started(&world).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let world = world.under(NOT_THE_PARENT).await;
    world.settle(&id).await;
    let summary = world.description(&id).await.unwrap().summary;
    assert_eq!(summary.error.as_deref(), Some("Sluice.AccessDenied"));
    assert!(summary.cause.unwrap().contains("narrowed"));
    assert!(children(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_rules_that_allow_a_nested_start_are_on_record() {
    let world = prepared(&start(""), &failing()).await;
    let id = started(&world).await;
    world.settle(&id).await;
    let records = world.audit().await;
    let attempt = records
        .iter()
        .find(|record| record["action"] == "StartAttempt")
        .unwrap();
    assert_eq!(attempt["execution"], json!(id));
    assert!(!attempt["decision"]["rules"].as_array().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_narrowed_caller_had_started_ends() {
    let world = prepared(&start(".sync"), &pausing()).await;
    // The start of the other execution is durable, that the Task waits for it is not.
    let at = world.store.commits() + 3;
    world.store.fault_at(at, Fault::CrashBefore);
    let id = started(&world).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let world = world.under(NOT_THE_PARENT).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let summary = world.description(&id).await.unwrap().summary;
    assert_eq!(summary.error.as_deref(), Some("Sluice.AccessDenied"));
    let child = children(&world).await.pop().unwrap();
    assert_eq!(child.summary.status, Status::Aborted);
}

#[tokio::test(start_paused = true)]
async fn a_map_run_survives_a_store_that_fails_for_a_moment() {
    let definition = json!({"StartAt": "Each", "States": {"Each": {
        "Type": "Map", "Label": "Each", "End": true,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}},
        },
    }}});
    for (failures, expected) in [
        (5, None),
        (1_000, Some("States.ExceedToleratedFailureThreshold")),
    ] {
        let world = prepared(&definition, &failing()).await;
        world.script.unreadable.fail_next(failures);
        let machine = name("machine");
        let permit = world.permit("operators", Resource::state_machine(&machine));
        let request = StartRequest::new(machine, json!([1, 2]));
        let started = world.engine.start(permit, request).await.unwrap();
        let summary = ended(&world, &started.into_inner().id).await.summary;
        assert_eq!(summary.error.as_deref(), expected, "{failures} failures");
    }
}
