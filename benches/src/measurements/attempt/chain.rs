//! Everything that an attempt's permit is made of, and attempts under it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use asl::{ExecutionId, Timestamp};
use async_trait::async_trait;
use auth::authority::{AttemptPermit, AttemptRequest, AuthorityVersion, Pairing, admit};
use auth::component::Component;
use auth::manifest::Manifest;
use auth::names::{Digest, Name};
use auth::policy::{PassRole, Permit, Policies, Resource, StartExecution};
use auth::review::{Decision, Review};
use auth::role::{Role, RoleRevision};
use ports::{Attempt, Refusal, StepContext, Witness, WitnessError};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::host::{caller, name};

/// What every attempt is given.
pub(super) const INPUT: &str = r#"{"name":"Ada"}"#;

/// The authority of one component under one role.
pub(super) struct Chain {
    pairing: Pairing,
    machine: Name,
    start: Permit<StartExecution>,
    pass_role: Permit<PassRole>,
}

impl Chain {
    pub(super) fn of(digest: Digest) -> Result<Self> {
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

    /// Asks for everything that an attempt needs.
    pub(super) fn permit(&self) -> Result<AttemptPermit> {
        Ok(admit(AttemptRequest {
            pairing: &self.pairing,
            state_machine: &self.machine,
            start: &self.start,
            pass_role: &self.pass_role,
            authority: AuthorityVersion(1),
        })?)
    }

    /// An attempt that may run.
    pub(super) fn attempt(&self) -> Result<Attempt> {
        let context = StepContext {
            execution_arn: "arn:aws:states:us-east-1:000000000000:execution:bench:one".to_owned(),
            execution: ExecutionId::parse("one").context("three lower-case letters")?,
            state_machine: "bench".to_owned(),
            state: "Step".to_owned(),
            component: "bench".to_owned(),
            attempt: 1,
            idempotency_key: "one-1".to_owned(),
            deadline: Timestamp(i64::MAX),
            caller: caller("operators"),
        };
        Ok(Attempt {
            permit: self.permit()?,
            context,
            input: INPUT.to_owned(),
            time: Duration::from_secs(30),
            cancelled: CancellationToken::new(),
            witness: Arc::new(NoWitness),
        })
    }
}

struct NoWitness;

#[async_trait]
impl Witness for NoWitness {
    async fn refused(&self, refusal: Refusal) -> Result<(), WitnessError> {
        Err(WitnessError(refusal.reason.into()))
    }
}
