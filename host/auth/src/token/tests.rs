mod configuration;
mod matrix;
mod recipe;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::principal::{Kind, Principal};
use recipe::{AUDIENCE, ISSUER, NOW, Recipe, TENANT};

fn person(issuer: &str, subject: &str, kind: Kind, groups: &[&str]) -> Principal {
    Principal {
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        kind,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        display_name: None,
    }
}

#[test]
fn a_good_token_names_its_caller() {
    let mut recipe = Recipe::standard();
    recipe.claims["auth_time"] = json!(NOW - 60);
    recipe.claims["name"] = json!("Some One");
    let caller = recipe.verdict().unwrap();
    let mut expected = person(ISSUER, "person-0001", Kind::User, &["operators"]);
    expected.display_name = Some("Some One".to_owned());
    assert_eq!(caller.principal, expected);
    assert_eq!(caller.actors, []);
    assert_eq!(caller.method, "oidc");
    assert_eq!(caller.authenticated_at, Some(NOW - 60));
    assert_eq!(caller.expires_at, NOW + 3600);
    let token = RawToken::parse(&recipe.token()).unwrap();
    assert_eq!(caller.token_hash, token.hash());
    assert!(caller.token_hash.starts_with("sha256:"));
    assert_eq!(token.issuer_hint(), Some(ISSUER));
    assert_eq!(token.key_id(), Some("rsa-1"));
}

#[test]
fn entra_names_people_services_and_agents_by_tenant_and_object() {
    let issuer = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    let subject = format!("{TENANT}/object-0001");
    let kind_of = |change: fn(&mut Recipe)| {
        let mut recipe = Recipe::entra();
        change(&mut recipe);
        let caller = recipe.verdict().unwrap();
        assert_eq!(caller.principal.issuer, issuer);
        assert_eq!(caller.principal.subject, subject);
        (caller.principal.kind, caller.actors)
    };
    assert_eq!(kind_of(|_| {}), (Kind::User, vec![]));
    let service = kind_of(|recipe| {
        recipe.claims["idtyp"] = json!("app");
        recipe.claims["roles"] = json!(["Sluice.Run"]);
        recipe.claims.as_object_mut().unwrap().remove("scp");
    });
    assert_eq!(service, (Kind::Service, vec![]));
    let agent = kind_of(|recipe| recipe.claims["xms_sub_fct"] = json!("9 3 11"));
    assert_eq!(agent, (Kind::Agent, vec![]));
    let client = format!("{TENANT}/console-0001");
    let delegated = kind_of(|recipe| recipe.claims["xms_act_fct"] = json!("11 3"));
    assert_eq!(
        delegated,
        (Kind::User, vec![person(&issuer, &client, Kind::Agent, &[])])
    );
    let person_with_odd_facets = kind_of(|recipe| recipe.claims["xms_act_fct"] = json!("111 3"));
    assert_eq!(person_with_odd_facets, (Kind::User, vec![]));
}

#[test]
fn okta_names_people_by_uid_and_services_by_client() {
    let mut recipe = Recipe::okta();
    let issuer = recipe.settings.issuer.clone();
    let caller = recipe.verdict().unwrap();
    assert_eq!(
        caller.principal,
        person(&issuer, "00u-person", Kind::User, &[])
    );
    recipe.claims.as_object_mut().unwrap().remove("uid");
    let caller = recipe.verdict().unwrap();
    assert_eq!(
        caller.principal,
        person(&issuer, "0oa-client", Kind::Service, &[])
    );
}

#[test]
fn a_configured_claim_says_the_kind() {
    let mut recipe = Recipe::standard();
    recipe.settings.kind = KindRule::Claim("kind".to_owned());
    for (name, kind) in [
        ("user", Kind::User),
        ("service", Kind::Service),
        ("agent", Kind::Agent),
    ] {
        recipe.claims["kind"] = json!(name);
        assert_eq!(recipe.verdict().unwrap().principal.kind, kind);
    }
}

