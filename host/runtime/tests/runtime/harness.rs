//! A runtime with a catalogue in memory, permits made by the real chain of authority, and
//! small components.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use asl::{ExecutionId, Timestamp};
use async_trait::async_trait;
use auth::authority::{AttemptPermit, AttemptRequest, AuthorityVersion, Pairing, admit};
use auth::component::Component;
use auth::manifest::Manifest;
use auth::names::{Digest, Name};
use auth::policy::{Policies, PolicyFile, Resource};
use auth::principal::{Caller, Kind, Principal};
use auth::review::{Decision, Review};
use auth::role::{Role, RoleRevision};
use bytes::Bytes;
use ports::{
    Attempt, AttemptReport, Catalogue, Document, Key, Outcome, Refusal, Runner as _, StepContext,
    StoreError, Witness, WitnessError,
};
use runtime::{Runtime, RuntimeConfig};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

#[derive(Default)]
pub(crate) struct Blobs(Mutex<HashMap<Digest, Bytes>>);

impl Blobs {
    pub(crate) fn add(&self, wasm: &[u8]) -> Digest {
        let digest = Digest::of(wasm);
        self.0
            .lock()
            .unwrap()
            .insert(digest.clone(), Bytes::copy_from_slice(wasm));
        digest
    }
}

#[async_trait]
impl Catalogue for Blobs {
    async fn documents(
        &self,
        _: ports::Kind,
        _: Option<Key>,
        _: usize,
    ) -> Result<Vec<Document>, StoreError> {
        Ok(Vec::new())
    }

    async fn blob(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.lock().unwrap().get(digest).cloned())
    }
}

/// Keeps refusals, or fails to.
#[derive(Default)]
pub(crate) struct Witnessed {
    pub(crate) refusals: Mutex<Vec<Refusal>>,
    pub(crate) is_broken: bool,
}

#[async_trait]
impl Witness for Witnessed {
    async fn refused(&self, refusal: Refusal) -> Result<(), WitnessError> {
        if self.is_broken {
            return Err(WitnessError("the disk is full".into()));
        }
        self.refusals.lock().unwrap().push(refusal);
        Ok(())
    }
}

/// A runtime and what it reads from.
pub(crate) struct Bench {
    pub(crate) runtime: Runtime,
    pub(crate) blobs: Arc<Blobs>,
}

pub(crate) fn config() -> RuntimeConfig {
    RuntimeConfig {
        attempts_max: 32,
        ..RuntimeConfig::default()
    }
}

impl Bench {
    /// One for all tests that need nothing special, so that each guest is compiled once.
    pub(crate) fn new() -> &'static Self {
        static SHARED: LazyLock<Bench> = LazyLock::new(|| Bench::with(config()));
        &SHARED
    }

    pub(crate) fn with(config: RuntimeConfig) -> Self {
        let blobs = Arc::new(Blobs::default());
        let runtime = Runtime::new(config, Arc::clone(&blobs) as Arc<dyn Catalogue>).unwrap();
        Self { runtime, blobs }
    }

    /// Runs `wasm` on `input` with exactly `grants`, in the role's shape.
    pub(crate) async fn run(&self, wasm: &[u8], input: &str, grants: Value) -> Ran {
        let witness = Arc::new(Witnessed::default());
        let attempt = self.attempt(
            wasm,
            input,
            grants,
            Arc::clone(&witness) as Arc<dyn Witness>,
        );
        let report = self.runtime.run(attempt).await.unwrap();
        Ran {
            report,
            refusals: std::mem::take(&mut witness.refusals.lock().unwrap()),
        }
    }

    pub(crate) fn attempt(
        &self,
        wasm: &[u8],
        input: &str,
        grants: Value,
        witness: Arc<dyn Witness>,
    ) -> Attempt {
        let digest = self.blobs.add(wasm);
        let permit = permit(digest, grants);
        let time = permit.capabilities().limits.time();
        Attempt {
            permit,
            context: context(),
            input: input.to_owned(),
            time,
            cancelled: CancellationToken::new(),
            witness,
        }
    }
}

/// An attempt that ended, and what the witness was told.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) report: AttemptReport,
    pub(crate) refusals: Vec<Refusal>,
}

impl Ran {
    #[track_caller]
    pub(crate) fn output(&self) -> &str {
        match &self.report.outcome {
            Outcome::Succeeded { output } => output,
            Outcome::Failed { .. } | Outcome::Cancelled => panic!("{self:?}"),
        }
    }

    /// The cause, if the attempt failed with `expected`.
    #[track_caller]
    pub(crate) fn cause(&self, expected: &str) -> &str {
        match &self.report.outcome {
            Outcome::Failed { error, cause } if error == expected => cause,
            Outcome::Succeeded { .. } | Outcome::Failed { .. } | Outcome::Cancelled => {
                panic!("{self:?}")
            }
        }
    }

    /// Asserts that exactly one host call was refused, by `rule`, and that the attempt failed so.
    #[track_caller]
    pub(crate) fn is_denied(&self, rule: &str) -> &Refusal {
        let cause = self.cause("Sluice.AccessDenied");
        let [refusal] = self.refusals.as_slice() else {
            panic!("{self:?}")
        };
        assert_eq!(refusal.rule, rule, "{self:?}");
        assert!(
            cause.contains(rule) && cause.contains(&refusal.reason),
            "{cause}"
        );
        refusal
    }
}

pub(crate) fn context() -> StepContext {
    StepContext {
        execution_arn: "arn:aws:states:us-east-1:000000000000:execution:daily:one".to_owned(),
        execution: ExecutionId::parse("one").unwrap(),
        state_machine: "daily".to_owned(),
        state: "Write".to_owned(),
        component: "writer".to_owned(),
        attempt: 1,
        idempotency_key: "one/1/1".to_owned(),
        deadline: Timestamp(1_800_000_030_000),
        caller: caller(),
    }
}

