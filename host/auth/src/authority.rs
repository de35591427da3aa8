//! The authority chain: what all of upload, publish, start and attempt must allow.
//!
//! Owns the order of the checks and the proof that they were made. It asks neither policy nor
//! store: permits, revisions and reviews are arguments, and the store refuses what was decided
//! under an authority that has moved on.

mod egress;
mod imports;

use std::sync::Arc;

use document::Problem;

pub use egress::{EgressPermit, EgressRequest, admit_egress};
pub use imports::imports_within;

use crate::capability::{Capabilities, effective, needs_within};
use crate::component::Component;
use crate::names::{Digest, Name};
use crate::policy::{self, PassRole, Permit, Resource, StartExecution};
use crate::review::{Review, Standing, approval_for};
use crate::role::RoleRevision;

/// Counts every change to roles, reviews, components and policy; decisions name the count they
/// were made under, and the store refuses to commit one whose count has passed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct AuthorityVersion(pub u64);

/// The authority chain refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused by `{rule}`: {reason}")]
pub struct Denied {
    /// The rule that decided.
    pub rule: String,
    /// What is missing, in one line.
    pub reason: String,
}

impl From<policy::Denied> for Denied {
    fn from(denied: policy::Denied) -> Self {
        Self {
            rule: denied.rule,
            reason: denied.reason,
        }
    }
}

/// What publish and every attempt ask about one component under one role: whether its needs are
/// granted and reviewed. Depends on documents only, so one may be kept for as long as the
/// authority version stands.
#[derive(Clone, Debug)]
pub struct Pairing {
    component: Arc<Component>,
    role: Name,
    decided_under: AuthorityVersion,
    verdict: Result<Arc<Granted>, Vec<Refusal>>,
}

/// What a sound pairing allows.
#[derive(Debug)]
struct Granted {
    component: Arc<Component>,
    role: Name,
    role_revision: u64,
    capabilities: Arc<Capabilities>,
    rules: Vec<String>,
}

/// One reason against a pairing.
#[derive(Clone, Debug)]
struct Refusal {
    rule: &'static str,
    problem: Problem,
}

impl Pairing {
    /// Judges `component` under the current revision of `role`: the one with the highest number
    /// in `revisions`, which holds all of that role's revisions, or none if there is no such role.
    pub fn judge(
        component: Arc<Component>,
        role: &Name,
        revisions: &[RoleRevision],
        reviews: &[Review],
        decided_under: AuthorityVersion,
    ) -> Self {
        let verdict = judge(&component, role, revisions, reviews).map(Arc::new);
        Self {
            component,
            role: role.clone(),
            decided_under,
            verdict,
        }
    }

    /// What keeps a Task from running this component under this role; empty if nothing does.
    /// Every problem stands at `pointer`, the Task's place in the definition, and names the
    /// place in the manifest.
    pub fn problems(&self, pointer: &str) -> Vec<Problem> {
        let refusals = self.verdict.as_ref().err().into_iter().flatten();
        refusals
            .map(|refusal| Problem::new(pointer, self.sentence(refusal)))
            .collect()
    }

    /// The component version.
    pub fn component(&self) -> &Arc<Component> {
        &self.component
    }

    /// The role.
    pub fn role(&self) -> &Name {
        &self.role
    }

    fn sentence(&self, refusal: &Refusal) -> String {
        let Component { name, version, .. } = &*self.component;
        let role = &self.role;
        let place = match refusal.problem.pointer.as_str() {
            "" => String::new(),
            pointer => format!(" (`{pointer}` of its manifest)"),
        };
        format!(
            "component `{name}@{version}`{place} under role `{role}`: {}",
            refusal.problem.message
        )
    }

    fn denied(&self, refusals: &[Refusal]) -> Denied {
        let more = match refusals.len() {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        match refusals.first() {
            Some(first) => Denied {
                rule: first.rule.to_owned(),
                reason: format!("{}{more}", self.sentence(first)),
            },
            None => Denied {
                rule: "authority".to_owned(),
                reason: "nothing allows it".to_owned(),
            },
        }
    }
}

/// One attempt that wants to run, with everything decided for it.
#[derive(Clone, Copy, Debug)]
pub struct AttemptRequest<'a> {
    /// The component under the role.
    pub pairing: &'a Pairing,
    /// The state machine whose execution it belongs to.
    pub state_machine: &'a Name,
    /// That the execution's caller may start it, decided afresh.
    pub start: &'a Permit<StartExecution>,
    /// That the execution's caller may pass the role, decided afresh.
    pub pass_role: &'a Permit<PassRole>,
    /// The authority version that the two permits were decided under.
    pub authority: AuthorityVersion,
}

/// Proof that one attempt of one component was allowed under one role, and what it may touch.
#[derive(Clone, Debug)]
pub struct AttemptPermit {
    granted: Arc<Granted>,
    decided_under: AuthorityVersion,
    rules: Vec<String>,
}

impl AttemptPermit {
    /// The component's name.
    pub fn component(&self) -> &Name {
        &self.granted.component.name
    }

