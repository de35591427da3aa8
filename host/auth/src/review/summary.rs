//! The review document: all that a reviewer reads before they decide.

use serde_json::{Value, json};

use super::difference::Difference;
use super::{Decision, Review, Standing};
use crate::authority::imports_within;
use crate::capability::{effective, needs_within};
use crate::component::Component;
use crate::names::Name;
use crate::role::RoleRevision;

/// A component under a role revision.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The component version.
    pub component: &'a Component,
    /// The role revision.
    pub role: &'a RoleRevision,
}

/// All that a reviewer reads before they decide on a pair.
#[derive(Clone, Debug)]
pub struct ReviewDocument<'a> {
    /// What is to be decided on.
    pub pair: Pair<'a>,
    /// How it stands, from [`super::approval_for`].
    pub standing: Standing<'a>,
    /// The last approval of [`last_approved`], with what it approved.
    pub last_approved: Option<(&'a Review, Pair<'a>)>,
}

impl ReviewDocument<'_> {
    /// The document as JSON; the same whatever order manifest and role were written in.
    pub fn to_json(&self) -> Value {
        let Pair { component, role } = self.pair;
        let manifest = &component.manifest;
        let (needs, grants) = (manifest.needs(), role.role().grants());
        let mut imports = component.imports.clone();
        imports.sort_unstable();
        let mut problems = imports_within(&component.imports, manifest);
        problems.extend(needs_within(needs, grants));
        problems.sort_unstable();
        let problems: Vec<_> = problems.iter().map(document::Problem::to_json).collect();
        let before = self.last_approved.as_ref();
        json!({
            "component": {
                "name": component.name,
                "version": component.version,
                "digest": component.digest,
                "description": manifest.description(),
                "idempotent": manifest.is_idempotent(),
            },
            "role": {
                "name": role.name(),
                "revision": role.revision(),
                "digest": role.digest(),
                "description": role.role().description(),
            },
            "imports": imports,
            "needs": needs.canonical().to_json(),
            "grants": grants.canonical().to_json(),
            "effective": effective(needs, grants).canonical().to_json(),
            "standing": standing(self.standing),
            "lastApproved": before.map(|(review, _)| decided(review)),
            "difference": Difference::between(before.map(|(_, pair)| pair), &self.pair).to_json(),
            "problems": problems,
        })
    }
}

/// The last approval of any version of `component` under any revision of `role`; `reviews` are
/// in the order they were stored.
pub fn last_approved<'a>(
    reviews: &'a [Review],
    component: &Name,
    role: &Name,
) -> Option<&'a Review> {
    let of_names = |review: &&Review| review.component == *component && review.role == *role;
    let approvals = reviews
        .iter()
        .filter(|review| review.decision == Decision::Approve);
    approvals.rev().find(of_names)
}

fn standing(standing: Standing<'_>) -> Value {
    match standing {
        Standing::Approved(review) => json!({"decision": "approved", "review": decided(review)}),
        Standing::Rejected(review) => json!({"decision": "rejected", "review": decided(review)}),
        Standing::Missing => json!({"decision": "missing"}),
    }
}

fn decided(review: &Review) -> Value {
    json!({
        "component": review.component,
        "version": review.version,
        "digest": review.digest,
        "role": review.role,
        "roleRevision": review.role_revision,
        "decision": review.decision,
        "comment": review.comment,
        "by": review.by.key(),
        "at": review.at,
    })
}
