//! A host without a disk, a sandbox or a clock of its own: paused time, a store that crashes on
//! demand, components that answer by script.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use asl::jsonata::{
    Evaluated, Evaluation, EvaluationError, EvaluationErrorKind, Evaluator, References,
    SyntaxError, Unavailable,
};
use asl::{ExecutionId, Timestamp};
use async_trait::async_trait;
use audit::Sha256Chain;
use auth::names::Digest;
use auth::policy::{
    Action, Permit, Policies, PolicyFile, PublishStateMachine, Resource, StopExecution,
};
use auth::principal::Caller;
use bytes::Bytes;
use engine::{
    Config, Created, Draft, Engine, Error, MachineType, Ports, RoleReference, Settings,
    StartRequest, Started, Tags,
};
use ports::{
    Attempt, AttemptReport, Clock, Description, Exports, HistoryCursor, Inspection, Outcome,
    Rejected, RunError, Runner, Usage,
};
use serde_json::{Value, json};
use store::MemoryStore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::archive::{FlakyArchive, FlakyJournal, Refused, Unreadable};
use crate::egress::ScriptedEgress;
pub(crate) use crate::people::{caller, name};
use crate::traces::Collected;
use crate::volumes::MemoryVolumes;

/// What the scripted components did, across crashes.
#[derive(Default)]
pub(crate) struct Script {
    /// Idempotency keys by component, in the order of the runs.
    pub(crate) runs: Mutex<Vec<(String, String)>>,
    /// What the runs were given, in the same order.
    pub(crate) inputs: Mutex<Vec<String>>,
    /// The server's volumes.
    pub(crate) volumes: Arc<MemoryVolumes>,
    /// The servers that HTTP Tasks reach.
    pub(crate) egress: Arc<ScriptedEgress>,
    /// Who collects spans.
    pub(crate) tracer: Arc<Collected>,
    /// How far the archive cannot be read.
    pub(crate) unreadable: Unreadable,
    /// Executions whose records cannot be read.
    pub(crate) damaged: Mutex<BTreeSet<ExecutionId>>,
    /// How often the disk fails before each of these executions can be read.
    pub(crate) unread: Mutex<BTreeMap<ExecutionId, u32>>,
    /// Which commit takes how long: the one that tells of an action.
    pub(crate) slow: Mutex<Option<(&'static str, Duration)>>,
    /// What the journal refuses.
    pub(crate) refused: Mutex<Refused>,
    running: AtomicUsize,
    /// Attempts at the component `endless` that were told to end, and those that are gone.
    pub(crate) cancelled: AtomicUsize,
    pub(crate) gone: AtomicUsize,
    /// The most attempts that ever ran at once.
    pub(crate) running_most: AtomicUsize,
    /// How often the next attempts of a component fail before it succeeds.
    pub(crate) failures: Mutex<BTreeMap<String, u32>>,
}

struct ScriptedRunner(Arc<Script>);

#[async_trait]
impl Runner for ScriptedRunner {
    async fn inspect(&self, wasm: Bytes) -> Result<Inspection, Rejected> {
        let manifest = std::str::from_utf8(&wasm)
            .ok()
            .filter(|text| !text.is_empty());
        Ok(Inspection {
            digest: Digest::of(&wasm),
            imports: Vec::new(),
            exports: Exports::Step,
            manifest: manifest.map(ToOwned::to_owned),
        })
    }

    async fn prepare(&self, _digest: &Digest) -> Result<(), RunError> {
        Ok(())
    }

    async fn run(&self, attempt: Attempt) -> Result<AttemptReport, RunError> {
        let script = &self.0;
        let component = attempt.context.component.clone();
        let key = attempt.context.idempotency_key.clone();
        script.runs.lock().unwrap().push((component.clone(), key));
        script.inputs.lock().unwrap().push(attempt.input.clone());
        if component == "endless" {
            return self.run_endlessly(&attempt).await;
        }
        let running = script.running.fetch_add(1, Ordering::SeqCst) + 1;
        script.running_most.fetch_max(running, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
        script.running.fetch_sub(1, Ordering::SeqCst);
        let fails = {
            let mut failures = script.failures.lock().unwrap();
            failures
                .get_mut(&component)
                .filter(|left| **left > 0)
                .map(|left| *left -= 1)
                .is_some()
        };
        let outcome = match fails {
            true => Outcome::Failed {
                error: "Flaky".to_owned(),
                cause: "by script".to_owned(),
            },
            false => Outcome::Succeeded {
                output: json!({"by": component}).to_string(),
            },
        };
        Ok(AttemptReport {
            outcome,
            logs: Vec::new(),
            usage: Usage::default(),
            uses: Vec::new(),
            times: None,
        })
    }
}

impl ScriptedRunner {
    /// As a guest in a loop: it ends when it is told to, or is dropped.
    async fn run_endlessly(&self, attempt: &Attempt) -> Result<AttemptReport, RunError> {
        struct Gone<'a>(&'a Script);
        impl Drop for Gone<'_> {
            fn drop(&mut self) {
                self.0.gone.fetch_add(1, Ordering::SeqCst);
            }
        }
        let _gone = Gone(&self.0);
        attempt.cancelled.cancelled().await;
        self.0.cancelled.fetch_add(1, Ordering::SeqCst);
        Ok(AttemptReport {
            outcome: Outcome::Cancelled,
            logs: Vec::new(),
            usage: Usage::default(),
            uses: Vec::new(),
            times: None,
        })
    }
}

