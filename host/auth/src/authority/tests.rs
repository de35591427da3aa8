use serde_json::{Value, json};

use super::*;
use crate::manifest::Manifest;
use crate::policy::{Policies, PolicyFile};
use crate::principal::{Caller, Kind, Principal};
use crate::review::Decision;
use crate::role::Role;

const MANIFEST: &str = "idempotent = true\n[ambient]\nclock = true\n";

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn component() -> Arc<Component> {
    Arc::new(Component {
        name: name("writer"),
        version: "1.2.0".to_owned(),
        digest: Digest::of(b"wasm"),
        imports: Vec::new(),
        manifest: Arc::new(Manifest::parse(MANIFEST).unwrap()),
        uploaded_by: Vec::new(),
    })
}

pub(super) fn revision(number: u64, value: Value) -> RoleRevision {
    RoleRevision::new(
        name("orders"),
        number,
        Arc::new(Role::parse(&value).unwrap()),
        Vec::new(),
    )
}

fn principal(subject: &str) -> Principal {
    Principal {
        issuer: "https://id".to_owned(),
        subject: subject.to_owned(),
        kind: Kind::User,
        groups: vec!["operators".to_owned()],
        display_name: None,
    }
}

pub(super) fn caller(subject: &str) -> Caller {
    Caller {
        principal: principal(subject),
        actors: Vec::new(),
        method: "oidc".to_owned(),
        authenticated_at: None,
        expires_at: 0,
        token_hash: String::new(),
    }
}

fn review(component: &Component, role: &RoleRevision, decision: Decision) -> Review {
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
        at: role.revision(),
    }
}

fn granting() -> RoleRevision {
    revision(
        1,
        json!({"ambient": {"clock": true}, "limits": {"memory": "1GiB"}}),
    )
}

fn judge(revisions: &[RoleRevision], reviews: &[Review]) -> Pairing {
    Pairing::judge(
        component(),
        &name("orders"),
        revisions,
        reviews,
        AuthorityVersion(7),
    )
}

fn sound() -> Pairing {
    let role = granting();
    judge(
        std::slice::from_ref(&role),
        &[review(&component(), &role, Decision::Approve)],
    )
}

pub(super) fn policies() -> Policies {
    let text = r#"@id("all") permit (principal, action, resource);"#.to_owned();
    Policies::parse(&[PolicyFile {
        name: "test.cedar".to_owned(),
        text,
    }])
    .unwrap()
}

/// Asks to run `writer` for `who` in machine `machine` under role `role`.
fn ask(
    pairing: &Pairing,
    [starter, passer]: [&str; 2],
    machine: &str,
    role: &str,
) -> Result<AttemptPermit, Denied> {
    let policies = policies();
    let start = policies.permits(&caller(starter), &Resource::state_machine(&name(machine)))?;
    let pass_role = policies.permits(&caller(passer), &Resource::role(&name(role)))?;
    admit(AttemptRequest {
        pairing,
        state_machine: &name("daily"),
        start: &start,
        pass_role: &pass_role,
        authority: AuthorityVersion(7),
    })
}

#[test]
fn an_attempt_is_admitted_when_everything_allows_it() {
    let pairing = sound();
    assert_eq!(pairing.problems("/States/Write/Resource"), []);
    let permit = ask(&pairing, ["olga", "olga"], "daily", "orders").unwrap();
    assert_eq!(
        (permit.component(), permit.version()),
        (&name("writer"), "1.2.0")
    );
    assert_eq!(
        (permit.role(), permit.role_revision()),
        (&name("orders"), 1)
    );
    assert_eq!(permit.digest(), &Digest::of(b"wasm"));
    assert_eq!(permit.decided_under(), AuthorityVersion(7));
    assert_eq!(
        permit.rules(),
        ["role/orders@1", "review/orders@1 by https://id|rita", "all"]
    );
    assert!(permit.is_idempotent());
    assert!(permit.capabilities().ambient.clock);
    assert_eq!(permit.capabilities().limits.memory_bytes(), 1 << 30);
}

#[track_caller]
fn check_denied(pairing: &Pairing, rule: &str, text: &str) {
    let denied = ask(pairing, ["olga", "olga"], "daily", "orders").unwrap_err();
    assert_eq!(denied.rule, rule);
    assert!(denied.reason.contains(text), "{}", denied.reason);
    let problems = pairing.problems("/States/Write/Resource");
    assert!(
        problems
            .iter()
            .all(|problem| problem.pointer == "/States/Write/Resource")
    );
    assert!(problems[0].message.contains(text), "{}", problems[0]);
}

#[test]
fn a_missing_role_is_denied() {
    check_denied(
        &judge(&[], &[]),
        "authority.role-missing",
        "no role `orders`",
    );
}

#[test]
fn a_pair_without_a_review_is_denied() {
    check_denied(
        &judge(&[granting()], &[]),
        "authority.review-missing",
        "revision 1",
    );
}

#[test]
fn a_rejected_pair_is_denied() {
    let role = granting();
    let reviews = [
        review(&component(), &role, Decision::Approve),
        review(&component(), &role, Decision::Reject),
    ];
    check_denied(
        &judge(&[role], &reviews),
        "authority.review-rejected",
        "`https://id|rita` rejected it",
    );
}

#[test]
fn needs_beyond_the_current_revision_are_denied_whatever_the_reviews_say() {
    let revisions = [granting(), revision(2, json!({}))];
    let reviews: Vec<_> = revisions
        .iter()
        .map(|role| review(&component(), role, Decision::Approve))
        .collect();
    check_denied(
        &judge(&revisions, &reviews),
        "authority.needs-beyond-role",
        "(`/ambient/clock` of its manifest)",
    );
}

#[test]
fn a_permit_for_something_else_is_denied() {
    let pairing = sound();
    for (callers, machine, role) in [
        (["olga", "olga"], "other", "orders"),
        (["olga", "olga"], "daily", "other"),
        (["olga", "otto"], "daily", "orders"),
    ] {
        let denied = ask(&pairing, callers, machine, role).unwrap_err();
        assert_eq!(denied.rule, "authority.permit-mismatch");
    }
}

#[test]
fn what_policy_refuses_keeps_its_rule() {
    let nobody = Policies::none()
        .permits::<StartExecution>(&caller("olga"), &Resource::state_machine(&name("daily")));
    let denied = nobody.unwrap_err();
    assert_eq!(Denied::from(denied.clone()).rule, denied.rule);
}

#[test]
fn the_older_of_two_authorities_must_still_stand() {
    let role = granting();
    let reviews = [review(&component(), &role, Decision::Approve)];
    let pairing = Pairing::judge(
        component(),
        &name("orders"),
        &[role],
        &reviews,
        AuthorityVersion(5),
    );
    let permit = ask(&pairing, ["olga", "olga"], "daily", "orders").unwrap();
    assert_eq!(permit.decided_under(), AuthorityVersion(5));
}
