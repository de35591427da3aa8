//! Reviews: who signed off that a component may run under a role.

use std::sync::Arc;

use auth::names::Name;
use auth::policy::{Permit, ReadReview, WriteReview};
use auth::review::{
    Pair, Review, ReviewDocument, ReviewRequest, approval_for, last_approved, separation_of_duties,
};
use document::Problem;
use ports::{Commit, Document, Key, Kind};
use semver::Version;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::authority::Authority;
use crate::components::commit_error;
use crate::{Component, Engine, Error, RoleRevision};

/// A review as stored.
#[derive(Clone, Debug)]
pub struct StoredReview {
    /// What was decided.
    pub review: Review,
}

impl StoredReview {
    /// `{component, version, digest, role, roleRevision, decision, comment, by, at}`.
    pub fn to_json(&self) -> Value {
        let review = &self.review;
        let at = i64::try_from(review.at).unwrap_or(i64::MAX);
        json!({
            "component": review.component,
            "version": review.version,
            "digest": review.digest,
            "role": review.role,
            "roleRevision": review.role_revision,
            "roleDigest": review.role_digest,
            "decision": review.decision,
            "comment": review.comment,
            "by": review.by.key(),
            "at": asl::Timestamp(at).to_rfc3339(),
        })
    }
}

pub(crate) fn review_of(document: &Document) -> Result<Review, Error> {
    Review::deserialize(&document.body).map_err(Error::host)
}

impl Engine {
    /// Records a reviewer's decision on a component under a role's current revision.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every problem of the body, [`Error::NotFound`] for the component
    /// or role, [`Error::Refused`] where the reviewer had a hand in either, [`Error::Conflict`]
    /// if the role has moved on from the revision that was read.
    pub async fn write_review(
        &self,
        permit: Permit<WriteReview>,
        body: &Value,
    ) -> Result<Arc<StoredReview>, Error> {
        let request = ReviewRequest::parse(body).map_err(Error::Invalid)?;
        let engine = self.clone();
        self.to_its_end(async move { engine.decide_review(permit, request).await })
            .await
    }

    async fn decide_review(
        &self,
        permit: Permit<WriteReview>,
        request: ReviewRequest,
    ) -> Result<Arc<StoredReview>, Error> {
        let _lane = self.shared.change().await;
        let authority = self.shared.authority();
        let version = Version::parse(&request.version).map_err(Error::host)?;
        let (component, role) = pair(&authority, &request.component, &version, &request.role)?;
        if request
            .role_revision
            .is_some_and(|read| read != role.facts.revision())
        {
            return Err(Error::Conflict(format!(
                "role `{}` is at revision {}, read it again",
                request.role,
                role.facts.revision()
            )));
        }
        let (uploaded_by, written_by) = (&component.facts.uploaded_by, role.facts.written_by());
        let problems = separation_of_duties(permit.caller(), uploaded_by, written_by);
        if !problems.is_empty() {
            self.record_refused(&permit, &problems).await?;
            return Err(Error::Refused(problems));
        }
        let review = Review {
            component: request.component,
            version: request.version,
            digest: component.facts.digest.clone(),
            role: request.role,
            role_revision: role.facts.revision(),
            role_digest: role.facts.digest().clone(),
            decision: request.decision,
            comment: request.comment,
            by: permit.caller().principal.clone(),
            at: u64::try_from(self.shared.ports.clock.now().0).unwrap_or(0),
        };
        self.store_review(&permit, &authority, review).await
    }

    async fn store_review(
        &self,
        permit: &Permit<WriteReview>,
        authority: &Authority,
        review: Review,
    ) -> Result<Arc<StoredReview>, Error> {
        let revision = authority.reviews.len() as u64 + 1;
        let document = Document {
            key: Key {
                kind: Kind::Review,
                name: "review".to_owned(),
                revision,
            },
            body: serde_json::to_value(&review).map_err(Error::host)?,
        };
        let request = json!({
            "component": review.component,
            "digest": review.digest,
            "role": review.role,
            "roleRevision": review.role_revision,
            "decision": review.decision,
        });
        let commit = Commit {
            decided_under: Some(authority.version),
            moves_authority: true,
            documents: vec![document],
            audit: vec![self.allowed(permit, request)],
            ..Commit::default()
        };
        let receipt = self.shared.commit(commit).await.map_err(commit_error)?;
        let mut authority = authority.moved(receipt.authority);
        authority.reviews.push(review.clone());
        self.shared.put_in_force(authority);
        Ok(Arc::new(StoredReview { review }))
    }

    /// All that a reviewer reads before they decide: imports, needs with reasons, grants, effective
    /// capabilities, the difference from the last approved pair, problems.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the component or role.
    pub fn review_document(
        &self,
        _permit: Permit<ReadReview>,
        component: &Name,
        version: &Version,
        role: &Name,
    ) -> Result<Value, Error> {
        let authority = self.shared.authority();
        let (component, role) = pair(&authority, component, version, role)?;
        let revisions = authority
            .roles
            .get(role.facts.name())
            .map(Vec::as_slice)
            .unwrap_or_default();
        let revisions: Vec<_> = revisions
            .iter()
            .map(|revision| revision.facts.clone())
            .collect();
        let facts = &component.facts;
        let last = last_approved(&authority.reviews, &facts.name, role.facts.name());
        let last = last.and_then(|review| {
            let version = Version::parse(&review.version).ok()?;
            let component = authority.component(&review.component, &version)?;
            let role = revisions
                .iter()
                .find(|known| known.revision() == review.role_revision)?;
            Some((
                review,
                Pair {
                    component: &component.facts,
                    role,
                },
            ))
        });
        let document = ReviewDocument {
            pair: Pair {
                component: facts,
                role: &role.facts,
            },
            standing: approval_for(&authority.reviews, &facts.digest, &role.facts, &revisions),
            last_approved: last,
        };
        Ok(document.to_json())
    }

    /// Every review, oldest first.
    pub fn reviews(&self, _permit: Permit<ReadReview>) -> Vec<Arc<StoredReview>> {
        let authority = self.shared.authority();
        let reviews = authority.reviews.iter();
        reviews
            .map(|review| {
                Arc::new(StoredReview {
                    review: review.clone(),
                })
            })
            .collect()
    }
}

fn pair(
    authority: &Authority,
    component: &Name,
    version: &Version,
    role: &Name,
) -> Result<(Arc<Component>, Arc<RoleRevision>), Error> {
    let problem =
        |pointer: &str, what: String| Problem::new(pointer, format!("{what} does not exist"));
    let found = authority.component(component, version).cloned();
    let revision = authority.role(role).cloned();
    match (found, revision) {
        (Some(component), Some(role)) => Ok((component, role)),
        (found, revision) => {
            let component = found
                .is_none()
                .then(|| problem("/component", format!("component `{component}@{version}`")));
            let role = revision
                .is_none()
                .then(|| problem("/role", format!("role `{role}`")));
            let missing: Vec<_> = component
                .into_iter()
                .chain(role)
                .map(|problem| problem.to_string())
                .collect();
            Err(Error::NotFound(
                missing.join("; ").replace(" does not exist", ""),
            ))
        }
    }
}