#[test]
fn a_token_whose_subject_is_its_client_is_a_services() {
    let mut recipe = Recipe::standard();
    recipe.claims["client_id"] = json!("person-0001");
    assert_eq!(recipe.verdict().unwrap().principal.kind, Kind::Service);
}

#[test]
fn actors_come_current_first_with_groups_and_kinds_of_their_own() {
    let mut recipe = Recipe::standard();
    recipe.settings.kind = KindRule::Claim("kind".to_owned());
    recipe.settings.actor_issuers = vec!["https://agents.test".to_owned()];
    recipe.claims["kind"] = json!("user");
    recipe.claims["act"] = json!({
        "sub": "current-agent", "groups": ["assistants"],
        "act": {
            "sub": "earlier", "iss": "https://agents.test", "kind": "service",
            "act": {"sub": "third", "iss": ISSUER, "act": {"sub": "fourth", "kind": "user"}},
        },
    });
    let actors = recipe.verdict().unwrap().actors;
    let expected = [
        person(ISSUER, "current-agent", Kind::Agent, &["assistants"]),
        person("https://agents.test", "earlier", Kind::Service, &[]),
        person(ISSUER, "third", Kind::Agent, &[]),
        person(ISSUER, "fourth", Kind::User, &[]),
    ];
    assert_eq!(actors, expected);
}

#[test]
fn an_actors_groups_are_read_from_the_configured_claim() {
    let mut recipe = Recipe::standard();
    recipe.settings.groups_claim = "roles".to_owned();
    recipe.claims["act"] = json!({
        "sub": "agent", "roles": ["assistants"], "groups": ["admins"], "hasgroups": true,
    });
    let expected = person(ISSUER, "agent", Kind::Agent, &["assistants"]);
    assert_eq!(recipe.verdict().unwrap().actors, [expected]);
}

#[test]
fn an_actor_whose_groups_are_left_out_is_refused() {
    for (claim, value) in [
        ("hasgroups", json!(true)),
        ("_claim_names", json!({"groups": "src1"})),
    ] {
        for depth in [1, 2] {
            let mut act = json!({"sub": "agent"});
            act[claim] = value.clone();
            let mut recipe = Recipe::standard();
            recipe.claims["act"] = match depth {
                1 => act,
                _ => json!({"sub": "current", "act": act}),
            };
            let rejected = recipe.verdict().unwrap_err();
            assert!(rejected.reason.contains("groups_overage"), "{rejected}");
        }
    }
}

#[test]
fn a_token_is_good_to_the_second_and_to_the_skew() {
    let at = |now: i64| {
        let mut recipe = Recipe::standard();
        recipe.now = now;
        recipe
            .verdict()
            .map(|_| ())
            .map_err(|rejected| rejected.reason)
    };
    let (issued, expires) = (NOW - 10, NOW + 3600);
    assert_eq!(at(issued - 60), Ok(()));
    assert!(at(issued - 61).unwrap_err().contains("from the future"));
    assert_eq!(at(expires + 59), Ok(()));
    assert!(at(expires + 60).unwrap_err().contains("expired"));
    assert!(at(i64::MAX).is_err());
    assert!(at(i64::MIN).is_err());
}

#[test]
fn no_changed_byte_of_a_token_goes_unnoticed() {
    let recipe = Recipe::standard();
    let rules = IssuerRules::try_from(recipe.settings.clone()).unwrap();
    let keys = KeySet::parse(&recipe::key_set(), &rules).unwrap();
    let token = recipe.token();
    for index in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        let verdict =
            RawToken::parse(&changed).and_then(|token| verify(&token, &rules, &keys, NOW));
        assert!(verdict.is_err(), "byte {index}");
    }
}

/// The hash of the token that is taken out of these headers.
fn taken(values: &[&str]) -> Result<Option<String>, Rejected> {
    let token = RawToken::from_authorization(values.iter().map(|value| value.as_bytes()))?;
    Ok(token.map(|token| token.hash()))
}