/// Time as tokio's paused clock tells it, so that waiting costs nothing.
struct PausedClock {
    began: tokio::time::Instant,
    /// How far somebody set it, in milliseconds.
    set_by: AtomicI64,
    seeds: AtomicU64,
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let elapsed = self.began.elapsed().as_millis();
        let set_by = self.set_by.load(Ordering::Relaxed);
        Timestamp(1_700_000_000_000 + i64::try_from(elapsed).unwrap() + set_by)
    }

    fn seed(&self) -> u64 {
        self.seeds
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }
}

/// One host and what outlives it.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) script: Arc<Script>,
    pub(crate) engine: Engine,
    config: Config,
    clock: Arc<PausedClock>,
    shutdown: CancellationToken,
    service: JoinHandle<()>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let clock = PausedClock {
            began: tokio::time::Instant::now(),
            set_by: AtomicI64::new(0),
            seeds: AtomicU64::new(1),
        };
        let store = Arc::new(MemoryStore::new(Arc::new(Sha256Chain)));
        let policies = Policies::development();
        Self::host(store, Arc::default(), Arc::new(clock), (config, policies)).await
    }

    async fn host(
        store: Arc<MemoryStore>,
        script: Arc<Script>,
        clock: Arc<PausedClock>,
        (config, policies): (Config, Policies),
    ) -> Self {
        let ports = Ports {
            journal: Arc::new(FlakyJournal {
                store: Arc::clone(&store),
                script: Arc::clone(&script),
            }),
            archive: Arc::new(FlakyArchive {
                store: Arc::clone(&store),
                script: Arc::clone(&script),
            }),
            backups: Arc::clone(&store) as _,
            catalogue: Arc::clone(&store) as _,
            retention: Arc::clone(&store) as _,
            runner: Arc::new(ScriptedRunner(Arc::clone(&script))),
            evaluator: Arc::new(NoEvaluator),
            egress: Arc::clone(&script.egress) as _,
            volumes: Arc::clone(&script.volumes) as _,
            clock: Arc::clone(&clock) as _,
            tracer: Arc::clone(&script.tracer) as _,
        };
        let (engine, service) = Engine::open(ports, config.clone(), Arc::new(policies))
            .await
            .unwrap();
        let shutdown = CancellationToken::new();
        let service = tokio::spawn(service.run(shutdown.clone()));
        engine.recovered().await;
        Self {
            store,
            script,
            engine,
            config,
            clock,
            shutdown,
            service,
        }
    }

    /// Ends this host as a crash does, and starts the next one on what is durable.
    pub(crate) async fn next_host(self) -> Self {
        self.next_host_after(Duration::ZERO).await
    }

    /// Ends this host as a crash does, and starts the next one under another policy.
    pub(crate) async fn under(self, policy: &str) -> Self {
        let store = Arc::new(self.store.reopen().unwrap());
        self.service.abort();
        let _ = self.service.await;
        let file = PolicyFile {
            name: "test.cedar".to_owned(),
            text: policy.to_owned(),
        };
        let policies = Policies::parse(&[file]).unwrap();
        Self::host(store, self.script, self.clock, (self.config, policies)).await
    }

    /// Ends this host in good order, and starts the next one.
    pub(crate) async fn drained(self) -> Self {
        self.shutdown.cancel();
        self.service.await.unwrap();
        let store = Arc::new(self.store.reopen().unwrap());
        let rules = (self.config, Policies::development());
        Self::host(store, self.script, self.clock, rules).await
    }

    /// Ends this host as a crash does, and starts the next one after some time.
    pub(crate) async fn next_host_after(self, time: Duration) -> Self {
        let store = Arc::new(self.store.reopen().unwrap());
        self.service.abort();
        let _ = self.service.await;
        tokio::time::advance(time).await;
        let rules = (self.config, Policies::development());
        Self::host(store, self.script, self.clock, rules).await
    }

    /// Sets the clock forward, or back.
    pub(crate) fn set_clock(&self, by: i64) {
        self.clock.set_by.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn permit<A: Action>(&self, group: &str, resource: Resource) -> Permit<A> {
        self.engine
            .policies()
            .permits::<A>(&caller(group), &resource)
            .unwrap()
    }

    /// A component whose manifest is the text given, approved under `role`.
    pub(crate) async fn component(&self, component: &str, manifest: &str, role: &str) {
        let (component, role) = (name(component), name(role));
        let version = semver::Version::new(1, 0, 0);
        let permit = self.permit("authors", Resource::component(&component));
        let bytes = Bytes::copy_from_slice(manifest.as_bytes());
        self.engine
            .upload_component(permit, component.clone(), version, bytes)
            .await
            .unwrap();
        let review = json!({"component": component, "version": "1.0.0", "role": role, "decision": "approve", "comment": ""});
        let permit = self.permit("reviewers", Resource::component(&component));
        self.engine.write_review(permit, &review).await.unwrap();
    }

    pub(crate) async fn role(&self, role: &str, grants: Value) {
        let role = name(role);
        let permit = self.permit("operators", Resource::role(&role));
        self.engine.put_role(permit, role, &grants).await.unwrap();
    }

    pub(crate) async fn publish(
        &self,
        machine: &str,
        definition: &Value,
        role: &str,
    ) -> Result<(), Error> {
        let machine = name(machine);
        let permit = self.permit("operators", Resource::state_machine(&machine));
        let role = Some(name(role));
        self.engine
            .publish(permit, machine, definition, role)
            .await
            .map(|_| ())
    }

    /// Publishes a state machine of a type.
    pub(crate) async fn create(
        &self,
        machine: &str,
        definition: &Value,
        role: &str,
        kind: MachineType,
    ) {
        let machine = name(machine);
        let draft = Draft {
            definition: definition.clone().into(),
            role: Some(RoleReference {
                name: name(role),
                arn: None,
            }),
            settings: Settings {
                kind,
                ..Settings::default()
            },
        };
        let permit =
            self.permit::<PublishStateMachine>("operators", Resource::state_machine(&machine));
        let made = self
            .engine
            .create_machine(permit, machine, draft, Tags::default(), None);
        made.await.unwrap();
    }

    pub(crate) async fn start(
        &self,
        machine: &str,
        name_: &str,
        input: Value,
    ) -> Result<Created<Started>, Error> {
        self.start_by(&caller("operators"), machine, name_, input)
            .await
    }

    pub(crate) async fn start_by(
        &self,
        caller: &Caller,
        machine: &str,
        name_: &str,
        input: Value,
    ) -> Result<Created<Started>, Error> {
        let machine = name(machine);
        let policies = self.engine.policies();
        let permit = policies.permits(caller, &Resource::state_machine(&machine));
        let permit = permit.unwrap();
        let request = StartRequest {
            name: Some(name(name_).into()),
            ..StartRequest::new(machine, input)
        };
        self.engine.start(permit, request).await
    }

    pub(crate) async fn stop(&self, id: &ExecutionId) {
        let resource = Resource::execution(&name("machine"), id.as_str());
        let permit = self.permit::<StopExecution>("operators", resource);
        self.engine.stop(permit, id, None, None).await.unwrap();
    }

    /// Waits until nothing more happens on this host.
    pub(crate) async fn settle(&self, id: &ExecutionId) {
        if let Ok(Some(mut follower)) = self.engine.follow(id).await {
            while follower.changed().await.is_ok() {}
        }
    }

    pub(crate) async fn description(&self, id: &ExecutionId) -> Option<Description> {
        self.engine.find(id.as_str()).await.unwrap()
    }

    /// The types of an execution's history events, in order.
    pub(crate) async fn history(&self, id: &ExecutionId) -> Vec<String> {
        let permit = self.permit(
            "operators",
            Resource::execution(&name("machine"), id.as_str()),
        );
        let page = self
            .engine
            .history(&permit, id, HistoryCursor::default(), 10_000)
            .await
            .unwrap();
        let events = page.events.iter().map(|event| event.to_json());
        events
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Every audit record, oldest first, after verifying the chain.
    pub(crate) async fn audit(&self) -> Vec<Value> {
        let permit = self.permit("auditors", Resource::host());
        let ports::AuditPage { links, head, .. } =
            self.engine.audit(permit, 0, 100_000).await.unwrap();
        let mut verifier = audit::Verifier::default();
        links.iter().for_each(|link| verifier.push(link).unwrap());
        verifier.finish(head).unwrap();
        links
            .iter()
            .map(|link| serde_json::from_str(&link.body).unwrap())
            .collect()
    }
}

/// Evaluates nothing: plain paths and literals need no evaluator.
struct NoEvaluator;

impl Evaluator for NoEvaluator {
    fn evaluate(&self, _: &Evaluation<'_>) -> Result<Evaluated, EvaluationError> {
        let kind = EvaluationErrorKind::Unavailable("none here".to_owned());
        Err(EvaluationError {
            index: 0,
            kind,
            instructions: 0,
        })
    }

    fn check(&self, _: &[&str]) -> Result<Vec<Result<References, SyntaxError>>, Unavailable> {
        Err(Unavailable("none here".to_owned()))
    }
}
