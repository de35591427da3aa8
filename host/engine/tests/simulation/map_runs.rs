//! Distributed Maps: children, their failures, crashes, and items and results in volumes.

use std::collections::BTreeSet;

use asl::{ExecutionId, Status};
use auth::policy::{ReadExecution, Resource, StopExecution};
use engine::{Error, MapRun};
use ports::{Description, ExecutionFilter};
use serde_json::{Value, json};
use store::Fault;

use crate::world::{World, name};

const IDEMPOTENT: &str = "idempotent = true";
const ARN: &str = "arn:aws:states:us-east-1:000000000000:execution:machine:one";

fn map(extra: &Value, work: &Value) -> Value {
    let mut map = json!({
        "Type": "Map", "Label": "Each", "End": true,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Work", "States": {"Work": work},
        },
    });
    let members = map.as_object_mut().unwrap();
    members.extend(extra.as_object().unwrap().clone());
    json!({"StartAt": "Each", "States": {"Each": map}})
}

fn working(extra: &Value) -> Value {
    map(
        extra,
        &json!({"Type": "Task", "Resource": "component:first", "ResultPath": "$.done", "End": true}),
    )
}

fn passing(extra: &Value) -> Value {
    map(extra, &json!({"Type": "Pass", "End": true}))
}

fn items() -> Value {
    json!([{"n": 1}, {"n": 2}, {"n": 3}])
}

fn volume(access: &str) -> Value {
    json!({"filesystem": [{"volume": "orders", "mount": "/orders", "access": access}]})
}

async fn prepared(definition: &Value, grants: Value) -> World {
    let world = World::new().await;
    world.role("worker", grants).await;
    world.component("first", IDEMPOTENT, "worker").await;
    let published = world.publish("machine", definition, "worker").await;
    published.unwrap();
    world
}

async fn started(world: &World, input: Value) -> ExecutionId {
    let started = world.start("machine", "one", input).await;
    started.unwrap().into_inner().id
}

async fn ended(world: &World, id: &ExecutionId) -> Description {
    world.settle(id).await;
    world.description(id).await.unwrap()
}

async fn run(definition: &Value, grants: Value, input: Value) -> (World, Description) {
    let world = prepared(definition, grants).await;
    let id = started(&world, input).await;
    let ended = ended(&world, &id).await;
    (world, ended)
}

async fn map_run(world: &World, id: &ExecutionId) -> MapRun {
    let resource = Resource::execution(&name("machine"), id.as_str());
    let permit = world.permit::<ReadExecution>("operators", resource);
    let lines = world.engine.map_runs(&permit, id).await.unwrap();
    let arn = &lines.last().unwrap().arn;
    world.engine.map_run(&permit, arn).await.unwrap()
}

async fn children(world: &World, id: &ExecutionId) -> Vec<Description> {
    let arn = map_run(world, id).await.line.arn;
    let resource = Resource::state_machine(&name("machine"));
    let permit = world.permit::<ReadExecution>("operators", resource);
    let filter = ExecutionFilter {
        machine_arn: Some(arn),
        ..ExecutionFilter::default()
    };
    let page = world.engine.executions(permit, filter, None, 100).await;
    page.unwrap().items
}

fn statuses(children: &[Description]) -> Vec<Status> {
    children.iter().map(|child| child.summary.status).collect()
}

fn done(n: u32) -> Value {
    json!({"n": n, "done": {"by": "first"}})
}

