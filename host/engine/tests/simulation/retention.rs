//! What is kept for how long, and that a crash at any step of letting go changes nothing of it.

use std::time::Duration;

use asl::Status;
use auth::policy::{ReadAudit, Resource};
use engine::{Config, MachineNames, MachineRule, RetentionRules, VersionRequest};
use ports::{AuditPage, Catalogue, EndedOrder, Kind, Retention};
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
    ended_of(world, "machine", name).await;
}

async fn ended_of(world: &World, machine: &str, name: &str) {
    let started = world.start(machine, name, json!({"name": name})).await;
    let id = started.unwrap().into_inner().id;
    world.settle(&id).await;
    let description = world.description(&id).await.unwrap();
    assert_eq!(description.summary.status, Status::Succeeded);
}

async fn is_known(world: &World, name: &str) -> bool {
    is_known_of(world, "machine", name).await
}

async fn is_known_of(world: &World, machine: &str, name: &str) -> bool {
    let arn = format!("arn:aws:states:us-east-1:000000000000:execution:{machine}:{name}");
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
    let count = async || {
        world
            .store
            .ended(EndedOrder::OldestFirst, None, 10)
            .await
            .unwrap()
            .count
    };
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
        state_machines: Vec::new(),
    };
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        for commit in 1..=4 {
            let world = prepared(rules.clone()).await;
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
            assert_eq!(
                world
                    .store
                    .ended(EndedOrder::OldestFirst, None, 10)
                    .await
                    .unwrap()
                    .count,
                0
            );
            assert!(world.store.leftovers(10).await.unwrap().is_empty());
            ended(&world, "a").await;
        }
    }
}

fn rule(names: &str, executions_days: Option<u32>, executions_max: Option<u64>) -> MachineRule {
    MachineRule {
        names: MachineNames::parse(names).unwrap(),
        executions_days,
        executions_max,
    }
}

/// A map run with so many children, whose execution then waits for so many seconds.
fn mapping(children: u64, seconds: u64) -> Value {
    json!({"StartAt": "Each", "States": {
        "Each": {"Type": "Map", "Label": "Each", "Next": "Wait",
            "Items": (0..children).collect::<Vec<_>>(),
            "QueryLanguage": "JSONata",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Work", "States": {"Work": {"Type": "Pass", "End": true}},
            }},
        "Wait": {"Type": "Wait", "Seconds": seconds, "End": true},
    }})
}

async fn count(world: &World) -> u64 {
    let ended = world.store.ended(EndedOrder::OldestFirst, None, 1);
    ended.await.unwrap().count
}

