//! What is kept for how long, and that a crash at any step of letting go changes nothing of it.

use std::time::Duration;

use asl::Status;
use auth::policy::{ReadAudit, Resource};
use engine::{Config, RetentionRules};
use ports::{AuditPage, Retention};
use serde_json::{Value, json};
use store::Fault;

use crate::world::World;

const DAY: Duration = Duration::from_secs(86_400);

fn pass() -> Value {
    json!({"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": true}}})
}

fn keeping(retention: RetentionRules) -> Config {
    Config {
        retention,
        ..Config::default()
    }
}

async fn prepared(rules: RetentionRules) -> World {
    let world = World::with(keeping(rules)).await;
    world.role("worker", json!({})).await;
    world.publish("machine", &pass(), "worker").await.unwrap();
    world
}

async fn ended(world: &World, name: &str) {
    let started = world.start("machine", name, json!({"name": name})).await;
    let id = started.unwrap().into_inner().id;
    world.settle(&id).await;
    let description = world.description(&id).await.unwrap();
    assert_eq!(description.summary.status, Status::Succeeded);
}

async fn is_known(world: &World, name: &str) -> bool {
    let arn = format!("arn:aws:states:us-east-1:000000000000:execution:machine:{name}");
    world.engine.find(&arn).await.unwrap().is_some()
}

/// The ARNs that the audit log says expired under a rule.
async fn expired(world: &World, rule: &str) -> Vec<String> {
    let records = world.audit().await;
    let told = records.iter().filter(|record| {
        record["action"] == "ExpireExecutions" && record["request"]["rule"] == rule
    });
    let executions = told.flat_map(|record| record["outcome"]["executions"].as_array().unwrap());
    let name = |told: &Value| {
        told["arn"]
            .as_str()
            .unwrap()
            .rsplit_once(':')
            .unwrap()
            .1
            .to_owned()
    };
    executions.map(name).collect()
}

#[tokio::test(start_paused = true)]
async fn executions_expire_days_after_they_ended_and_their_names_are_free() {
    let world = prepared(RetentionRules {
        executions_days: Some(7),
        ..RetentionRules::default()
    })
    .await;
    ended(&world, "first").await;
    tokio::time::sleep(3 * DAY).await;
    ended(&world, "second").await;
    tokio::time::sleep(3 * DAY).await;
    assert!(is_known(&world, "first").await);
    tokio::time::sleep(DAY + DAY / 2).await;
    assert!(!is_known(&world, "first").await);
    assert!(is_known(&world, "second").await);
    assert_eq!(expired(&world, "executions_days").await, ["first"]);
    ended(&world, "first").await;
    assert!(is_known(&world, "first").await);
}

#[tokio::test(start_paused = true)]
async fn of_the_executions_that_ended_the_last_are_kept() {
    let world = prepared(RetentionRules {
        executions_max: Some(2),
        ..RetentionRules::default()
    })
    .await;
    let names = ["a", "b", "c", "d"];
    for name in names {
        ended(&world, name).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for (name, is_kept) in names.into_iter().zip([false, false, true, true]) {
        assert_eq!(is_known(&world, name).await, is_kept, "{name}");
    }
    assert_eq!(expired(&world, "executions_max").await, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_rule_everything_is_kept() {
    let world = prepared(RetentionRules::default()).await;
    ended(&world, "first").await;
    tokio::time::sleep(10_000 * DAY).await;
    assert!(is_known(&world, "first").await);
    assert!(expired(&world, "executions_days").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_child_is_kept_while_its_parent_runs() {
    let world = World::with(keeping(RetentionRules {
        executions_days: Some(1),
        ..RetentionRules::default()
    }))
    .await;
    world.role("worker", json!({})).await;
    let definition = json!({"StartAt": "Each", "States": {
        "Each": {"Type": "Map", "Label": "Each", "Next": "Wait", "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Work", "States": {"Work": {"Type": "Pass", "End": true}},
        }},
        "Wait": {"Type": "Wait", "Seconds": 864_000, "End": true},
    }});
    world
        .publish("machine", &definition, "worker")
        .await
        .unwrap();
    let started = world.start("machine", "parent", json!([1, 2])).await;
    let id = started.unwrap().into_inner().id;
    tokio::time::sleep(5 * DAY).await;
    let count = async || world.store.ended(None, 10).await.unwrap().count;
    assert_eq!(count().await, 2);
    tokio::time::sleep(8 * DAY).await;
    assert_eq!(count().await, 0);
    assert!(world.description(&id).await.is_none());
    assert_eq!(expired(&world, "executions_days").await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_audit_log_is_pruned_and_verifies_from_its_anchor() {
    let world = prepared(RetentionRules {
        audit_days: Some(3),
        ..RetentionRules::default()
    })
    .await;
    for name in ["a", "b", "c"] {
        ended(&world, name).await;
        tokio::time::sleep(2 * DAY).await;
    }
    let permit = world.permit::<ReadAudit>("auditors", Resource::host());
    let AuditPage {
        links,
        anchor,
        head,
    } = world.engine.audit(permit, 0, 100_000).await.unwrap();
    assert!(anchor.length > 0);
    assert_eq!(links[0].sequence, anchor.length + 1);
    let mut verifier = audit::Verifier::behind(anchor);
    links.iter().for_each(|link| verifier.push(link).unwrap());
    verifier.finish(head).unwrap();
    assert!(is_known(&world, "a").await);
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_commit_of_retention_leaves_all_or_nothing_of_each() {
    let rules = RetentionRules {
        executions_days: Some(2),
        executions_max: Some(3),
        audit_days: Some(1),
    };
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        for commit in 1..=4 {
            let world = prepared(rules).await;
            let large = json!("x".repeat(20_000));
            for name in ["a", "b", "c"] {
                world.start("machine", name, large.clone()).await.unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            world.store.fault_at(world.store.commits() + commit, fault);
            tokio::time::sleep(5 * DAY).await;
            let world = world.next_host().await;
            tokio::time::sleep(DAY).await;
            for name in ["a", "b", "c"] {
                assert!(
                    !is_known(&world, name).await,
                    "{name}, {fault:?} at {commit}"
                );
            }
            assert_eq!(world.store.ended(None, 10).await.unwrap().count, 0);
            assert!(world.store.leftovers(10).await.unwrap().is_empty());
            ended(&world, "a").await;
        }
    }
}
