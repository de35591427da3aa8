use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::component::Component;
use crate::manifest::Manifest;
use crate::principal::Kind;
use crate::role::Role;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
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

fn caller(subject: &str, actors: &[&str]) -> Caller {
    Caller {
        principal: principal(subject),
        actors: actors.iter().map(|actor| principal(actor)).collect(),
        method: "oidc".to_owned(),
        authenticated_at: None,
        expires_at: 0,
        token_hash: String::new(),
    }
}

fn component(manifest: &str, imports: &[&str]) -> Component {
    Component {
        name: name("writer"),
        version: "1.0.0".to_owned(),
        digest: Digest::of(manifest.as_bytes()),
        imports: imports.iter().map(|import| (*import).to_owned()).collect(),
        manifest: Arc::new(Manifest::parse(manifest).unwrap()),
        uploaded_by: Vec::new(),
    }
}

fn revision(number: u64, value: Value) -> RoleRevision {
    RoleRevision::new(
        name("orders"),
        number,
        Arc::new(Role::parse(&value).unwrap()),
        Vec::new(),
    )
}

/// Three revisions: clock; clock and random; clock again, in other words.
fn revisions() -> Vec<RoleRevision> {
    vec![
        revision(1, json!({"ambient": {"clock": true}})),
        revision(2, json!({"ambient": {"clock": true, "random": true}})),
        revision(
            3,
            json!({"description": "narrow", "ambient": {"clock": true}}),
        ),
    ]
}

fn review(component: &Component, role: &RoleRevision, decision: Decision, at: u64) -> Review {
    Review {
        component: component.name.clone(),
        version: component.version.clone(),
        digest: component.digest.clone(),
        role: role.name().clone(),
        role_revision: role.revision(),
        role_digest: role.digest().clone(),
        decision,
        comment: String::new(),
        by: principal("rita"),
        at,
    }
}

/// Applies `decisions` (revision, decision) in order and asks how revision `current` stands.
#[track_caller]
fn check(decisions: &[(usize, Decision)], current: usize, expected: &str) {
    let (component, revisions) = (component("", &[]), revisions());
    let reviews: Vec<_> = decisions
        .iter()
        .zip(1..)
        .map(|((number, decision), at)| review(&component, &revisions[number - 1], *decision, at))
        .collect();
    let found = match approval_for(
        &reviews,
        &component.digest,
        &revisions[current - 1],
        &revisions,
    ) {
        Standing::Approved(review) => format!("approved {}", review.at),
        Standing::Rejected(review) => format!("rejected {}", review.at),
        Standing::Missing => "missing".to_owned(),
    };
    assert_eq!(found, expected, "{decisions:?} at {current}");
}

#[test]
fn the_latest_decision_on_the_pair_counts() {
    use Decision::{Approve, Reject};
    check(&[], 1, "missing");
    check(&[(1, Approve)], 1, "approved 1");
    check(&[(1, Approve), (1, Reject)], 1, "rejected 2");
    check(&[(1, Reject), (1, Approve)], 1, "approved 2");
    check(&[(2, Approve), (1, Reject)], 2, "approved 1");
}

#[test]
fn the_decision_stored_last_counts_though_the_clock_was_set_back() {
    let (component, revisions) = (component("", &[]), revisions());
    let standing = |decisions: [(usize, Decision); 2], current: usize| {
        let reviews = [(decisions[0], 9), (decisions[1], 1)].map(|((number, decision), at)| {
            review(&component, &revisions[number - 1], decision, at)
        });
        let current = &revisions[current - 1];
        match approval_for(&reviews, &component.digest, current, &revisions) {
            Standing::Approved(review) => ("approved", review.at),
            Standing::Rejected(review) => ("rejected", review.at),
            Standing::Missing => ("missing", 0),
        }
    };
    let (approve, reject) = (Decision::Approve, Decision::Reject);
    assert_eq!(standing([(1, approve), (1, reject)], 1), ("rejected", 1));
    assert_eq!(standing([(1, reject), (1, approve)], 1), ("approved", 1));
    assert_eq!(standing([(1, approve), (2, reject)], 3), ("rejected", 1));
    assert_eq!(standing([(2, reject), (1, approve)], 3), ("approved", 1));
}

#[test]
fn narrowing_needs_no_new_review_and_widening_does() {
    use Decision::{Approve, Reject};
    check(&[(1, Approve)], 2, "missing");
    check(&[(1, Approve)], 3, "approved 1");
    check(&[(2, Approve)], 3, "approved 1");
    check(&[(2, Approve), (2, Reject)], 3, "rejected 2");
    check(&[(1, Approve), (2, Reject)], 3, "rejected 2");
    check(&[(2, Reject), (1, Approve)], 3, "approved 2");
    check(&[(3, Approve)], 1, "missing");
}

#[test]
fn a_review_of_another_component_role_or_content_covers_nothing() {
    let (reviewed, revisions) = (component("", &[]), revisions());
    let sound = review(&reviewed, &revisions[0], Decision::Approve, 1);
    let standing = |review: &Review, digest: &Digest| {
        matches!(
            approval_for(
                std::slice::from_ref(review),
                digest,
                &revisions[0],
                &revisions
            ),
            Standing::Approved(_)
        )
    };
    assert!(standing(&sound, &reviewed.digest));
    assert!(!standing(&sound, &Digest::of(b"other")));
    assert!(!standing(
        &Review {
            role: name("other"),
            ..sound.clone()
        },
        &reviewed.digest
    ));
    assert!(!standing(
        &Review {
            role_digest: Digest::of(b"other"),
            ..sound.clone()
        },
        &reviewed.digest
    ));
}

