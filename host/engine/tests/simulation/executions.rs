//! What an execution comes to when hosts crash, drain or lose rights under it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use asl::{ExecutionId, Status};
use auth::policy::{Resource, StopExecution};
use engine::{Created, Error, Health};
use serde_json::{Value, json};
use store::Fault;

use crate::world::{World, name};

const IDEMPOTENT: &str = "idempotent = true";

fn chain() -> Value {
    json!({"StartAt": "First", "States": {
        "First": {"Type": "Task", "Resource": "component:first", "ResultPath": "$.first", "Next": "Pause"},
        "Pause": {"Type": "Wait", "Seconds": 30, "Next": "Both"},
        "Both": {"Type": "Parallel", "Next": "Done", "Branches": [
            {"StartAt": "Left", "States": {"Left": {"Type": "Task", "Resource": "component:first", "End": true}}},
            {"StartAt": "Right", "States": {"Right": {"Type": "Task", "Resource": "component:second", "End": true}}},
        ]},
        "Done": {"Type": "Succeed"},
    }})
}

fn retried(component: &str) -> Value {
    json!({"StartAt": "Only", "States": {"Only": {
        "Type": "Task", "Resource": format!("component:{component}"), "End": true,
        "Retry": [{"ErrorEquals": ["Sluice.Interrupted"], "IntervalSeconds": 1, "MaxAttempts": 2}],
    }}})
}

async fn prepared(manifest: &str) -> World {
    let world = World::new().await;
    world.role("worker", json!({})).await;
    world.component("first", manifest, "worker").await;
    world
        .component("second", &format!("{manifest}\n"), "worker")
        .await;
    world
}

async fn started(world: &World) -> ExecutionId {
    world
        .start("machine", "one", json!({"order": 7}))
        .await
        .unwrap()
        .into_inner()
        .id
}