#[tokio::test(start_paused = true)]
async fn children_that_are_held_take_the_place_of_no_fresh_execution() {
    let world = prepared(RetentionRules {
        executions_max: Some(10),
        ..RetentionRules::default()
    })
    .await;
    world
        .publish("mapping", &mapping(60, 10 * 86_400), "worker")
        .await
        .unwrap();
    let parent = world.start("mapping", "parent", json!({})).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(count(&world).await, 60);
    let names: Vec<_> = (0..15).map(|number| format!("e-{number:02}")).collect();
    for name in names.iter().take(5) {
        ended(&world, name).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(DAY / 24).await;
    let commits = world.store.commits();
    tokio::time::sleep(DAY / 24).await;
    assert_eq!(world.store.commits(), commits);
    for name in names.iter().take(5) {
        assert!(is_known(&world, name).await, "{name}");
    }
    for name in names.iter().skip(5) {
        ended(&world, name).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(DAY / 24).await;
    for name in &names {
        let is_kept = name.as_str() >= "e-05";
        assert_eq!(is_known(&world, name).await, is_kept, "{name}");
    }
    assert_eq!(count(&world).await, 70);
    world.settle(&parent.into_inner().id).await;
    tokio::time::sleep(DAY / 24).await;
    assert_eq!(count(&world).await, 10);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_was_held_goes_soon_after_its_parent_ended() {
    let world = prepared(RetentionRules {
        executions_days: Some(3),
        ..RetentionRules::default()
    })
    .await;
    world
        .publish("mapping", &mapping(40, 7 * 86_400), "worker")
        .await
        .unwrap();
    let parent = world.start("mapping", "parent", json!({})).await.unwrap();
    tokio::time::sleep(5 * DAY).await;
    assert_eq!(count(&world).await, 40);
    world.settle(&parent.into_inner().id).await;
    tokio::time::sleep(DAY / 24).await;
    assert_eq!(count(&world).await, 1);
}

/// A host whose executions are kept for seven days, but those of some state machines.
async fn prepared_by_machine(rules: Vec<MachineRule>) -> World {
    let world = World::with(keeping(RetentionRules {
        executions_days: Some(7),
        state_machines: rules,
        ..RetentionRules::default()
    }))
    .await;
    world.role("worker", json!({})).await;
    for machine in ["nightly-a", "nightly-b", "kept", "other"] {
        world.publish(machine, &pass(), "worker").await.unwrap();
    }
    world
}

#[tokio::test(start_paused = true)]
async fn executions_of_some_state_machines_expire_by_a_rule_of_their_own() {
    let rules = vec![rule("nightly-*", Some(2), None), rule("kept", None, None)];
    let world = prepared_by_machine(rules).await;
    let machines = ["nightly-a", "nightly-b", "kept", "other"];
    for machine in machines {
        ended_of(&world, machine, "one").await;
    }
    for (after, known) in [
        (DAY, [true, true, true, true]),
        (2 * DAY, [false, false, true, true]),
        (5 * DAY, [false, false, true, false]),
        (20 * DAY, [false, false, true, false]),
    ] {
        tokio::time::sleep(after).await;
        for (machine, is_kept) in machines.into_iter().zip(known) {
            let is_known = is_known_of(&world, machine, "one").await;
            assert_eq!(is_known, is_kept, "{machine} after {after:?}");
        }
    }
    let records = world.audit().await;
    let expired = records
        .iter()
        .filter(|record| record["action"] == "ExpireExecutions");
    let told: Vec<_> = expired.map(|record| record["request"].clone()).collect();
    let own = json!({"rule": "executions_days", "limit": 2, "stateMachines": "nightly-*"});
    assert_eq!(told, [own, json!({"rule": "executions_days", "limit": 7})]);
}

#[tokio::test(start_paused = true)]
async fn of_each_state_machine_of_a_rule_the_last_executions_are_kept() {
    let world = prepared_by_machine(vec![rule("nightly-*", None, Some(2))]).await;
    let names: Vec<_> = (0..40).map(|number| format!("e-{number:02}")).collect();
    for name in &names {
        ended_of(&world, "nightly-a", name).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    ended_of(&world, "nightly-b", "one").await;
    ended_of(&world, "other", "one").await;
    tokio::time::sleep(DAY).await;
    for name in &names {
        let is_kept = name.as_str() >= "e-38";
        assert_eq!(
            is_known_of(&world, "nightly-a", name).await,
            is_kept,
            "{name}"
        );
    }
    assert!(is_known_of(&world, "nightly-b", "one").await);
    assert!(is_known_of(&world, "other", "one").await);
}

#[tokio::test(start_paused = true)]
async fn children_expire_by_the_rule_of_their_state_machine_and_not_before_their_parent_ended() {
    let world = World::with(keeping(RetentionRules {
        state_machines: vec![rule("machine", Some(1), None)],
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
    started.unwrap();
    tokio::time::sleep(5 * DAY).await;
    let count = async || {
        let ended = world.store.ended(EndedOrder::OldestFirst, None, 10);
        ended.await.unwrap().count
    };
    assert_eq!(count().await, 2);
    tokio::time::sleep(8 * DAY).await;
    assert_eq!(count().await, 0);
}

/// The revisions of `machine` that are stored.
async fn revisions(world: &World) -> Vec<u64> {
    let documents = world.store.documents(Kind::StateMachine, None, 1000).await;
    let documents = documents.unwrap().into_iter();
    documents.map(|document| document.key.revision).collect()
}

/// Publishes `machine` with a Wait of so many seconds.
async fn publish_wait(world: &World, seconds: u64) {
    let definition = json!({"StartAt": "Only", "States": {"Only": {
        "Type": "Wait", "Seconds": seconds, "End": true}}});
    world
        .publish("machine", &definition, "worker")
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn revisions_that_nothing_refers_to_go_and_no_other() {
    let world = prepared(RetentionRules {
        executions_days: Some(3),
        ..RetentionRules::default()
    })
    .await;
    ended(&world, "of-1").await;
    publish_wait(&world, 20 * 86_400).await;
    let running = world.start("machine", "of-2", json!({})).await.unwrap();
    let running = running.into_inner().id;
    publish_wait(&world, 3).await;
    let machine = crate::people::name("machine");
    let permit = world.permit("operators", Resource::state_machine(&machine));
    let request = VersionRequest::default();
    let version = world.engine.publish_version(permit, machine, request);
    assert_eq!(version.await.unwrap().revision, 3);
    publish_wait(&world, 4).await;
    publish_wait(&world, 5).await;
    assert_eq!(revisions(&world).await, [1, 2, 3, 4, 5]);
    // The ended execution has the first one, nobody the fourth.
    tokio::time::sleep(DAY + DAY / 2).await;
    assert_eq!(revisions(&world).await, [1, 2, 3, 5]);
    tokio::time::sleep(4 * DAY).await;
    assert_eq!(revisions(&world).await, [2, 3, 5]);
    let records = world.audit().await;
    let pruned = records
        .iter()
        .filter(|record| record["action"] == "PruneRevisions");
    let pruned: Vec<_> = pruned
        .map(|record| record["outcome"]["revisions"].clone())
        .collect();
    let told = |revision: u64| json!([{"stateMachine": "machine", "revision": revision}]);
    assert_eq!(pruned, [told(4), told(1)]);
    // What is left can be gone on with by the next host, and numbers go on.
    let world = world.next_host().await;
    let ends = tokio::time::timeout(30 * DAY, world.settle(&running));
    ends.await.unwrap();
    let description = world.description(&running).await.unwrap();
    assert_eq!(description.summary.status, Status::Succeeded);
    publish_wait(&world, 6).await;
    assert!(revisions(&world).await.ends_with(&[6]));
}

#[tokio::test(start_paused = true)]
async fn without_a_rule_for_executions_every_revision_is_kept() {
    let world = prepared(RetentionRules {
        audit_days: Some(1),
        ..RetentionRules::default()
    })
    .await;
    for seconds in 1..4 {
        publish_wait(&world, seconds).await;
    }
    tokio::time::sleep(10 * DAY).await;
    assert_eq!(revisions(&world).await, [1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_crash_while_revisions_go_leaves_the_rest_to_the_next_host() {
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        let rules = RetentionRules {
            executions_days: Some(3),
            ..RetentionRules::default()
        };
        let world = prepared(rules).await;
        for seconds in 1..4 {
            publish_wait(&world, seconds).await;
        }
        world.store.fault_at(world.store.commits() + 1, fault);
        tokio::time::sleep(2 * DAY).await;
        let world = world.next_host().await;
        tokio::time::sleep(DAY).await;
        assert_eq!(revisions(&world).await, [4], "{fault:?}");
        ended(&world, "of-4").await;
    }
}
