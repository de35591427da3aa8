//! Decisions that a component may run under a role, and what they cover.
//!
//! Owns the review, who may not write it, and when an earlier approval still stands. It does not
//! know who may review at all: policy does.

mod difference;
mod summary;

use document::{Node, Problem, Problems};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use summary::{Pair, ReviewDocument, last_approved};

use crate::names::{Digest, Name, quoted};
use crate::principal::{Caller, Principal};
use crate::role::RoleRevision;

/// Most characters of a comment.
const COMMENT_CHARS_MAX: usize = 4000;

/// What a reviewer decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The component may run under the role.
    Approve,
    /// It may not.
    Reject,
}

/// A signed-off decision that this component may, or may not, run under this role revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// The component's name.
    pub component: Name,
    /// The component's version.
    pub version: String,
    /// The component's digest: what was decided on.
    pub digest: Digest,
    /// The role's name.
    pub role: Name,
    /// The role's revision: what was decided on.
    pub role_revision: u64,
    /// The digest of that revision.
    pub role_digest: Digest,
    /// The decision.
    pub decision: Decision,
    /// Why.
    pub comment: String,
    /// Who decided.
    pub by: Principal,
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
}

/// What a reviewer asks to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewRequest {
    /// The component's name.
    pub component: Name,
    /// The component's version.
    pub version: String,
    /// The role's name.
    pub role: Name,
    /// The revision the reviewer read, if they said; it must be the current one.
    pub role_revision: Option<u64>,
    /// The decision.
    pub decision: Decision,
    /// Why; may be empty.
    pub comment: String,
}

impl ReviewRequest {
    /// Reads `{component, version, role, decision, comment}`; `roleRevision` may be added.
    ///
    /// # Errors
    /// Every problem, with its JSON pointer.
    pub fn parse(value: &Value) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let Some(mut fields) = Node::root(value).object(&mut problems) else {
            return problems.or(None);
        };
        let component = fields.required("component", &mut problems);
        let component = component.and_then(|node| Name::read(&node, &mut problems));
        let version = fields.required("version", &mut problems);
        let version = version.and_then(|node| read_version(&node, &mut problems));
        let role = fields.required("role", &mut problems);
        let role = role.and_then(|node| Name::read(&node, &mut problems));
        let role_revision = fields.optional("roleRevision");
        let role_revision = role_revision.and_then(|node| node.unsigned(&mut problems));
        let decision = fields.required("decision", &mut problems);
        let decision = decision.and_then(|node| read_decision(&node, &mut problems));
        let comment = fields.optional("comment");
        let comment = comment.and_then(|node| read_comment(&node, &mut problems));
        fields.finish(&mut problems);
        let request = || {
            Some(Self {
                component: component?,
                version: version?,
                role: role?,
                role_revision,
                decision: decision?,
                comment: comment.unwrap_or_default(),
            })
        };
        let request = request();
        problems.or(request)
    }
}

/// How a component stands under a role revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It may run; the review says who decided, and on which revision.
    Approved(&'a Review),
    /// It may not.
    Rejected(&'a Review),
    /// Nobody has decided.
    Missing,
}

/// How `component` stands under `current`. The decision on exactly this revision that was stored last counts.
/// Without one, an approval of an earlier revision covers it if this one grants no more, unless
/// an earlier revision was rejected after that approval.
///
/// `revisions` holds the role's revisions, `reviews` whatever reviews there are, in the order
/// they were stored.
pub fn approval_for<'a>(
    reviews: &'a [Review],
    component: &Digest,
    current: &RoleRevision,
    revisions: &[RoleRevision],
) -> Standing<'a> {
    // Stored order, not `at`: a clock that was set back would bring a revoked approval back.
    let of_pair = reviews
        .iter()
        .rev()
        .filter(|review| review.digest == *component && review.role == *current.name());
    let is_of = |review: &Review, revision: &RoleRevision| {
        review.role_revision == revision.revision() && review.role_digest == *revision.digest()
    };
    if let Some(latest) = of_pair.clone().find(|review| is_of(review, current)) {
        return match latest.decision {
            Decision::Approve => Standing::Approved(latest),
            Decision::Reject => Standing::Rejected(latest),
        };
    }
    let earlier = of_pair.filter(|review| review.role_revision < current.revision());
    for review in earlier {
        match review.decision {
            Decision::Reject => return Standing::Rejected(review),
            Decision::Approve => {
                let approved = revisions.iter().find(|revision| is_of(review, revision));
                if approved
                    .is_some_and(|approved| current.role().beyond(approved.role()).is_empty())
                {
                    return Standing::Approved(review);
                }
            }
        }
    }
    Standing::Missing
}

/// The keys of a caller's principal and of everyone who acts for it: whose hands a document
/// went through.
pub fn hands(caller: &Caller) -> Vec<String> {
    let everyone = std::iter::once(&caller.principal).chain(&caller.actors);
    everyone.map(Principal::key).collect()
}

/// Separation of duties: nobody may review what went through their own hands, whether as the
/// principal or acting for one. One problem for each side that `reviewer` had a hand in.
pub fn separation_of_duties(
    reviewer: &Caller,
    uploaded_by: &[String],
    written_by: &[String],
) -> Vec<Problem> {
    let reviewers = hands(reviewer);
    let sides = [
        ("/component", uploaded_by, "uploaded the component"),
        ("/role", written_by, "wrote the role revision"),
    ];
    let mut problems = Problems::default();
    for (pointer, authors, what) in sides {
        if let Some(both) = reviewers.iter().find(|reviewer| authors.contains(reviewer)) {
            let message = format!(
                "{} {what} and may not review it, ask somebody else",
                quoted(both)
            );
            problems.push(pointer, message);
        }
    }
    problems.into_vec()
}

fn read_version(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let text = node.string(problems)?;
    match semver::Version::parse(text) {
        Ok(version) => Some(version.to_string()),
        Err(_) => {
            node.problem(
                format!("{} is not a version such as `1.2.0`", quoted(text)),
                problems,
            );
            None
        }
    }
}

fn read_decision(node: &Node<'_>, problems: &mut Problems) -> Option<Decision> {
    match node.string(problems)? {
        "approve" => Some(Decision::Approve),
        "reject" => Some(Decision::Reject),
        other => {
            let message = format!(
                "{} is not a decision, use `approve` or `reject`",
                quoted(other)
            );
            node.problem(message, problems);
            None
        }
    }
}

fn read_comment(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let text = node.string(problems)?;
    if text.chars().count() > COMMENT_CHARS_MAX {
        node.problem(
            format!("write at most {COMMENT_CHARS_MAX} characters"),
            problems,
        );
        return None;
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests;