#[test]
fn nobody_reviews_what_went_through_their_own_hands() {
    let uploaded = hands(&caller("anna", &["agent-1"]));
    let written = hands(&caller("otto", &[]));
    let problems = |reviewer: &Caller| separation_of_duties(reviewer, &uploaded, &written).len();
    assert_eq!(problems(&caller("rita", &[])), 0);
    assert_eq!(problems(&caller("anna", &[])), 1);
    assert_eq!(problems(&caller("otto", &[])), 1);
    assert_eq!(problems(&caller("agent-1", &[])), 1);
    assert_eq!(problems(&caller("rita", &["anna"])), 1);
    assert_eq!(problems(&caller("rita", &["agent-2", "agent-1"])), 1);
    assert_eq!(problems(&caller("anna", &["otto"])), 2);
}

#[test]
fn a_request_is_read_with_every_problem() {
    let request = json!({"component": "writer", "version": "1.0.0", "role": "orders", "decision": "approve", "comment": "fine"});
    let parsed = ReviewRequest::parse(&request).unwrap();
    assert_eq!(
        (parsed.decision, parsed.comment.as_str()),
        (Decision::Approve, "fine")
    );
    let request = json!({"component": "a b", "version": "one", "decision": "maybe", "comment": 1, "by": "me", "roleRevision": -1});
    let problems = ReviewRequest::parse(&request).unwrap_err();
    let pointers: Vec<_> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(
        pointers,
        [
            "/component",
            "/version",
            "",
            "/roleRevision",
            "/decision",
            "/comment",
            "/by"
        ]
    );
    assert!(ReviewRequest::parse(&json!([])).is_err());
}

#[test]
fn a_review_reads_back_from_its_json() {
    let review = review(&component("", &[]), &revisions()[0], Decision::Reject, 7);
    let value = serde_json::to_value(&review).unwrap();
    assert_eq!(value["roleRevision"], 1);
    assert_eq!(value["decision"], "reject");
    assert_eq!(serde_json::from_value::<Review>(value).unwrap(), review);
}

const BEFORE: &str =
    "[[http]]\norigins = ['https://a']\nmethods = ['GET']\npaths = ['/x', '/y']\nreason = 'read'\n";
const AFTER: &str = "[[http]]\norigins = ['https://a']\nmethods = ['POST', 'GET']\npaths = ['/z', '/x']\nreason = 'write'\n[limits]\nmemory = '1GiB'\n";

#[test]
fn the_document_says_what_changed_and_what_is_missing() {
    let role = revision(
        1,
        json!({"http": [{"origins": ["https://a"], "methods": ["GET"], "paths": ["/**"]}]}),
    );
    let (before, after) = (
        component(BEFORE, &["wasi:http/types@0.2.0"]),
        component(AFTER, &["wasi:sockets/tcp@0.2.0"]),
    );
    let approval = review(&before, &role, Decision::Approve, 1);
    let document = ReviewDocument {
        pair: Pair {
            component: &after,
            role: &role,
        },
        standing: Standing::Missing,
        last_approved: Some((
            &approval,
            Pair {
                component: &before,
                role: &role,
            },
        )),
    };
    let json = document.to_json();
    assert_eq!(
        json["difference"],
        json!({
            "added": ["imports `wasi:sockets/tcp@0.2.0`", "needs HTTP `https://a/z`: GET, POST", "needs limit `memory`: 1GiB"],
            "removed": ["imports `wasi:http/types@0.2.0`", "needs HTTP `https://a/y`: GET"],
            "changed": ["needs HTTP `https://a/x`: GET becomes GET, POST"],
        })
    );
    let pointers: Vec<_> = json["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| &problem["pointer"])
        .collect();
    assert_eq!(
        pointers,
        ["/http/0/methods/0", "/imports/0", "/limits/memory"]
    );
    assert_eq!(json["needs"]["http"][0]["reason"], "write");
    assert_eq!(json["effective"]["http"], Value::Null);
    assert_eq!(json["lastApproved"]["by"], "https://id|rita");
}

#[test]
fn the_document_does_not_depend_on_the_order_of_writing() {
    let role = revision(1, json!({}));
    let other_order = AFTER
        .replace("'POST', 'GET'", "'GET', 'POST'")
        .replace("'/z', '/x'", "'/x', '/z'");
    let imports = ["wasi:cli/exit@0.2.0", "wasi:io/poll@0.2.0"];
    let mut other = component(&other_order, &[imports[1], imports[0]]);
    let one = component(AFTER, &imports);
    other.digest = one.digest.clone();
    let document = |component: &Component| {
        let mut json = ReviewDocument {
            pair: Pair {
                component,
                role: &role,
            },
            standing: Standing::Missing,
            last_approved: None,
        }
        .to_json();
        // Problems point into the manifest as it was written.
        json["problems"].take();
        json.to_string()
    };
    assert_eq!(document(&one), document(&other));
}

#[test]
fn the_last_approval_of_any_version_is_found_by_name() {
    let (component, revisions) = (component("", &[]), revisions());
    let reviews = [
        review(&component, &revisions[0], Decision::Approve, 1),
        review(&component, &revisions[1], Decision::Approve, 2),
        review(&component, &revisions[2], Decision::Reject, 3),
    ];
    let last = |component: &str| last_approved(&reviews, &name(component), &name("orders"));
    assert_eq!(last("writer"), Some(&reviews[1]));
    assert_eq!(last("other"), None);
}

#[test]
fn the_approval_stored_last_is_shown_though_the_clock_was_set_back() {
    let (component, revisions) = (component("", &[]), revisions());
    let reviews = [(0, 9), (1, 1)]
        .map(|(index, at)| review(&component, &revisions[index], Decision::Approve, at));
    let last = last_approved(&reviews, &component.name, &name("orders"));
    assert_eq!(last, Some(&reviews[1]));
}