fn principal(subject: &str) -> Principal {
    Principal {
        issuer: "https://id".to_owned(),
        subject: subject.to_owned(),
        kind: Kind::User,
        groups: Vec::new(),
        display_name: None,
    }
}

pub(crate) fn caller() -> Caller {
    Caller {
        principal: principal("olga"),
        actors: vec![principal("agent")],
        method: "oidc".to_owned(),
        authenticated_at: None,
        expires_at: 0,
        token_hash: String::new(),
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A manifest that needs what a role grants.
fn needs(grants: &Value) -> Manifest {
    let mut needs = grants.clone();
    for list in ["http", "filesystem"] {
        for entry in needs
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            entry["reason"] = json!("a test");
        }
    }
    Manifest::from_json(&needs).unwrap()
}

fn permit(digest: Digest, grants: Value) -> AttemptPermit {
    let component = Arc::new(Component {
        name: name("writer"),
        version: "1.0.0".to_owned(),
        digest: digest.clone(),
        imports: Vec::new(),
        manifest: Arc::new(needs(&grants)),
        uploaded_by: Vec::new(),
    });
    let role = Arc::new(Role::parse(&grants).unwrap());
    let revision = RoleRevision::new(name("writers"), 1, role, Vec::new());
    let review = Review {
        component: component.name.clone(),
        version: component.version.clone(),
        digest,
        role: revision.name().clone(),
        role_revision: 1,
        role_digest: revision.digest().clone(),
        decision: Decision::Approve,
        comment: String::new(),
        by: principal("rita"),
        at: 1,
    };
    let authority = AuthorityVersion(1);
    let pairing = Pairing::judge(
        component,
        &name("writers"),
        &[revision],
        &[review],
        authority,
    );
    let text = r#"@id("all") permit (principal, action, resource);"#.to_owned();
    let policies = Policies::parse(&[PolicyFile {
        name: "test.cedar".to_owned(),
        text,
    }])
    .unwrap();
    let start = policies
        .permits(&caller(), &Resource::state_machine(&name("daily")))
        .unwrap();
    let pass_role = policies
        .permits(&caller(), &Resource::role(&name("writers")))
        .unwrap();
    let request = AttemptRequest {
        pairing: &pairing,
        state_machine: &name("daily"),
        start: &start,
        pass_role: &pass_role,
        authority,
    };
    admit(request).unwrap()
}

/// A step whose core module has these fields. The module exports `memory`, `realloc` and `run`;
/// the first is given, with `realloc` handing out memory from 64 KiB on.
pub(crate) fn step(body: &str) -> Vec<u8> {
    component(&format!(
        r#"{STEP_TYPES}
        (core module $m
            (memory (export "memory") 4)
            (global $next (mut i32) (i32.const 65536))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                (global.set $next (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            {body})
        (core instance $i (instantiate $m))
        {STEP_RUN}"#
    ))
}

pub(crate) fn component(text: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {text})")).unwrap()
}

/// What world `sluice:step/step` imports.
pub(crate) const STEP_TYPES: &str = r#"
    (import "sluice:step/types@0.1.0" (instance $types
        (type $k' (enum "user" "service" "agent"))
        (export "principal-kind" (type $k (eq $k')))
        (type $p' (record (field "issuer" string) (field "subject" string) (field "kind" $k)
            (field "groups" (list string))))
        (export "principal" (type $p (eq $p')))
        (type $c' (record (field "principal" $p) (field "actors" (list $p))))
        (export "caller" (type $c (eq $c')))
        (type $x (record (field "execution" string) (field "state-machine" string)
            (field "state" string) (field "component" string) (field "attempt" u32)
            (field "idempotency-key" string) (field "deadline-ms" u64) (field "caller" (option $c))))
        (export "context" (type (eq $x)))
        (type $f (record (field "error" string) (field "cause" string)))
        (export "failure" (type (eq $f)))))
    (alias export $types "context" (type $context))
    (alias export $types "failure" (type $failure))"#;

/// Its export, lifted from core instance `$i`.
pub(crate) const STEP_RUN: &str = r#"
    (func $run (param "context" $context) (param "input" string)
        (result (result string (error $failure)))
        (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
    (export "run" (func $run))"#;

/// A core function `run` that answers `code`'s two numbers, address and length, as output.
pub(crate) fn answering(code: &str) -> String {
    format!(
        r#"(func (export "run") (param $args i32) (result i32)
            (i32.store8 (i32.const 16) (i32.const 0))
            {code}
            (i32.const 16))"#
    )
}

/// Answers its input.
pub(crate) fn echo() -> Vec<u8> {
    step(&answering(
        "(i32.store (i32.const 20) (i32.load offset=96 (local.get $args)))
         (i32.store (i32.const 24) (i32.load offset=100 (local.get $args)))",
    ))
}

/// One of the programs under `tests/guests`, built by the first test that asks.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
        let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/Cargo.toml");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args([
                "build",
                "--quiet",
                "--release",
                "--locked",
                "--target",
                "wasm32-wasip2",
            ])
            .arg("--manifest-path")
            .arg(guests)
            .arg("--target-dir")
            .arg(&target)
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .status()
            .unwrap();
        assert!(built.success(), "the guests do not build");
        target.join("wasm32-wasip2/release")
    });
    std::fs::read(FOLDER.join(name).with_extension("wasm")).unwrap()
}

/// A JSON string of `words`.
pub(crate) fn say(words: &str) -> String {
    Value::from(words).to_string()
}

/// How long a test waits for what must happen at once.
pub(crate) const SOON: Duration = Duration::from_secs(20);