#[tokio::test(start_paused = true)]
async fn each_item_is_an_execution_of_its_own_and_results_keep_the_items_order() {
    let definition = working(&json!({"MaxConcurrency": 2}));
    let (world, ended) = run(&definition, json!({}), items()).await;
    assert_eq!(
        ended.output.as_deref(),
        Some(&json!([done(1), done(2), done(3)]))
    );
    let id = &ended.start.header.id;
    let run = map_run(&world, id).await;
    assert_eq!(run.line.status, Status::Succeeded);
    assert!(run.line.stopped_at >= Some(run.line.started_at));
    assert_eq!((run.max_concurrency, run.execution_arn.as_str()), (2, ARN));
    assert_eq!((run.executions.succeeded, run.executions.total()), (3, 3));
    assert_eq!(run.items, run.executions);
    let children = children(&world, id).await;
    for child in &children {
        let header = &child.start.header;
        assert!(
            header.arn.contains(":execution:machine/Each:"),
            "{}",
            header.arn
        );
        let found = world.engine.find(&header.arn).await.unwrap().unwrap();
        assert_eq!(found.start.header.id, header.id);
    }
    assert_eq!(
        world.history(id).await,
        [
            "ExecutionStarted",
            "MapStateEntered",
            "MapStateStarted",
            "MapRunStarted",
            "MapRunSucceeded",
            "MapStateSucceeded",
            "MapStateExited",
            "ExecutionSucceeded"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn children_run_no_more_at_once_than_the_map_says() {
    let definition = working(&json!({"MaxConcurrency": 1}));
    let (world, _) = run(&definition, json!({}), items()).await;
    let most = world
        .script
        .running_most
        .load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(most, 1);
}

#[tokio::test(start_paused = true)]
async fn one_failed_child_too_many_ends_the_run_and_its_siblings() {
    let world = prepared(&working(&json!({})), json!({})).await;
    world
        .script
        .failures
        .lock()
        .unwrap()
        .insert("first".to_owned(), 1);
    let id = started(&world, items()).await;
    let summary = ended(&world, &id).await.summary;
    assert_eq!(
        summary.error.as_deref(),
        Some("States.ExceedToleratedFailureThreshold")
    );
    let children = children(&world, &id).await;
    for child in &children {
        world.settle(&child.start.header.id).await;
    }
    let statuses = statuses(&children);
    assert!(statuses.contains(&Status::Failed), "{statuses:?}");
    let run = map_run(&world, &id).await;
    assert_eq!(run.line.status, Status::Failed);
    assert_eq!(run.executions.running, 0);
}

#[tokio::test(start_paused = true)]
async fn a_tolerated_failure_is_one_of_the_results() {
    let world = prepared(&working(&json!({"ToleratedFailureCount": 1})), json!({})).await;
    world
        .script
        .failures
        .lock()
        .unwrap()
        .insert("first".to_owned(), 1);
    let id = started(&world, items()).await;
    let ended = ended(&world, &id).await;
    assert_eq!(ended.summary.status, Status::Succeeded);
    let output = ended.output.unwrap();
    let output = output.as_array().unwrap();
    let failed = output.iter().filter(|result| result["Error"] == "Flaky");
    assert_eq!((failed.count(), output.len()), (1, 3));
    let run = map_run(&world, &id).await;
    assert_eq!(run.tolerated_failure_count, 1);
    assert_eq!((run.executions.failed, run.executions.succeeded), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn stopping_the_execution_stops_its_children() {
    let world = prepared(&working(&json!({})), json!({})).await;
    let id = started(&world, items()).await;
    let running = loop {
        let running = children(&world, &id).await;
        if running.len() == 3 {
            break running;
        }
        tokio::task::yield_now().await;
    };
    let resource = Resource::execution(&name("machine"), id.as_str());
    let permit = world.permit::<StopExecution>("operators", resource);
    world.engine.stop(permit, &id, None, None).await.unwrap();
    for child in &running {
        world.settle(&child.start.header.id).await;
    }
    let aborted = [Status::Aborted; 3];
    assert_eq!(statuses(&children(&world, &id).await), aborted);
    let run = map_run(&world, &id).await;
    assert_eq!(
        (run.line.status, run.executions.aborted),
        (Status::Aborted, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn children_of_an_execution_that_was_stopped_before_a_crash_end_too() {
    let world = prepared(&working(&json!({})), json!({})).await;
    let id = started(&world, items()).await;
    while children(&world, &id).await.len() < 3 {
        tokio::task::yield_now().await;
    }
    // The stop is durable, and the host dies before it can tell the children.
    let next = world.store.commits() + 1;
    world.store.fault_at(next, Fault::CrashAfter);
    let resource = Resource::execution(&name("machine"), id.as_str());
    let permit = world.permit::<StopExecution>("operators", resource);
    assert!(world.engine.stop(permit, &id, None, None).await.is_err());
    let world = world.next_host().await;
    let known = children(&world, &id).await;
    for child in &known {
        world.settle(&child.start.header.id).await;
    }
    let aborted = [Status::Aborted; 3];
    assert_eq!(statuses(&children(&world, &id).await), aborted);
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_commit_runs_no_child_twice() {
    let definition = working(&json!({"MaxConcurrency": 2}));
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        for commit in 1..=14 {
            let world = prepared(&definition, json!({})).await;
            world.store.fault_at(world.store.commits() + commit, fault);
            if let Ok(started) = world.start("machine", "one", items()).await {
                world.settle(&started.into_inner().id).await;
            }
            let world = world.next_host().await;
            let id = match world.engine.find(ARN).await.unwrap() {
                Some(known) => known.start.header.id,
                None => started(&world, items()).await,
            };
            let ended = ended(&world, &id).await;
            let expected = json!([done(1), done(2), done(3)]);
            assert_eq!(
                ended.output.as_deref(),
                Some(&expected),
                "{fault:?} at {commit}"
            );
            let children = children(&world, &id).await;
            assert_eq!(
                statuses(&children),
                [Status::Succeeded; 3],
                "{fault:?} at {commit}"
            );
            let runs = world.script.runs.lock().unwrap();
            let attempts: BTreeSet<_> = runs.iter().collect();
            assert_eq!(attempts.len(), 3, "{fault:?} at {commit}: {runs:?}");
        }
    }
}

fn reader(config: Value) -> Value {
    json!({"ItemReader": {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": config,
        "Parameters": {"Bucket": "orders", "Key": "in/items.csv"},
    }})
}

fn csv() -> Value {
    json!({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "MaxItems": 2})
}

async fn with_file(definition: &Value, grants: Value) -> World {
    let world = prepared(definition, grants).await;
    world
        .script
        .volumes
        .put("orders", "in/items.csv", "n\n1\n2\n3\n");
    world
}

/// The audit records of an action, as effect and outcome.
async fn told(world: &World, action: &str) -> Vec<(Value, Value)> {
    let records = world.audit().await;
    let of = records.iter().filter(|record| record["action"] == action);
    of.map(|record| (record["decision"].clone(), record["outcome"].clone()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn items_come_from_a_granted_volume() {
    let world = with_file(&passing(&reader(csv())), volume("read")).await;
    let id = started(&world, json!({})).await;
    let ended = ended(&world, &id).await;
    assert_eq!(
        ended.output.as_deref(),
        Some(&json!([{"n": "1"}, {"n": "2"}]))
    );
    let told = told(&world, "ReadVolume").await;
    assert_eq!(told.len(), 2);
    assert!(
        told.iter()
            .all(|(decision, _)| decision["effect"] == "allowed"),
        "{told:?}"
    );
    assert_eq!(told[1].1["bytes"], 8);
    assert!(told[1].1["digest"].as_str().unwrap().starts_with("sha256:"));
}

#[tokio::test(start_paused = true)]
async fn files_of_a_granted_volume_are_items() {
    let listing = json!({"ItemReader": {
        "Resource": "arn:aws:states:::s3:listObjectsV2",
        "Parameters": {"Bucket": "orders", "Prefix": "in/"},
    }});
    let world = with_file(&passing(&listing), volume("read-write")).await;
    world.script.volumes.put("orders", "out/other", "x");
    let id = started(&world, json!({})).await;
    let output = ended(&world, &id).await.output.unwrap();
    assert_eq!(output[0]["Key"], "in/items.csv");
    assert_eq!(output.as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_the_role_does_not_grant_is_not_read() {
    let mut definition = passing(&reader(csv()));
    definition["States"]["Each"]["ItemReader"]["Parameters"] =
        json!({"Bucket.$": "$.volume", "Key": "in/items.csv"});
    definition["States"]["Each"]["Catch"] =
        json!([{"ErrorEquals": ["Sluice.AccessDenied"], "Next": "Caught"}]);
    definition["States"]["Caught"] = json!({"Type": "Pass", "End": true});
    let world = with_file(&definition, json!({})).await;
    let id = started(&world, json!({"volume": "orders"})).await;
    let ended = ended(&world, &id).await;
    assert_eq!(ended.summary.status, Status::Succeeded);
    let output = ended.output.unwrap();
    assert_eq!(output["Error"], "Sluice.AccessDenied");
    assert!(
        output["Cause"]
            .as_str()
            .unwrap()
            .contains("filesystem.volume")
    );
    let told = told(&world, "ReadVolume").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0["rule"], "filesystem.volume");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_lost_the_right_reads_nothing() {
    let mut definition = passing(&reader(csv()));
    definition["StartAt"] = json!("Pause");
    definition["States"]["Pause"] = json!({"Type": "Wait", "Seconds": 60, "Next": "Each"});
    let world = with_file(&definition, volume("read")).await;
    let id = started(&world, json!({})).await;
    let policy = r#"
        @id("all") permit (principal, action, resource);
        @id("no-more") forbid (principal, action == Action::"PassRole", resource);
    "#;
    let world = world.under(policy).await;
    let summary = ended(&world, &id).await.summary;
    assert_eq!(summary.error.as_deref(), Some("Sluice.AccessDenied"));
    assert!(summary.cause.unwrap().contains("no-more"));
}

#[tokio::test(start_paused = true)]
async fn a_role_that_was_narrowed_meanwhile_reads_nothing() {
    let mut definition = passing(&reader(csv()));
    definition["StartAt"] = json!("Pause");
    definition["States"]["Pause"] = json!({"Type": "Wait", "Seconds": 60, "Next": "Each"});
    let world = with_file(&definition, volume("read")).await;
    let id = started(&world, json!({})).await;
    world.role("worker", json!({})).await;
    let summary = ended(&world, &id).await.summary;
    assert_eq!(summary.error.as_deref(), Some("Sluice.AccessDenied"));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_holds_no_items_fails_the_reader() {
    let missing = json!({"ItemReader": {
        "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": "orders", "Key": "in/none.json"},
    }});
    let unread = reader(json!({"InputType": "MANIFEST"}));
    let not_json = reader(json!({"InputType": "JSON"}));
    let long = json!({"ItemReader": {
        "Resource": "arn:aws:states:::s3:getObject",
        "Parameters": {"Bucket": "orders", "Key": "x".repeat(1025)},
    }});
    for extra in [missing, unread, not_json, long] {
        let world = with_file(&passing(&extra), volume("read")).await;
        let id = started(&world, json!({})).await;
        let summary = ended(&world, &id).await.summary;
        let error = summary.error.as_deref();
        assert_eq!(error, Some("States.ItemReaderFailed"), "{extra}");
    }
}

fn writer(config: Value) -> Value {
    json!({"ToleratedFailureCount": 1, "ResultWriter": {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": "orders", "Prefix": "out/"},
        "WriterConfig": config,
    }})
}

#[tokio::test(start_paused = true)]
async fn results_are_written_to_a_granted_volume() {
    let world = prepared(&working(&writer(json!({}))), volume("read-write")).await;
    world
        .script
        .failures
        .lock()
        .unwrap()
        .insert("first".to_owned(), 1);
    let id = started(&world, items()).await;
    let ended = ended(&world, &id).await;
    let output = ended.output.unwrap();
    let run = map_run(&world, &id).await;
    let arn = &run.line.arn;
    let folder = format!("out/{}", arn.rsplit_once(':').unwrap().1);
    let key = format!("{folder}/manifest.json");
    assert_eq!(
        *output,
        json!({"MapRunArn": arn, "ResultWriterDetails": {"Bucket": "orders", "Key": key}})
    );
    let volumes = &world.script.volumes;
    let manifest = volumes.json("orders", &key);
    assert_eq!(manifest["DestinationBucket"], "orders");
    assert_eq!(manifest["ResultFiles"]["PENDING"], json!([]));
    let succeeded = &manifest["ResultFiles"]["SUCCEEDED"][0];
    let file = succeeded["Key"].as_str().unwrap();
    assert_eq!(file, format!("{folder}/SUCCEEDED_0.json"));
    assert_eq!(succeeded["Size"], volumes.text("orders", file).len());
    let entries = volumes.json("orders", file);
    assert_eq!(entries.as_array().unwrap().len(), 2);
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:machine/Each";
    assert_eq!(entries[0]["StateMachineArn"], machine);
    assert_eq!(entries[0]["Status"], "SUCCEEDED");
    let failed = volumes.json("orders", &format!("{folder}/FAILED_0.json"));
    assert_eq!(failed[0]["Error"], "Flaky");
    assert_eq!(run.executions.results_written, 3);
    // The first decision, then one for each file and what came of it.
    assert_eq!(told(&world, "WriteVolume").await.len(), 7);
}

#[tokio::test(start_paused = true)]
async fn results_alone_are_written_as_lines() {
    let config = json!({"Transformation": "FLATTEN", "OutputType": "JSONL"});
    let input = json!([[1, 2], 3]);
    let (world, ended) = run(&passing(&writer(config)), volume("read-write"), input).await;
    let output = ended.output.unwrap();
    let key = output["ResultWriterDetails"]["Key"].as_str().unwrap();
    let file = key.replace("manifest.json", "SUCCEEDED_0.jsonl");
    assert_eq!(world.script.volumes.text("orders", &file), "1\n2\n3\n");
}

#[tokio::test(start_paused = true)]
async fn a_volume_granted_for_reading_is_not_written() {
    let mut definition = passing(&writer(json!({})));
    definition["States"]["Each"]["ResultWriter"]["Parameters"] = json!({"Bucket.$": "$[0]"});
    let (world, ended) = run(&definition, volume("read"), json!(["orders"])).await;
    assert_eq!(ended.summary.error.as_deref(), Some("Sluice.AccessDenied"));
    assert!(ended.summary.cause.unwrap().contains("filesystem.access"));
    assert!(world.script.volumes.written.lock().unwrap().is_empty());
    let told = told(&world, "WriteVolume").await;
    assert_eq!(told[0].0["effect"], "denied");
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_fails_the_writer() {
    let world = prepared(&passing(&writer(json!({}))), volume("read-write")).await;
    *world.script.volumes.is_full.lock().unwrap() = true;
    let id = started(&world, items()).await;
    let summary = ended(&world, &id).await.summary;
    assert_eq!(summary.error.as_deref(), Some("States.ResultWriterFailed"));
}

#[tokio::test(start_paused = true)]
async fn results_written_before_a_crash_are_written_again_in_their_places() {
    let definition = passing(&writer(json!({})));
    for commit in 1..=24 {
        let world = prepared(&definition, volume("read-write")).await;
        let fault = world.store.commits() + commit;
        world.store.fault_at(fault, Fault::CrashAfter);
        if let Ok(started) = world.start("machine", "one", items()).await {
            world.settle(&started.into_inner().id).await;
        }
        let world = world.next_host().await;
        let id = match world.engine.find(ARN).await.unwrap() {
            Some(known) => known.start.header.id,
            None => started(&world, items()).await,
        };
        let ended = ended(&world, &id).await;
        assert_eq!(ended.summary.status, Status::Succeeded, "crash at {commit}");
        let written = world.script.volumes.written.lock().unwrap();
        let files: BTreeSet<_> = written.iter().collect();
        assert_eq!(files.len(), 2, "crash at {commit}: {written:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_map_run_without_children_is_found_and_one_that_never_was_is_not() {
    let (world, ended) = run(&passing(&json!({})), json!({}), json!([])).await;
    assert_eq!(ended.output.as_deref(), Some(&json!([])));
    let id = &ended.start.header.id;
    let run = map_run(&world, id).await;
    assert_eq!(
        (run.line.status, run.executions.total()),
        (Status::Succeeded, 0)
    );
    let resource = Resource::execution(&name("machine"), id.as_str());
    let permit = world.permit::<ReadExecution>("operators", resource);
    let other = format!("{}0", run.line.arn);
    for arn in [other.as_str(), "arn:ä", "x"] {
        let missing = world.engine.map_run(&permit, arn).await;
        assert!(matches!(missing, Err(Error::NotFound(_))), "{arn}");
    }
}

#[tokio::test(start_paused = true)]
async fn items_in_batches_are_counted_as_items() {
    let definition = passing(&json!({"ItemBatcher": {"MaxItemsPerBatch": 2}}));
    let (world, ended) = run(&definition, json!({}), items()).await;
    let run = map_run(&world, &ended.start.header.id).await;
    assert_eq!((run.executions.succeeded, run.items.succeeded), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn results_that_stay_in_the_output_are_flattened_on_demand() {
    let writer = |word: &str| json!({"ResultWriter": {"WriterConfig": {"Transformation": word}}});
    for (word, expected) in [
        ("FLATTEN", json!([1, 2, 3])),
        ("COMPACT", json!([[1, 2], 3])),
    ] {
        let definition = passing(&writer(word));
        let (_, ended) = run(&definition, json!({}), json!([[1, 2], 3])).await;
        assert_eq!(ended.output.as_deref(), Some(&expected));
    }
    let (_, ended) = run(&passing(&writer("ZIP")), json!({}), items()).await;
    assert_eq!(
        ended.summary.error.as_deref(),
        Some("States.ResultWriterFailed")
    );
}

/// What stands in the way of publishing.
async fn problems(definition: &Value, grants: Value) -> Vec<(String, String)> {
    let world = World::new().await;
    world.role("worker", grants).await;
    match world.publish("machine", definition, "worker").await {
        Ok(()) => Vec::new(),
        Err(Error::Refused(problems)) => {
            let told = problems.into_iter();
            told.map(|problem| (problem.pointer, problem.message))
                .collect()
        }
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_a_definition_names_is_held_against_the_role_at_publish() {
    let (reads, writes) = (reader(csv()), writer(json!({})));
    for (extra, grants, expected) in [
        (&reads, volume("read"), None),
        (&reads, json!({}), Some(("ItemReader", "filesystem.volume"))),
        (&writes, volume("read-write"), None),
        (
            &writes,
            volume("read"),
            Some(("ResultWriter", "filesystem.access")),
        ),
        (
            &writes,
            json!({}),
            Some(("ResultWriter", "filesystem.volume")),
        ),
    ] {
        let found = problems(&passing(extra), grants).await;
        let Some((member, rule)) = expected else {
            assert_eq!(found, [], "{extra}");
            continue;
        };
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].0,
            format!("/States/Each/{member}/Parameters/Bucket")
        );
        assert!(found[0].1.contains(rule), "{}", found[0].1);
    }
}

#[tokio::test(start_paused = true)]
async fn readers_and_writers_of_other_services_are_refused_at_publish() {
    let reads = json!({"ItemReader": {"Resource": "arn:aws:states:::sqs:receive"}});
    let writes = json!({"ResultWriter": {"Resource": "arn:aws:states:::s3:getObject"}});
    for (extra, member, name) in [
        (reads, "ItemReader", "sqs:receive"),
        (writes, "ResultWriter", "s3:getObject"),
    ] {
        let found = problems(&passing(&extra), volume("read-write")).await;
        assert_eq!(found[0].0, format!("/States/Each/{member}/Resource"));
        assert!(found[0].1.contains(name), "{}", found[0].1);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_may_not_pass_the_role_starts_nothing_that_reaches_volumes() {
    let world = with_file(&passing(&reader(csv())), volume("read")).await;
    let policy = r#"
        @id("all") permit (principal, action, resource);
        @id("no-more") forbid (principal, action == Action::"PassRole", resource);
    "#;
    let world = world.under(policy).await;
    let refused = world.start("machine", "one", json!({})).await;
    assert!(refused.is_err());
}
