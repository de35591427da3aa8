//! Settings and key sets: which are refused, and what is left of those that are not.

use serde_json::{Value, json};

use super::recipe::{AUDIENCE, ISSUER, TENANT, ec_key, encode, good_key};
use crate::token::{IssuerRules, IssuerSettings, KeySet};

fn settings(change: impl Fn(&mut IssuerSettings)) -> Result<IssuerRules, Vec<String>> {
    let mut settings = IssuerSettings::new(ISSUER, AUDIENCE);
    change(&mut settings);
    let texts =
        |problems: Vec<document::Problem>| problems.iter().map(ToString::to_string).collect();
    IssuerRules::try_from(settings).map_err(texts)
}

#[test]
fn issuers_must_be_tellable_from_others() {
    let entra = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    let good = [
        ISSUER,
        "https://issuer.test:8443/realms/a",
        "http://127.0.0.1:4000",
        "http://localhost:4000/x",
        "http://[::1]:4000",
        &entra,
        &format!("https://sts.windows.net/{TENANT}/"),
        "https://example.okta.com/oauth2/default",
    ];
    for issuer in good {
        let answer = IssuerRules::try_from(IssuerSettings::new(issuer, AUDIENCE));
        assert!(answer.is_ok(), "{issuer}: {answer:?}");
    }
    let bad = [
        ("", "begins with https://"),
        ("issuer.test", "begins with https://"),
        ("ftp://issuer.test", "begins with https://"),
        ("https://", "begins with https://"),
        ("https:///path", "begins with https://"),
        ("https://issuer.test/a|b", "plain characters"),
        ("https://issuer.test/a b", "plain characters"),
        ("https://user@issuer.test", "plain characters"),
        ("https://issuer.test?x=1", "plain characters"),
        ("https://issuer.test/ü", "plain characters"),
        ("http://issuer.test", "loopback only"),
        ("http://127.0.0.1.issuer.test", "loopback only"),
        ("http://localhost.issuer.test", "loopback only"),
        (
            "https://login.microsoftonline.com/common/v2.0",
            "name one tenant",
        ),
        (
            "https://login.microsoftonline.com/Organizations/v2.0",
            "name one tenant",
        ),
        (
            "https://login.microsoftonline.com/consumers/v2.0",
            "name one tenant",
        ),
        (
            "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
            "name one tenant",
        ),
        (
            "https://login.microsoftonline.com/example.test/v2.0",
            "tenant's GUID",
        ),
        (
            "https://LOGIN.microsoftonline.com/common/v2.0",
            "name one tenant",
        ),
        (&entra[..entra.len() - 5], "an Entra issuer is"),
        ("https://example.okta.com", "custom authorization server"),
    ];
    for (issuer, expected) in bad {
        let problems = IssuerRules::try_from(IssuerSettings::new(issuer, AUDIENCE)).unwrap_err();
        assert!(
            problems[0].message.contains(expected),
            "{issuer}: {problems:?}"
        );
        assert_eq!(problems[0].pointer, "/issuer");
    }
}

#[test]
fn every_problem_of_the_settings_is_reported_together() {
    let problems = settings(|settings| {
        settings.audiences = Vec::new();
        settings.algorithms = ["RS256", "HS256", "none", "rs256"]
            .map(str::to_owned)
            .to_vec();
        settings.groups_claim = " ".to_owned();
        settings.required_scopes = vec![String::new()];
        settings.actor_issuers = vec!["http://agents.test".to_owned()];
        settings.skew_seconds = 301;
        settings.lifetime_seconds_max = 0;
    });
    let problems = problems.unwrap_err();
    let pointers = [
        "/algorithms/1",
        "/algorithms/2",
        "/algorithms/3",
        "/audiences",
        "/required_scopes/0",
        "/groups_claim",
        "/actor_issuers/0",
        "/lifetime_seconds_max",
        "/skew_seconds",
    ];
    assert_eq!(problems.len(), pointers.len(), "{problems:?}");
    for (problem, pointer) in problems.iter().zip(pointers) {
        assert!(
            problem.starts_with(&format!("at `{pointer}`: ")),
            "{problem}"
        );
    }
}

fn keys(document: &[u8]) -> Result<KeySet, Vec<String>> {
    let rules = settings(|_| {}).unwrap();
    let texts =
        |problems: Vec<document::Problem>| problems.iter().map(ToString::to_string).collect();
    KeySet::parse(document, &rules).map_err(texts)
}