#[tokio::test(start_paused = true)]
async fn an_execution_runs_to_its_end_and_the_audit_log_tells_of_each_step() {
    let world = prepared(IDEMPOTENT).await;
    world.publish("machine", &chain(), "worker").await.unwrap();
    let id = started(&world).await;
    world.settle(&id).await;
    let description = world.description(&id).await.unwrap();
    assert_eq!(description.summary.status, Status::Succeeded);
    assert_eq!(
        description.output.as_deref(),
        Some(&json!([{"by": "first"}, {"by": "second"}]))
    );
    let records = world.audit().await;
    let of = |action: &str| {
        records
            .iter()
            .filter(|record| record["action"] == action)
            .count()
    };
    assert_eq!(
        (
            of("StartExecution"),
            of("StartAttempt"),
            of("TaskSucceeded")
        ),
        (1, 3, 3)
    );
    let last = world.history(&id).await.pop();
    assert_eq!(last.as_deref(), Some("ExecutionSucceeded"));
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_commit_changes_neither_result_nor_history() {
    let world = prepared(IDEMPOTENT).await;
    world.publish("machine", &chain(), "worker").await.unwrap();
    let id = started(&world).await;
    world.settle(&id).await;
    let expected = world.history(&id).await;
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        for commit in 1..=6 {
            let world = prepared(IDEMPOTENT).await;
            world.publish("machine", &chain(), "worker").await.unwrap();
            world.store.fault_at(world.store.commits() + commit, fault);
            let is_started = world.start("machine", "one", json!({"order": 7})).await;
            if let Ok(started) = &is_started {
                let id = started.clone().into_inner().id;
                world.settle(&id).await;
            }
            let world = world.next_host().await;
            let arn = "arn:aws:states:us-east-1:000000000000:execution:machine:one";
            let known = world.engine.find(arn).await.unwrap();
            let id = match (is_started, known) {
                (Ok(acknowledged), known) => {
                    let acknowledged = acknowledged.into_inner().id;
                    let known = known.unwrap().start.header.id;
                    assert_eq!(
                        acknowledged, known,
                        "an acknowledged start was lost, {fault:?} at {commit}"
                    );
                    known
                }
                (Err(_), Some(known)) => known.start.header.id,
                (Err(_), None) => started(&world).await,
            };
            world.settle(&id).await;
            let description = world.description(&id).await.unwrap();
            assert_eq!(
                description.summary.status,
                Status::Succeeded,
                "{fault:?} at {commit}"
            );
            assert_eq!(world.history(&id).await, expected, "{fault:?} at {commit}");
            world.audit().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rerun_has_the_same_idempotency_key_and_a_retry_has_another() {
    let world = prepared(IDEMPOTENT).await;
    world
        .publish("machine", &retried("first"), "worker")
        .await
        .unwrap();
    let id = started(&world).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let world = world.next_host().await;
    world.settle(&id).await;
    let runs = world.script.runs.lock().unwrap().clone();
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_attempt_fails_and_the_definition_decides() {
    let world = prepared("").await;
    world
        .publish("machine", &retried("first"), "worker")
        .await
        .unwrap();
    let id = started(&world).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let world = world.next_host().await;
    world.settle(&id).await;
    assert_eq!(
        world.description(&id).await.unwrap().summary.status,
        Status::Succeeded
    );
    let history = world.history(&id).await;
    assert!(history.contains(&"TaskFailed".to_owned()), "{history:?}");
    let runs = world.script.runs.lock().unwrap().clone();
    assert_eq!(runs.len(), 2);
    assert_ne!(runs[0].1, runs[1].1);
}

#[tokio::test(start_paused = true)]
async fn a_parked_execution_feels_a_narrowed_role() {
    let world = World::new().await;
    world
        .role("worker", json!({"config": {"region": "eu"}}))
        .await;
    world
        .component("first", "[config]\nregion = \"where\"", "worker")
        .await;
    let definition = json!({"StartAt": "Pause", "States": {
        "Pause": {"Type": "Wait", "Seconds": 60, "Next": "Work"},
        "Work": {"Type": "Task", "Resource": "component:first", "End": true},
    }});
    world
        .publish("machine", &definition, "worker")
        .await
        .unwrap();
    let id = started(&world).await;
    world.role("worker", json!({})).await;
    world.settle(&id).await;
    let description = world.description(&id).await.unwrap();
    assert_eq!(description.summary.status, Status::Failed);
    assert_eq!(
        description.summary.error.as_deref(),
        Some("Sluice.AccessDenied")
    );
    assert!(world.script.runs.lock().unwrap().is_empty());
    let records = world.audit().await;
    let denied = records
        .iter()
        .find(|record| record["decision"]["effect"] == "denied")
        .unwrap();
    assert_eq!(denied["state"], "Work");
}

#[tokio::test(start_paused = true)]
async fn publishing_lists_every_missing_review_and_grant() {
    let world = World::new().await;
    world.role("worker", json!({})).await;
    world
        .role("other", json!({"config": {"region": "eu"}}))
        .await;
    world
        .component("first", "[config]\nregion = \"where\"", "other")
        .await;
    let definition = json!({"StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": "component:first", "Next": "B"},
        "B": {"Type": "Task", "Resource": "component:absent", "End": true},
    }});
    let Err(Error::Refused(problems)) = world.publish("machine", &definition, "worker").await
    else {
        panic!("it was published")
    };
    let pointers: Vec<_> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(
        pointers,
        [
            "/States/A/Resource",
            "/States/A/Resource",
            "/States/B/Resource"
        ],
        "{problems:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn attempts_of_a_role_never_exceed_its_concurrency() {
    let world = World::new().await;
    world
        .role("worker", json!({"limits": {"concurrency": 2}}))
        .await;
    world
        .component("first", "[limits]\nconcurrency = 2", "worker")
        .await;
    let definition = json!({"StartAt": "All", "States": {"All": {
        "Type": "Map", "End": true, "ItemsPath": "$.items",
        "ItemProcessor": {"StartAt": "Work", "States": {
            "Work": {"Type": "Task", "Resource": "component:first", "End": true},
        }},
    }}});
    world
        .publish("machine", &definition, "worker")
        .await
        .unwrap();
    let items: Vec<_> = (0..20).collect();
    let started = world
        .start("machine", "one", json!({"items": items}))
        .await
        .unwrap();
    let id = started.into_inner().id;
    world.settle(&id).await;
    assert_eq!(
        world.description(&id).await.unwrap().summary.status,
        Status::Succeeded
    );
    assert_eq!(world.script.runs.lock().unwrap().len(), 20);
    assert_eq!(world.script.running_most.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_start_again_is_the_same_execution_and_another_is_a_conflict() {
    let world = prepared(IDEMPOTENT).await;
    world.publish("machine", &chain(), "worker").await.unwrap();
    let first = world
        .start("machine", "one", json!({"order": 7}))
        .await
        .unwrap();
    let again = world
        .start("machine", "one", json!({"order": 7}))
        .await
        .unwrap();
    assert_eq!(Created::Same(first.into_inner()), again);
    let other = world.start("machine", "one", json!({"order": 8})).await;
    assert!(matches!(other, Err(Error::Conflict(_))), "{other:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_durable_and_cancels_what_runs() {
    let world = prepared(IDEMPOTENT).await;
    world.publish("machine", &chain(), "worker").await.unwrap();
    let id = started(&world).await;
    let resource = Resource::execution(&name("machine"), id.as_str());
    let permit = world.permit::<StopExecution>("operators", resource.clone());
    let stopped_at = world
        .engine
        .stop(permit, &id, Some("Enough".to_owned()), None)
        .await
        .unwrap();
    let world = world.next_host().await;
    let description = world.description(&id).await.unwrap();
    assert_eq!(description.summary.status, Status::Aborted);
    assert_eq!(description.summary.error.as_deref(), Some("Enough"));
    let permit = world.permit::<StopExecution>("operators", resource);
    let again = world.engine.stop(permit, &id, None, None).await.unwrap();
    assert_eq!(again, stopped_at);
}

#[tokio::test(start_paused = true)]
async fn a_failed_store_acknowledges_nothing_more() {
    let world = prepared(IDEMPOTENT).await;
    world.publish("machine", &chain(), "worker").await.unwrap();
    world.store.fault_at(world.store.commits() + 1, Fault::Fail);
    assert!(world.start("machine", "one", json!({})).await.is_err());
    assert_eq!(world.engine.health(), Health::Failed);
    assert!(world.start("machine", "two", json!({})).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_draining_host_lets_attempts_end_and_the_next_one_goes_on() {
    let world = prepared("").await;
    world.publish("machine", &chain(), "worker").await.unwrap();
    let id = started(&world).await;
    let world = world.drained().await;
    let history = world.history(&id).await;
    assert!(history.contains(&"TaskSucceeded".to_owned()), "{history:?}");
    world.settle(&id).await;
    assert_eq!(
        world.description(&id).await.unwrap().summary.status,
        Status::Succeeded
    );
    assert_eq!(world.script.runs.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_loop_of_refused_attempts_is_cut_into_bounded_commits() {
    let world = World::new().await;
    world
        .role("worker", json!({"config": {"region": "eu"}}))
        .await;
    world
        .component("first", "[config]\nregion = \"where\"", "worker")
        .await;
    let definition = json!({"StartAt": "Pause", "TimeoutSeconds": 120, "States": {
        "Pause": {"Type": "Wait", "Seconds": 60, "Next": "Work"},
        "Work": {
            "Type": "Task", "Resource": "component:first", "Next": "Done",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Count"}],
        },
        "Count": {"Type": "Pass", "Next": "Work"},
        "Done": {"Type": "Succeed"},
    }});
    world
        .publish("machine", &definition, "worker")
        .await
        .unwrap();
    let id = started(&world).await;
    world.role("worker", json!({})).await;
    tokio::time::advance(Duration::from_secs(61)).await;
    let resource = Resource::execution(&name("machine"), id.as_str());
    let permit = world.permit::<StopExecution>("operators", resource);
    world.engine.stop(permit, &id, None, None).await.unwrap();
    assert_eq!(
        world.description(&id).await.unwrap().summary.status,
        Status::Aborted
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_caller_goes_away_is_made_all_the_same() {
    let world = World::new().await;
    let gone = world.role("worker", json!({"config": {"region": "eu"}}));
    assert!(tokio::time::timeout(Duration::ZERO, gone).await.is_err());
    tokio::time::sleep(Duration::from_millis(1)).await;
    let permit = world.permit("operators", Resource::role(&name("worker")));
    let role = world.engine.role(permit, &name("worker")).unwrap();
    assert_eq!(role.facts.revision(), 1);
    world.role("worker", json!({})).await;
}

#[tokio::test(start_paused = true)]
async fn a_follower_of_a_waiting_execution_sleeps() {
    let world = prepared(IDEMPOTENT).await;
    world.publish("machine", &chain(), "worker").await.unwrap();
    let id = started(&world).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let mut follower = world.engine.follow(&id).await.unwrap().unwrap();
    let woken = tokio::time::timeout(Duration::from_secs(5), follower.changed()).await;
    assert!(woken.is_err(), "nothing happened, and it was woken");
}

#[tokio::test(start_paused = true)]
async fn a_roles_concurrency_counts_all_its_components() {
    let world = World::new().await;
    world
        .role("worker", json!({"limits": {"concurrency": 3}}))
        .await;
    world
        .component("first", "[limits]\nconcurrency = 2", "worker")
        .await;
    world.component("second", "", "worker").await;
    let work = |component: &str| {
        json!({"StartAt": component, "States": {component: {
            "Type": "Task", "Resource": format!("component:{component}"), "End": true,
        }}})
    };
    let mut definition = json!({"StartAt": "All", "States": {"All": {
        "Type": "Map", "End": true, "ItemsPath": "$.items",
        "ItemProcessor": {"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true}}},
    }}});
    definition["States"]["All"]["ItemProcessor"]["States"]["Both"]["Branches"] =
        json!([work("first"), work("second")]);
    world
        .publish("machine", &definition, "worker")
        .await
        .unwrap();
    let input = json!({"items": [1, 2, 3, 4, 5, 6, 7, 8]});
    let started = world.start("machine", "one", input).await.unwrap();
    let id = started.into_inner().id;
    world.settle(&id).await;
    let description = world.description(&id).await.unwrap();
    assert_eq!(description.summary.status, Status::Succeeded);
    assert_eq!(world.script.runs.lock().unwrap().len(), 16);
    assert_eq!(world.script.running_most.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn what_a_cancelled_attempt_did_is_on_record() {
    let world = prepared(IDEMPOTENT).await;
    world.publish("machine", &chain(), "worker").await.unwrap();
    let id = started(&world).await;
    let resource = Resource::execution(&name("machine"), id.as_str());
    let permit = world.permit::<StopExecution>("operators", resource);
    world.engine.stop(permit, &id, None, None).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let records = world.audit().await;
    let cancelled = records
        .iter()
        .find(|record| record["action"] == "AttemptCancelled")
        .unwrap();
    assert_eq!(cancelled["state"], "First");
}

fn under(credentials: &Value, resource: &str) -> Value {
    json!({"StartAt": "Only", "States": {"Only": {
        "Type": "Task", "Resource": resource, "Credentials": credentials, "End": true,
    }}})
}

#[tokio::test(start_paused = true)]
async fn a_role_of_another_account_is_not_taken_from_data() {
    let from_data = json!({"RoleArn.$": "$.role"});
    let foreign = "arn:aws:iam::999999999999:role/worker";
    for (credentials, role, is_denied) in [
        (&from_data, "arn:aws:iam::000000000000:role/worker", false),
        (&from_data, "arn:aws:iam:::role/worker", false),
        (&from_data, foreign, true),
        // Whoever published it read it.
        (&json!({"RoleArn": foreign}), "", false),
    ] {
        let world = World::new().await;
        world.role("worker", json!({})).await;
        world
            .component("first", "idempotent = true", "worker")
            .await;
        let definition = under(credentials, "component:first");
        world
            .publish("machine", &definition, "worker")
            .await
            .unwrap();
        let started = world.start("machine", "one", json!({"role": role})).await;
        let id = started.unwrap().into_inner().id;
        world.settle(&id).await;
        let summary = world.description(&id).await.unwrap().summary;
        let error = is_denied.then_some("Sluice.AccessDenied");
        assert_eq!(
            summary.error.as_deref(),
            error,
            "{role}: {:?}",
            summary.cause
        );
        let cause = summary.cause.unwrap_or_default();
        assert_eq!(
            cause.contains("authority.role-account"),
            is_denied,
            "{cause}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_of_a_task_that_runs_no_component_are_refused_at_publish() {
    let world = World::new().await;
    world.role("worker", json!({})).await;
    for resource in [
        "arn:aws:states:us-east-1:000000000000:activity:a",
        "arn:aws:states:::states:startExecution.sync",
    ] {
        let mut definition = under(&json!({"RoleArn": "worker"}), resource);
        definition["States"]["Only"]["Parameters"] =
            json!({"StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:m"});
        let refused = world.publish("machine", &definition, "worker").await;
        assert!(
            matches!(&refused, Err(Error::Refused(problems)) if problems[0].pointer == "/States/Only/Credentials"),
            "{refused:?}"
        );
        let members = definition["States"]["Only"].as_object_mut().unwrap();
        members.remove("Credentials");
        world
            .publish("machine", &definition, "worker")
            .await
            .unwrap();
    }
}
