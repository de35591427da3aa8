//! Which spans come of executions, and under what they stand.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use asl::ExecutionId;
use auth::policy::Resource;
use engine::{Config, Engine, MachineType, StartRequest};
use ports::{Attribute, Moment, Span, TraceContext, Tracer};
use serde_json::{Value, json};

use crate::callbacks::task;
use crate::egress::response;
use crate::nested;
use crate::world::{World, name};

pub(crate) const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// Whoever collects spans.
#[derive(Default)]
pub(crate) struct Collected {
    spans: Mutex<Vec<Span>>,
    /// Whether asking for it ends the asker.
    pub(crate) is_cursed: AtomicBool,
}

impl Tracer for Collected {
    fn is_on(&self) -> bool {
        assert!(!self.is_cursed.load(Ordering::SeqCst), "as asked for");
        true
    }

    fn ended(&self, span: Span) {
        self.spans.lock().unwrap().push(span);
    }
}

impl Collected {
    /// The spans that are called so, in the order in which they ended.
    fn called(&self, wanted: &str) -> Vec<Span> {
        let spans = self.spans.lock().unwrap();
        let called = spans.iter().filter(|span| span.name == wanted);
        called.cloned().collect()
    }

    #[track_caller]
    fn one(&self, wanted: &str) -> Span {
        let mut spans = self.called(wanted);
        assert_eq!(spans.len(), 1, "{wanted}: {spans:?}");
        spans.remove(0)
    }

    fn is_empty(&self) -> bool {
        self.spans.lock().unwrap().is_empty()
    }
}

fn told(span: &Span, wanted: &str) -> Option<String> {
    let mut told = span.attributes.iter();
    let (_, value) = told.find(|(name, _)| *name == wanted)?;
    Some(match value {
        Attribute::Text(text) => text.clone(),
        Attribute::Number(number) => number.to_string(),
    })
}

fn phases(span: &Span) -> Vec<&'static str> {
    span.phases.iter().map(|phase| phase.name).collect()
}

#[track_caller]
fn stands_under(span: &Span, above: &Span) {
    assert_eq!(span.context.trace, above.context.trace);
    assert_eq!(span.parent, Some(above.context.span), "{span:?}");
}

/// A Task, a Wait of thirty seconds, another Task.
fn slow() -> Value {
    json!({"StartAt": "First", "States": {
        "First": {"Type": "Task", "Resource": "component:first", "Next": "Pause"},
        "Pause": {"Type": "Wait", "Seconds": 30, "Next": "Last"},
        "Last": {"Type": "Task", "Resource": "component:first", "End": true},
    }})
}

async fn prepared(definition: &Value, kind: MachineType, config: Config) -> World {
    let world = World::with(config).await;
    world.role("worker", json!({})).await;
    world.component("first", "", "worker").await;
    world.create("machine", definition, "worker", kind).await;
    world
}

async fn standard(definition: &Value) -> World {
    prepared(definition, MachineType::Standard, Config::default()).await
}

async fn start(engine: &Engine, trace: Option<&str>, input: Value) -> ExecutionId {
    let machine = name("machine");
    let caller = crate::world::caller("operators");
    let policies = engine.policies();
    let permit = policies.permits(&caller, &Resource::state_machine(&machine));
    let request = StartRequest {
        trace: trace.map(|trace| TraceContext::parse(trace).unwrap()),
        ..StartRequest::new(machine, input)
    };
    let started = engine.start(permit.unwrap(), request).await.unwrap();
    started.into_inner().id
}