    /// The component's version.
    pub fn version(&self) -> &str {
        &self.granted.component.version
    }

    /// The digest of the component's bytes.
    pub fn digest(&self) -> &Digest {
        &self.granted.component.digest
    }

    /// The role it runs under.
    pub fn role(&self) -> &Name {
        &self.granted.role
    }

    /// The role's revision.
    pub fn role_revision(&self) -> u64 {
        self.granted.role_revision
    }

    /// Whether the attempt may run again if it is interrupted.
    pub fn is_idempotent(&self) -> bool {
        self.granted.component.manifest.is_idempotent()
    }

    /// What it may touch.
    pub fn capabilities(&self) -> &Arc<Capabilities> {
        &self.granted.capabilities
    }

    /// The authority that must still stand when the attempt is written down.
    pub fn decided_under(&self) -> AuthorityVersion {
        self.decided_under
    }

    /// The rules that allowed it: role, review and policies.
    pub fn rules(&self) -> &[String] {
        &self.rules
    }
}

/// Admits an attempt: the pairing must be sound, and both permits must be for this state machine
/// and this role, and for the same caller.
///
/// # Errors
/// Which rule refused, and what is missing.
pub fn admit(request: AttemptRequest<'_>) -> Result<AttemptPermit, Denied> {
    let AttemptRequest {
        pairing,
        state_machine,
        start,
        pass_role,
        authority,
    } = request;
    let granted = match &pairing.verdict {
        Ok(granted) => granted,
        Err(refusals) => return Err(pairing.denied(refusals)),
    };
    check_permits((start, state_machine), (pass_role, &pairing.role))?;
    Ok(AttemptPermit {
        granted: Arc::clone(granted),
        decided_under: pairing.decided_under.min(authority),
        rules: rules_of(&granted.rules, start, pass_role),
    })
}

/// Both permits must be for what is attempted, and for the same caller.
fn check_permits(
    (start, state_machine): (&Permit<StartExecution>, &Name),
    (pass_role, role): (&Permit<PassRole>, &Name),
) -> Result<(), Denied> {
    let is_for_machine =
        matches!(start.resource(), Resource::StateMachine(name) if name == state_machine);
    let is_for_role = matches!(pass_role.resource(), Resource::Role(name) if name == role);
    if is_for_machine && is_for_role && start.caller() == pass_role.caller() {
        return Ok(());
    }
    Err(Denied {
        rule: "authority.permit-mismatch".to_owned(),
        reason: format!(
            "the permits are for `{}` and `{}`, not for one caller on state machine `{state_machine}` and role `{role}`",
            start.resource(),
            pass_role.resource(),
        ),
    })
}

/// Every rule that allowed an attempt, each once: those of documents, then those of policy.
fn rules_of(
    granted: &[String],
    start: &Permit<StartExecution>,
    pass_role: &Permit<PassRole>,
) -> Vec<String> {
    let mut rules =
        Vec::with_capacity(granted.len() + start.rules().len() + pass_role.rules().len());
    rules.extend_from_slice(granted);
    for rule in start.rules().iter().chain(pass_role.rules()) {
        if !rules.contains(rule) {
            rules.push(rule.clone());
        }
    }
    rules
}

fn judge(
    component: &Arc<Component>,
    role: &Name,
    revisions: &[RoleRevision],
    reviews: &[Review],
) -> Result<Granted, Vec<Refusal>> {
    let refusal = |rule, message: String| Refusal {
        rule,
        problem: Problem::new("", message),
    };
    let own = revisions.iter().filter(|revision| revision.name() == role);
    let Some(current) = own.max_by_key(|revision| revision.revision()) else {
        let message = format!("there is no role `{role}`, create it first");
        return Err(vec![refusal("authority.role-missing", message)]);
    };
    let needs = component.manifest.needs();
    let grants = current.role().grants();
    let beyond = needs_within(needs, grants)
        .into_iter()
        .map(|problem| Refusal {
            rule: "authority.needs-beyond-role",
            problem,
        });
    let mut refusals: Vec<_> = beyond.collect();
    let number = current.revision();
    let approval = match approval_for(reviews, &component.digest, current, revisions) {
        Standing::Approved(review) => Some(review),
        Standing::Rejected(review) => {
            let message = format!(
                "`{}` rejected it under role revision {}, it needs a new review",
                review.by.key(),
                review.role_revision
            );
            refusals.push(refusal("authority.review-rejected", message));
            None
        }
        Standing::Missing => {
            let message = format!(
                "no review covers it under role revision {number}, ask a reviewer to approve the pair"
            );
            refusals.push(refusal("authority.review-missing", message));
            None
        }
    };
    match approval {
        Some(review) if refusals.is_empty() => Ok(Granted {
            component: Arc::clone(component),
            role: role.clone(),
            role_revision: number,
            capabilities: Arc::new(effective(needs, grants)),
            rules: vec![
                format!("role/{role}@{number}"),
                format!(
                    "review/{role}@{} by {}",
                    review.role_revision,
                    review.by.key()
                ),
            ],
        }),
        Some(_) | None => Err(refusals),
    }
}

#[cfg(test)]
mod tests;
