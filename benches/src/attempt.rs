//! One attempt: the runner against bare wasmtime, and the check before it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use asl::{ExecutionId, Timestamp};
use async_trait::async_trait;
use auth::authority::{AttemptPermit, AttemptRequest, AuthorityVersion, Pairing, admit};
use auth::component::Component;
use auth::manifest::Manifest;
use auth::names::{Digest, Name};
use auth::policy::{PassRole, Permit, Policies, Resource, StartExecution};
use auth::review::{Decision, Review};
use auth::role::{Role, RoleRevision};
use bytes::Bytes;
use ports::{
    Attempt, Catalogue, Document, Key, Kind, Outcome, Refusal, Runner as _, StepContext,
    StoreError, Witness, WitnessError,
};
use runtime::{Bare, Runtime, RuntimeConfig};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::figures::Figures;
use crate::host::{caller, name};

const WARM_UP: usize = 200;
const RUNS: usize = 3_000;
const INPUT: &str = r#"{"name":"Ada"}"#;

/// The times of bare wasmtime and of the runner, alternating.
pub(crate) async fn bare_and_ours(wasm: &[u8]) -> Result<(Figures, Figures)> {
    let config = RuntimeConfig::default();
    let bare = Bare::new(&config, wasm).map_err(anyhow::Error::msg)?;
    let bytes = Bytes::copy_from_slice(wasm);
    let runtime = Runtime::new(config, Arc::new(OneBlob(bytes.clone())))?;
    let chain = Chain::of(Digest::of(&bytes))?;
    let (mut bare_times, mut our_times) = (Vec::new(), Vec::new());
    for turn in 0..WARM_UP + RUNS {
        let (bare_time, _) = bare.call(INPUT).await.map_err(anyhow::Error::msg)?;
        let attempt = attempt(chain.permit()?);
        let started = Instant::now();
        let report = runtime.run(attempt).await?;
        let our_time = started.elapsed();
        ensure!(
            matches!(report.outcome, Outcome::Succeeded { .. }),
            "{:?}",
            report.outcome
        );
        if turn >= WARM_UP {
            bare_times.push(bare_time);
            our_times.push(our_time);
        }
    }
    Ok((Figures::of(bare_times), Figures::of(our_times)))
}

/// The times of the authority check of an attempt whose pairing and permits are known.
pub(crate) fn admission() -> Result<Figures> {
    const BATCH: u32 = 100;
    let chain = Chain::of(Digest::of(b"bench"))?;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let started = Instant::now();
        for _ in 0..BATCH {
            std::hint::black_box(chain.permit()?);
        }
        times.push(started.elapsed() / BATCH);
    }
    Ok(Figures::of(times))
}

/// Everything that an attempt's permit is made of.
struct Chain {
    pairing: Pairing,
    machine: Name,
    start: Permit<StartExecution>,
    pass_role: Permit<PassRole>,
}

impl Chain {
    fn of(digest: Digest) -> Result<Self> {
        let bench = name("bench")?;
        let component = Component {
            name: bench.clone(),
            version: "1.0.0".to_owned(),
            digest: digest.clone(),
            imports: Vec::new(),
            manifest: Arc::new(Manifest::none()),
            uploaded_by: Vec::new(),
        };
        let role = Role::parse(&json!({})).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
        let role = RoleRevision::new(bench.clone(), 1, Arc::new(role), Vec::new());
        let review = Review {
            component: bench.clone(),
            version: "1.0.0".to_owned(),
            digest,
            role: bench.clone(),
            role_revision: 1,
            role_digest: role.digest().clone(),
            decision: Decision::Approve,
            comment: String::new(),
            by: caller("reviewers").principal,
            at: 0,
        };
        let pairing = Pairing::judge(
            Arc::new(component),
            &bench,
            &[role],
            &[review],
            AuthorityVersion(1),
        );
        let (policies, operator) = (Policies::development(), caller("operators"));
        Ok(Self {
            pairing,
            start: policies.permits(&operator, &Resource::state_machine(&bench))?,
            pass_role: policies.permits(&operator, &Resource::role(&bench))?,
            machine: bench,
        })
    }

    fn permit(&self) -> Result<AttemptPermit> {
        Ok(admit(AttemptRequest {
            pairing: &self.pairing,
            state_machine: &self.machine,
            start: &self.start,
            pass_role: &self.pass_role,
            authority: AuthorityVersion(1),
        })?)
    }
}

fn attempt(permit: AttemptPermit) -> Attempt {
    let context = StepContext {
        execution_arn: "arn:aws:states:us-east-1:000000000000:execution:bench:one".to_owned(),
        execution: ExecutionId::parse("one").expect("three lower-case letters"),
        state_machine: "bench".to_owned(),
        state: "Step".to_owned(),
        component: "bench".to_owned(),
        attempt: 1,
        idempotency_key: "one-1".to_owned(),
        deadline: Timestamp(i64::MAX),
        caller: caller("operators"),
    };
    Attempt {
        permit,
        context,
        input: INPUT.to_owned(),
        time: Duration::from_secs(30),
        cancelled: CancellationToken::new(),
        witness: Arc::new(NoWitness),
    }
}

struct NoWitness;

#[async_trait]
impl Witness for NoWitness {
    async fn refused(&self, refusal: Refusal) -> Result<(), WitnessError> {
        Err(WitnessError(refusal.reason.into()))
    }
}

struct OneBlob(Bytes);

#[async_trait]
impl Catalogue for OneBlob {
    async fn documents(
        &self,
        _: Kind,
        _: Option<Key>,
        _: usize,
    ) -> Result<Vec<Document>, StoreError> {
        Ok(Vec::new())
    }

    async fn blob(&self, _: &Digest) -> Result<Option<Bytes>, StoreError> {
        Ok(Some(self.0.clone()))
    }
}