#[tokio::test(start_paused = true)]
async fn attempts_stand_under_their_execution_and_that_under_its_request() {
    let world = standard(&slow()).await;
    let id = start(&world.engine, Some(SAMPLED), json!({"pin": "a-payload"})).await;
    world.settle(&id).await;
    let collected = &world.script.tracer;
    let execution = collected.one("execution machine");
    let caller = TraceContext::parse(SAMPLED).unwrap();
    assert_eq!(execution.context.trace, caller.trace);
    assert_eq!(execution.parent, Some(caller.span));
    assert_eq!(
        told(&execution, "sluice.execution.status").as_deref(),
        Some("SUCCEEDED")
    );
    let arn = world.description(&id).await.unwrap().start.header.arn;
    for state in ["First", "Last"] {
        let attempt = collected.one(&format!("attempt {state}"));
        stands_under(&attempt, &execution);
        for (name, value) in [
            ("sluice.execution.arn", arn.as_str()),
            ("sluice.state_machine", "machine"),
            ("sluice.state", state),
            ("sluice.attempt", "1"),
            ("sluice.component.name", "first"),
            ("sluice.component.version", "1.0.0"),
            ("sluice.outcome", "succeeded"),
        ] {
            assert_eq!(told(&attempt, name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(phases(&attempt), ["admit", "record", "run", "commit"]);
        assert_eq!(attempt.error, None);
    }
    assert!(!format!("{:?}", collected.spans.lock().unwrap()).contains("a-payload"));
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_what_is_left_stands_under_the_same_spans() {
    for kind in [MachineType::Standard, MachineType::Express] {
        let world = prepared(&slow(), kind, Config::default()).await;
        let id = start(&world.engine, Some(SAMPLED), json!({})).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let first = world.script.tracer.one("attempt First");
        let world = world.next_host().await;
        world.settle(&id).await;
        let collected = &world.script.tracer;
        let execution = collected.one("execution machine");
        assert!(matches!(execution.began, Moment::Recorded(_)));
        stands_under(&first, &execution);
        stands_under(&collected.one("attempt Last"), &execution);
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_died_with_its_host_is_told_as_interrupted() {
    let world = standard(&slow()).await;
    let id = start(&world.engine, Some(SAMPLED), json!({})).await;
    let world = world.next_host().await;
    world.settle(&id).await;
    let collected = &world.script.tracer;
    let attempt = collected.one("attempt First");
    assert_eq!(
        told(&attempt, "sluice.outcome").as_deref(),
        Some("interrupted")
    );
    assert_eq!(attempt.error.as_deref(), Some("Sluice.Interrupted"));
    let execution = collected.one("execution machine");
    stands_under(&attempt, &execution);
    assert_eq!(execution.error.as_deref(), Some("Sluice.Interrupted"));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_of_a_trace_that_is_not_kept_nor_of_an_untraced_execution() {
    for trace in [Some(UNSAMPLED), None] {
        let world = standard(&slow()).await;
        let id = start(&world.engine, trace, json!({})).await;
        let world = world.next_host_after(Duration::from_secs(5)).await;
        world.settle(&id).await;
        assert!(world.script.tracer.is_empty(), "{trace:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_waits_for_room_tells_how_long() {
    let branch = |state: &str| {
        json!({"StartAt": state, "States": {
            state: {"Type": "Task", "Resource": "component:first", "End": true}}})
    };
    let both = json!({"StartAt": "Both", "States": {
        "Both": {"Type": "Parallel", "Branches": [branch("A"), branch("B")], "End": true}}});
    let config = Config {
        attempts_running_max: 1,
        ..Config::default()
    };
    let world = prepared(&both, MachineType::Standard, config).await;
    let id = start(&world.engine, Some(SAMPLED), json!({})).await;
    world.settle(&id).await;
    let attempt = world.script.tracer.one("attempt B");
    assert_eq!(
        phases(&attempt),
        ["queue", "admit", "record", "run", "commit"]
    );
    let queue = attempt.phases[0];
    assert_eq!((queue.ended - queue.began).as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_attempt_is_told_and_ran_nothing() {
    let world = World::new().await;
    let region = json!({"config": {"region": "eu"}});
    world.role("worker", region).await;
    let manifest = "[config]\nregion = \"where\"";
    world.component("first", manifest, "worker").await;
    let published = world.publish("machine", &slow(), "worker").await;
    published.unwrap();
    world.role("worker", json!({})).await;
    let id = start(&world.engine, Some(SAMPLED), json!({})).await;
    world.settle(&id).await;
    let attempt = world.script.tracer.one("attempt First");
    assert_eq!(told(&attempt, "sluice.outcome").as_deref(), Some("refused"));
    assert_eq!(attempt.error.as_deref(), Some("Sluice.AccessDenied"));
    assert_eq!(phases(&attempt), ["admit", "record"]);
    assert_eq!(told(&attempt, "sluice.component.name"), None);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_whose_execution_is_stopped_is_told_as_cancelled() {
    let world = World::new().await;
    world.role("worker", json!({})).await;
    world.component("endless", "", "worker").await;
    let definition = json!({"StartAt": "Work", "States": {
        "Work": {"Type": "Task", "Resource": "component:endless", "End": true}}});
    let published = world.publish("machine", &definition, "worker").await;
    published.unwrap();
    let id = start(&world.engine, Some(SAMPLED), json!({})).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.stop(&id).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let collected = &world.script.tracer;
    let attempt = collected.one("attempt Work");
    assert_eq!(
        told(&attempt, "sluice.outcome").as_deref(),
        Some("cancelled")
    );
    let execution = collected.one("execution machine");
    stands_under(&attempt, &execution);
    assert_eq!(
        told(&execution, "sluice.execution.status").as_deref(),
        Some("ABORTED")
    );
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_an_execution_starts_stands_under_it() {
    for pattern in ["", ".sync"] {
        let world = nested::prepared(&nested::start(pattern), &nested::pausing()).await;
        let id = start(&world.engine, Some(SAMPLED), json!({"given": {}})).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let world = world.next_host().await;
        world.settle(&id).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let collected = &world.script.tracer;
        let child = collected.one("execution child");
        stands_under(&child, &collected.one("execution machine"));
    }
}

#[tokio::test(start_paused = true)]
async fn children_of_a_map_run_stand_under_the_execution_that_it_is_of() {
    let map = json!({"StartAt": "Each", "States": {"Each": {
        "Type": "Map", "Label": "Each", "End": true,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Work", "States": {
                "Work": {"Type": "Task", "Resource": "component:first", "End": true}},
        },
    }}});
    let world = standard(&map).await;
    let id = start(&world.engine, Some(SAMPLED), json!([1, 2])).await;
    world.settle(&id).await;
    let executions = world.script.tracer.called("execution machine");
    let is_child = |span: &&Span| told(span, "sluice.execution.kind").as_deref() == Some("child");
    let whole = executions.iter().find(|span| !is_child(span)).unwrap();
    let children: Vec<_> = executions.iter().filter(is_child).collect();
    assert_eq!(children.len(), 2);
    for child in children {
        stands_under(child, whole);
        let attempts = world.script.tracer.called("attempt Work");
        let under = |attempt: &&Span| attempt.parent == Some(child.context.span);
        assert_eq!(attempts.iter().filter(under).count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_of_a_task_tells_its_method_and_its_status_and_no_address() {
    let world = World::new().await;
    let grants = json!({"http": [{
        "origins": ["https://orders.example"], "methods": ["GET"], "paths": ["/v1/*"]}]});
    world.role("worker", grants).await;
    let address = "https://orders.example/v1/orders?q=secret";
    let definition = task(
        "arn:aws:states:::http:invoke",
        json!({"ApiEndpoint": address, "Method": "GET"}),
    );
    let published = world.publish("machine", &definition, "worker").await;
    published.unwrap();
    for (status, outcome, error) in [
        (200, "succeeded", None),
        (503, "failed", Some("States.Http.StatusCode.503")),
    ] {
        let answers = &world.script.egress.answers;
        answers
            .lock()
            .unwrap()
            .push_back(Ok(response(status, "{}")));
        let id = start(&world.engine, Some(SAMPLED), json!({})).await;
        world.settle(&id).await;
        let execution = world.script.tracer.called("execution machine").pop();
        let arn = world.description(&id).await.unwrap().start.header.arn;
        let is_its = |span: &Span| told(span, "sluice.execution.arn").unwrap() == arn;
        let spans = world.script.tracer.spans.lock().unwrap().clone();
        let mut attempts = spans.into_iter().filter(is_its);
        let attempt = attempts
            .find(|span| span.name.starts_with("attempt "))
            .unwrap();
        stands_under(&attempt, &execution.unwrap());
        assert_eq!(phases(&attempt), ["admit", "record", "run", "commit"]);
        for (name, value) in [
            ("sluice.outcome", outcome),
            ("http.request.method", "GET"),
            ("http.response.status_code", &status.to_string()),
        ] {
            assert_eq!(told(&attempt, name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(attempt.error.as_deref(), error);
        assert!(!format!("{attempt:?}").contains("secret"));
    }
}