#[test]
fn broken_key_sets_are_refused_whole() {
    let twice = json!({"keys": [good_key(), good_key()]}).to_string();
    let many = json!({"keys": vec![json!({}); 1001]}).to_string();
    let table: [(&[u8], &str); 9] = [
        (b"", "malformed JSON"),
        (b"[]", "expected an object"),
        (b"{}", "member `keys` is missing"),
        (b"{\"keys\": {}}", "expected an array"),
        (b"{\"keys\": []}", "no key can verify"),
        (b"{\"keys\": [], \"keys\": []}", "appears twice"),
        (twice.as_bytes(), "at `/keys/1`: has the `kid` of `/keys/0`"),
        (many.as_bytes(), "more than 1000 keys"),
        (&vec![b' '; 1024 * 1024 + 1], "larger than 1 MiB"),
    ];
    for (document, expected) in table {
        let problems = keys(document).err().unwrap();
        assert!(
            problems.iter().any(|p| p.contains(expected)),
            "{expected}: {problems:?}"
        );
    }
}

#[test]
fn keys_that_cannot_verify_are_left_out_with_a_reason() {
    let with = |member: &str, value: Value| {
        let mut key = good_key();
        key["kid"] = json!("odd");
        key[member] = value;
        key
    };
    let ec_with = |member: &str, value: Value| {
        let mut key = ec_key("odd");
        key[member] = value;
        key
    };
    let table = [
        (json!("key"), "is not an object"),
        (with("kid", json!(7)), "`kid` is missing"),
        (with("use", json!("enc")), "not for signatures"),
        (with("key_ops", json!(["sign"])), "not for verifying"),
        (with("key_ops", json!("verify")), "not for verifying"),
        (with("alg", json!("RSA-OAEP")), "no algorithm"),
        (with("alg", json!("HS256")), "no algorithm"),
        (with("alg", json!("RS512")), "no algorithm"),
        (with("alg", json!("ES256")), "no algorithm"),
        (with("d", json!("AAAA")), "holds a secret"),
        (with("n", json!(encode(&[0xff; 128]))), "2048 to 8192 bits"),
        (with("n", json!(encode(&[0xff; 1025]))), "2048 to 8192 bits"),
        (with("n", json!("a+b=")), "`n` is not unpadded base64url"),
        (with("e", json!(encode(&[1]))), "exponent"),
        (with("e", json!(encode(&[2]))), "exponent"),
        (with("e", json!("")), "exponent"),
        (with("kty", json!("oct")), "neither RSA, EC nor OKP"),
        (
            json!({"kty": "oct", "kid": "odd", "k": "AAAA"}),
            "holds a secret",
        ),
        (ec_with("crv", json!("P-384")), "another curve's length"),
        (ec_with("crv", json!("secp256k1")), "curve other than"),
        (ec_with("alg", json!("ES384")), "no algorithm"),
        (
            json!({"kty": "OKP", "crv": "X25519", "kid": "odd", "x": encode(&[1; 32])}),
            "not an Ed25519",
        ),
        (
            json!({"kty": "OKP", "crv": "Ed25519", "kid": "odd", "x": encode(&[1; 32])}),
            "no algorithm",
        ),
    ];
    for (key, expected) in table {
        let document = json!({"keys": [good_key(), key]}).to_string();
        let keys = keys(document.as_bytes()).ok().unwrap();
        assert!(keys.contains("rsa-1"));
        assert!(!keys.contains("odd"), "{expected}");
        let unused = keys.unused();
        assert_eq!(unused[0].pointer, "/keys/1");
        assert!(
            unused[0].message.contains(expected),
            "{expected}: {unused:?}"
        );
    }
}

#[test]
fn usable_keys_are_kept() {
    let mut extended = good_key();
    extended["key_ops"] = json!(["sign", "verify"]);
    extended["alg"] = json!("RS256");
    extended["x5c"] = json!(["ignored"]);
    let document = json!({"keys": [extended, ec_key("ec-1")]}).to_string();
    let keys = keys(document.as_bytes()).ok().unwrap();
    assert!(keys.contains("rsa-1") && keys.contains("ec-1"));
    assert_eq!(keys.unused(), []);
}