#[test]
fn the_token_is_taken_from_one_bearer_header() {
    let token = Recipe::standard().token();
    let hash = RawToken::parse(&token).map(|token| token.hash()).ok();
    assert_eq!(taken(&[]), Ok(None));
    for start in ["Bearer ", "bearer ", "BEARER ", "Bearer   "] {
        assert_eq!(taken(&[&format!("{start}{token}")]), Ok(hash.clone()));
    }
    assert_eq!(taken(&[&format!("Bearer {token} ")]), Ok(hash));
}

#[test]
fn other_authorization_headers_are_refused() {
    let token = Recipe::standard().token();
    let bearer = format!("Bearer {token}");
    let (request, invalid) = (RejectedKind::InvalidRequest, RejectedKind::InvalidToken);
    let table: [(&[&str], RejectedKind, &str); 12] = [
        (&[&bearer, &bearer], request, "more than one"),
        (&[""], request, "no credentials"),
        (&["Bearer"], request, "no credentials"),
        (&[&token], request, "no credentials"),
        (
            &[&format!("Bearer {}", "a".repeat(17 * 1024))],
            request,
            "16 KiB",
        ),
        (&[&format!("DPoP {token}")], invalid, "DPoP"),
        (&[&format!("Basic {token}")], invalid, "not Bearer"),
        (&[&format!("{bearer} {token}")], invalid, "three parts"),
        (&[&format!("{bearer}.{token}")], invalid, "three parts"),
        (&["Bearer abc"], invalid, "three parts"),
        (&["Bearer .."], invalid, "not signed"),
        (&[&format!("{bearer}=")], invalid, "base64url"),
    ];
    for (values, kind, reason) in table {
        let rejected = taken(values).unwrap_err();
        assert_eq!(rejected.kind, kind, "{reason}");
        assert!(rejected.reason.contains(reason), "{reason}: {rejected}");
    }
    let rejected = RawToken::from_authorization([&b"Bearer \xff"[..]])
        .err()
        .unwrap();
    assert_eq!(rejected.kind, request);
}

#[test]
fn challenges_are_quoted_and_hold_no_error_without_credentials() {
    assert_eq!(challenge("sluice", None, None), "Bearer realm=\"sluice\"");
    let mut recipe = Recipe::standard();
    recipe.settings.required_scopes = vec!["deploy".to_owned(), "sluice".to_owned()];
    let rejected = recipe.verdict().unwrap_err();
    let address = "https://sluice.test/.well-known/oauth-protected-resource";
    assert_eq!(
        challenge("a \"b\" \\ c\r\nd", Some(address), Some(&rejected)),
        format!(
            "Bearer realm=\"a b  cd\", error=\"insufficient_scope\", \
             error_description=\"the token lacks the scope `deploy`\", scope=\"deploy sluice\", \
             resource_metadata=\"{address}\""
        )
    );
    let rejected = Rejected::unknown_key();
    assert!(challenge("sluice", None, Some(&rejected)).contains("error=\"invalid_token\""));
}

proptest! {
    #[test]
    fn no_text_makes_a_token_panic(header in ".{0,40}", claims in ".{0,40}", text in ".{0,80}") {
        let (header, claims) = (recipe::encode(header.as_bytes()), recipe::encode(claims.as_bytes()));
        let _ = RawToken::parse(&format!("{header}.{claims}.AAAA"));
        let _ = RawToken::parse(&text);
        let _ = RawToken::from_authorization([text.as_bytes()]);
        let rules = IssuerRules::try_from(IssuerSettings::new(ISSUER, AUDIENCE)).unwrap();
        let _ = KeySet::parse(text.as_bytes(), &rules);
        let _ = IssuerRules::try_from(IssuerSettings::new(&text, AUDIENCE));
    }
}
