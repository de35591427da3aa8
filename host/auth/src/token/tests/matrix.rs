//! Every attack on a token in one table: how it is made, and which refusal it must meet.

use serde_json::{Value, json};

use super::recipe::{AUDIENCE, ISSUER, NOW, Recipe, Signer};
use crate::token::RejectedKind::{
    self, InsufficientScope, InvalidRequest, InvalidToken, UnknownKey,
};
use crate::token::{KindRule, TokenType};

/// What the host must make of a token: believe it, or refuse it with these words.
type Expected = Result<(), (RejectedKind, &'static str)>;
type Row = (&'static str, fn() -> Recipe, fn(&mut Recipe), Expected);

fn check((name, start, change, expected): &Row) {
    let mut recipe = start();
    change(&mut recipe);
    let verdict = recipe.verdict();
    match (&verdict, expected) {
        (Ok(_), Ok(())) => {}
        (Err(rejected), Err((kind, fragment))) => {
            assert_eq!(rejected.kind, *kind, "{name}: {rejected}");
            assert!(rejected.reason.contains(fragment), "{name}: {rejected}");
            assert!(!rejected.reason.contains('\n'), "{name}: {rejected}");
            for text in texts(&recipe.claims)
                .into_iter()
                .chain(texts(&recipe.header))
            {
                assert!(!rejected.reason.contains(&text), "{name} tells `{text}`");
            }
        }
        _ => panic!("{name}: expected {expected:?}, found {verdict:?}"),
    }
}

/// Every string in a value that is long enough to be recognised.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.len() >= 6 => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

fn without(recipe: &mut Recipe, claim: &str) {
    recipe.claims.as_object_mut().unwrap().remove(claim);
}

fn nested_actors(depth: usize) -> Value {
    (0..depth).fold(json!(null), |inner, _| {
        let mut actor = json!({"sub": "agent-0001"});
        if !inner.is_null() {
            actor["act"] = inner;
        }
        actor
    })
}

const fn token(fragment: &'static str) -> Expected {
    Err((InvalidToken, fragment))
}

#[test]
fn only_tokens_that_pass_every_check_are_believed() {
    ROWS.iter().for_each(check);
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Believed.
    ("as it should be", Recipe::standard, |_| {}, Ok(())),
    ("Entra", Recipe::entra, |_| {}, Ok(())),
    ("Okta", Recipe::okta, |_| {}, Ok(())),
    ("P-256", Recipe::standard, |r| { r.header = json!({"alg": "ES256", "kid": "ec-1", "typ": "JWT"}); r.signer = Signer::Ec; }, Ok(())),
    ("Ed25519", Recipe::standard, |r| { r.header = json!({"alg": "EdDSA", "kid": "ed-1"}); r.signer = Signer::Ed; r.settings.algorithms = vec!["EdDSA".into()]; }, Ok(())),
    ("PSS where configured", Recipe::standard, |r| { r.header["alg"] = json!("PS256"); r.signer = Signer::RsaPss; r.settings.algorithms = vec!["PS256".into()]; }, Ok(())),
    ("long typ", Recipe::standard, |r| r.header["typ"] = json!("Application/AT+JWT"), Ok(())),
    ("no typ", Recipe::standard, |r| { r.header.as_object_mut().unwrap().remove("typ"); }, Ok(())),
    ("aud array with us", Recipe::standard, |r| r.claims["aud"] = json!(["else", AUDIENCE]), Ok(())),
    ("second audience", Recipe::standard, |r| { r.claims["aud"] = json!("guid"); r.settings.audiences.push("guid".into()); }, Ok(())),
    ("fractional exp", Recipe::standard, |r| r.claims["exp"] = json!(NOW as f64 + 60.5), Ok(())),
    ("no nbf", Recipe::standard, |r| without(r, "nbf"), Ok(())),
    ("at+jwt without scopes", Recipe::standard, |r| without(r, "scope"), Ok(())),
    ("no groups", Recipe::standard, |r| without(r, "groups"), Ok(())),
    ("jku, jwk, x5u and x5c are not looked at", Recipe::standard, |r| { r.header["jku"] = json!("https://attacker.test/keys"); r.header["x5u"] = json!("https://attacker.test/certificate"); r.header["jwk"] = json!({"kty": "oct", "k": "AAAA"}); r.header["x5c"] = json!(["AAAA"]); }, Ok(())),
    ("required scope there", Recipe::standard, |r| r.settings.required_scopes = vec!["sluice".into()], Ok(())),
    ("service with its role", Recipe::entra, |r| { r.claims["idtyp"] = json!("app"); without(r, "scp"); r.claims["roles"] = json!(["Run"]); r.settings.required_scopes = vec!["Sluice.Use".into()]; r.settings.required_roles = vec!["Run".into()]; }, Ok(())),
    ("four actors", Recipe::standard, |r| r.claims["act"] = nested_actors(4), Ok(())),
    ("roles in place of groups are no overage", Recipe::standard, |r| { r.claims["_claim_names"] = json!({"groups": "src1"}); r.settings.groups_claim = "roles".into(); r.claims["roles"] = json!(["a"]); }, Ok(())),
    // Signature and algorithm.
    ("alg none, unsigned", Recipe::standard, |r| { r.header["alg"] = json!("none"); r.signer = Signer::Nobody; }, token("not signed")),
    ("alg none, with bytes", Recipe::standard, |r| { r.header["alg"] = json!("none"); r.signer = Signer::Zeros; }, token("`alg`")),
    ("alg None", Recipe::standard, |r| { r.header["alg"] = json!("None"); }, token("`alg`")),
    ("HS256 with the public key as secret", Recipe::standard, |r| { r.header["alg"] = json!("HS256"); r.signer = Signer::PublicKeyAsSecret; }, token("`alg`")),
    ("HS256 with a shared key of the set", Recipe::standard, |r| r.header = json!({"alg": "HS256", "kid": "oct-1"}), token("`alg`")),
    ("the shared key of the set under RS256", Recipe::standard, |r| r.header["kid"] = json!("oct-1"), Err((UnknownKey, "`kid`"))),
    ("RS256 claimed, MAC made", Recipe::standard, |r| r.signer = Signer::PublicKeyAsSecret, token("signature")),
    ("another algorithm of the family", Recipe::standard, |r| { r.header["alg"] = json!("RS512"); r.signer = Signer::Rsa512; }, token("`alg`")),
    ("another allowed algorithm than the key's", Recipe::standard, |r| { r.header["alg"] = json!("RS512"); r.signer = Signer::Rsa512; r.settings.algorithms = vec!["RS256".into(), "RS512".into()]; }, token("algorithm of the key")),
    ("RS256 claimed, RS512 made", Recipe::standard, |r| r.signer = Signer::Rsa512, token("signature")),
    ("RS256 claimed, PS256 made", Recipe::standard, |r| r.signer = Signer::RsaPss, token("signature")),
    ("RSA algorithm, EC key", Recipe::standard, |r| r.header["kid"] = json!("ec-1"), token("algorithm of the key")),
    ("EC algorithm, RSA key", Recipe::standard, |r| { r.header["alg"] = json!("ES256"); r.signer = Signer::Ec; }, token("algorithm of the key")),
    ("EdDSA not configured", Recipe::standard, |r| { r.header = json!({"alg": "EdDSA", "kid": "ed-1"}); r.signer = Signer::Ed; }, token("`alg`")),
    ("another key of the issuer", Recipe::standard, |r| r.signer = Signer::OtherRsa, token("signature")),
    ("zeros for a signature", Recipe::standard, |r| r.signer = Signer::Zeros, token("signature")),
    ("zeros for an EC signature", Recipe::standard, |r| { r.header = json!({"alg": "ES256", "kid": "ec-1"}); r.signer = Signer::Zeros; }, token("signature")),
    ("keys of another issuer", Recipe::standard, |r| r.keys_of = Some(Recipe::okta().settings), token("another issuer")),
    // Header.
    ("alg missing", Recipe::standard, |r| { r.header.as_object_mut().unwrap().remove("alg"); }, token("`alg`")),
    ("alg a list", Recipe::standard, |r| r.header["alg"] = json!(["RS256"]), token("`alg`")),
    ("kid missing", Recipe::standard, |r| { r.header.as_object_mut().unwrap().remove("kid"); }, token("`kid`")),
    ("kid a number", Recipe::standard, |r| r.header["kid"] = json!(1), token("`kid`")),
    ("kid empty", Recipe::standard, |r| r.header["kid"] = json!(""), token("`kid`")),
    ("kid too long", Recipe::standard, |r| r.header["kid"] = json!("k".repeat(257)), token("`kid`")),
    ("kid unknown", Recipe::standard, |r| r.header["kid"] = json!("rotated"), Err((UnknownKey, "`kid`"))),
    ("kid a path", Recipe::standard, |r| r.header["kid"] = json!("../../etc/passwd"), Err((UnknownKey, "`kid`"))),
    ("crit", Recipe::standard, |r| r.header["crit"] = json!(["exp"]), token("`crit`")),
    ("crit null", Recipe::standard, |r| r.header["crit"] = json!(null), token("`crit`")),
    ("b64", Recipe::standard, |r| r.header["b64"] = json!(false), token("`b64`")),
    ("zip", Recipe::standard, |r| r.header["zip"] = json!("DEF"), token("`zip`")),
    ("enc", Recipe::standard, |r| r.header["enc"] = json!("A256GCM"), token("`enc`")),
    ("nested token", Recipe::standard, |r| r.header["cty"] = json!("JWT"), token("`cty`")),
    ("typ dpop+jwt", Recipe::standard, |r| r.header["typ"] = json!("dpop+jwt"), token("`typ`")),
    ("typ logout+jwt", Recipe::standard, |r| r.header["typ"] = json!("logout+jwt"), token("`typ`")),
    ("typ secevent+jwt", Recipe::standard, |r| r.header["typ"] = json!("secevent+jwt"), token("`typ`")),
    ("typ oauth-id-jag+jwt", Recipe::standard, |r| r.header["typ"] = json!("oauth-id-jag+jwt"), token("`typ`")),
    ("typ of Okta's own", Recipe::okta, |r| r.header["typ"] = json!("application/okta-internal-at+jwt"), token("`typ`")),
    ("typ a number", Recipe::standard, |r| r.header["typ"] = json!(1), token("`typ`")),
    ("typ null", Recipe::standard, |r| r.header["typ"] = json!(null), token("`typ`")),
    ("typ JWT where at+jwt is asked", Recipe::standard, |r| { r.header["typ"] = json!("JWT"); r.settings.token_type = TokenType::AtJwt; }, token("`typ`")),
    ("typ missing where it is asked", Recipe::entra, |r| { r.header.as_object_mut().unwrap().remove("typ"); }, token("`typ` is missing")),
    ("typ where none is asked", Recipe::standard, |r| r.settings.token_type = TokenType::Absent, token("`typ`")),
    ("duplicate alg", Recipe::standard, |r| r.header_text = Some(r#"{"alg":"none","kid":"rsa-1","alg":"RS256"}"#.into()), token("duplicate member")),
    ("header no object", Recipe::standard, |r| r.header_text = Some("[]".into()), token("not a JSON object")),
    ("header no JSON", Recipe::standard, |r| r.header_text = Some("{".into()), token("not JSON")),
    ("header over 4 KiB", Recipe::standard, |r| r.header["x"] = json!("x".repeat(4096)), token("4 KiB")),
    // Issuer and audience.
    ("iss missing", Recipe::standard, |r| without(r, "iss"), token("`iss`")),
    ("iss a list", Recipe::standard, |r| r.claims["iss"] = json!([ISSUER]), token("`iss`")),
    ("iss with a slash more", Recipe::standard, |r| r.claims["iss"] = json!(format!("{ISSUER}/")), token("`iss`")),
    ("iss in capitals", Recipe::standard, |r| r.claims["iss"] = json!("https://ISSUER.test"), token("`iss`")),
    ("v1 token on a v2 issuer", Recipe::entra, |r| { r.claims["iss"] = json!("https://sts.windows.net/11111111-2222-3333-4444-555555555555/"); r.claims["ver"] = json!("1.0"); }, token("`iss`")),
    ("v1 claims under the v2 issuer", Recipe::entra, |r| r.claims["ver"] = json!("1.0"), token("`ver`")),
    ("aud missing", Recipe::standard, |r| without(r, "aud"), token("`aud`")),
    ("aud a number", Recipe::standard, |r| r.claims["aud"] = json!(7), token("`aud`")),
    ("aud an object", Recipe::standard, |r| r.claims["aud"] = json!({"api://sluice": true}), token("`aud`")),
    ("aud null", Recipe::standard, |r| r.claims["aud"] = json!(null), token("`aud`")),
    ("aud empty", Recipe::standard, |r| r.claims["aud"] = json!([]), token("`aud`")),
    ("aud without us", Recipe::standard, |r| r.claims["aud"] = json!(["else", "more"]), token("`aud`")),
    ("aud mixed", Recipe::standard, |r| r.claims["aud"] = json!([AUDIENCE, 7]), token("`aud`")),
    ("aud nearly us", Recipe::standard, |r| r.claims["aud"] = json!("api://sluice/"), token("`aud`")),
    // Times.
    ("exp past", Recipe::standard, |r| r.claims["exp"] = json!(NOW - 61), token("expired")),
    ("exp missing", Recipe::standard, |r| without(r, "exp"), token("`exp` is missing")),
    ("exp a string", Recipe::standard, |r| r.claims["exp"] = json!("1900000000"), token("`exp` is not a time")),
    ("exp null", Recipe::standard, |r| r.claims["exp"] = json!(null), token("`exp` is not a time")),
    ("exp negative", Recipe::standard, |r| r.claims["exp"] = json!(-1), token("`exp` is not a time")),
    ("exp huge", Recipe::standard, |r| r.claims["exp"] = json!(1e300), token("`exp` is not a time")),
    ("exp beyond i64", Recipe::standard, |r| r.claims["exp"] = json!(u64::MAX), token("`exp` is not a time")),
    ("nbf future", Recipe::standard, |r| r.claims["nbf"] = json!(NOW + 61), token("`nbf`")),
    ("nbf a string", Recipe::standard, |r| r.claims["nbf"] = json!("0"), token("`nbf` is not a time")),
    ("iat future", Recipe::standard, |r| r.claims["iat"] = json!(NOW + 61), token("future")),
    ("iat missing", Recipe::standard, |r| without(r, "iat"), token("`iat` is missing")),
    ("lives too long", Recipe::standard, |r| r.claims["exp"] = json!(NOW + 25 * 3600), token("lives longer")),
    ("ends before it begins", Recipe::standard, |r| { r.claims["iat"] = json!(NOW + 30); r.claims["exp"] = json!(NOW + 20); }, token("before it begins")),
    ("auth_time a string", Recipe::standard, |r| r.claims["auth_time"] = json!("yesterday"), token("`auth_time`")),
    // Other kinds of tokens.
    ("ID token with nonce", Recipe::standard, |r| r.claims["nonce"] = json!("n-0001"), token("`nonce`")),
    ("ID token with at_hash", Recipe::standard, |r| r.claims["at_hash"] = json!("hash-0001"), token("`at_hash`")),
    ("ID token with c_hash", Recipe::standard, |r| r.claims["c_hash"] = json!("hash-0001"), token("`c_hash`")),
    ("ID token by want of scopes and roles", Recipe::entra, |r| without(r, "scp"), token("neither scopes nor roles")),
    ("bound to a DPoP key", Recipe::standard, |r| r.claims["cnf"] = json!({"jkt": "thumbprint"}), token("`cnf`")),
    ("bound to a certificate", Recipe::standard, |r| r.claims["cnf"] = json!({"x5t#S256": "thumbprint"}), token("`cnf`")),
    ("bound to null", Recipe::standard, |r| r.claims["cnf"] = json!(null), token("`cnf`")),
    // Who it names.
    ("sub missing", Recipe::standard, |r| without(r, "sub"), token("`sub` is missing")),
    ("sub a number", Recipe::standard, |r| r.claims["sub"] = json!(7), token("`sub`")),
    ("sub empty", Recipe::standard, |r| r.claims["sub"] = json!(""), token("`sub`")),
    ("sub of two lines", Recipe::standard, |r| r.claims["sub"] = json!("person\nother"), token("`sub`")),
    ("sub too long", Recipe::standard, |r| r.claims["sub"] = json!("s".repeat(257)), token("`sub`")),
    ("oid missing", Recipe::entra, |r| without(r, "oid"), token("`oid` is missing")),
    ("oid that reaches into the tenant", Recipe::entra, |r| r.claims["oid"] = json!("a/b"), token("contains `/`")),
    ("another tenant", Recipe::entra, |r| r.claims["tid"] = json!("99999999-2222-3333-4444-555555555555"), token("`tid`")),
    ("tenant missing", Recipe::entra, |r| without(r, "tid"), token("`tid`")),
    ("another client", Recipe::standard, |r| r.settings.clients = vec!["other".into()], token("`client_id`")),
    ("client missing", Recipe::standard, |r| { r.settings.clients = vec!["console".into()]; without(r, "client_id"); }, token("`client_id`")),
    ("kind missing", Recipe::standard, |r| r.settings.kind = KindRule::Claim("kind".into()), token("`kind` is missing")),
    ("kind unknown", Recipe::standard, |r| { r.settings.kind = KindRule::Claim("kind".into()); r.claims["kind"] = json!("deity0"); }, token("`kind`")),
    ("groups a string", Recipe::standard, |r| r.claims["groups"] = json!("operators"), token("`groups`")),
    ("groups of numbers", Recipe::standard, |r| r.claims["groups"] = json!([1, 2]), token("`groups`")),
    ("too many groups", Recipe::standard, |r| r.claims["groups"] = json!(vec!["g"; 1001]), token("`groups`")),
    ("groups overage", Recipe::entra, |r| { without(r, "groups"); r.claims["_claim_names"] = json!({"groups": "src1"}); r.claims["_claim_sources"] = json!({"src1": {"endpoint": "https://attacker.test/"}}); }, token("groups_overage")),
    ("groups overage of the implicit flow", Recipe::entra, |r| { without(r, "groups"); r.claims["hasgroups"] = json!(true); }, token("groups_overage")),
    ("groups overage beside groups", Recipe::entra, |r| r.claims["_claim_names"] = json!({"groups": "src1"}), token("groups_overage")),
    ("groups overage malformed", Recipe::entra, |r| r.claims["_claim_names"] = json!("source"), token("groups_overage")),
    ("duplicate sub", Recipe::standard, |r| { let text = r.claims.to_string(); r.claims_text = Some(text.replacen('{', r#"{"sub":"root","#, 1)); }, token("duplicate member")),
    ("duplicate member deep inside", Recipe::standard, |r| { let text = r.claims.to_string(); r.claims_text = Some(text.replacen('{', r#"{"act":{"sub":"a","sub":"b"},"#, 1)); }, token("duplicate member")),
    ("claims no object", Recipe::standard, |r| r.claims_text = Some("\"sub\"".into()), token("not a JSON object")),
    ("claims too deep", Recipe::standard, |r| r.claims_text = Some("[".repeat(1000)), token("not JSON")),
    ("claims over 16 KiB", Recipe::standard, |r| r.claims["x"] = json!("x".repeat(13 * 1024)), Err((InvalidRequest, "16 KiB"))),
    // How far it reaches.
    ("scope missing", Recipe::standard, |r| r.settings.required_scopes = vec!["deploy".into()], Err((InsufficientScope, "`deploy`"))),
    ("scope by its beginning", Recipe::standard, |r| { r.settings.required_scopes = vec!["sluice".into()]; r.claims["scope"] = json!("sluice.read"); }, Err((InsufficientScope, "`sluice`"))),
    ("a person's role for a scope", Recipe::standard, |r| { r.settings.required_scopes = vec!["run".into()]; r.claims["roles"] = json!(["run"]); }, Err((InsufficientScope, "`run`"))),
    ("an application's token for a person's scope", Recipe::entra, |r| { r.claims["idtyp"] = json!("app"); without(r, "scp"); r.claims["roles"] = json!(["Run"]); r.settings.required_scopes = vec!["use".into()]; }, Err((InsufficientScope, "`use`"))),
    ("a person's token for an application's role", Recipe::entra, |r| { r.claims["roles"] = json!(["Run"]); r.settings.required_scopes = vec!["use".into()]; r.settings.required_roles = vec!["Run".into()]; }, Err((InsufficientScope, "`use`"))),
    ("service without its role", Recipe::entra, |r| { r.claims["idtyp"] = json!("app"); without(r, "scp"); r.claims["roles"] = json!(["Read"]); r.settings.required_roles = vec!["Run".into()]; }, Err((InsufficientScope, "role `Run`"))),
    ("an application with scopes", Recipe::entra, |r| r.claims["idtyp"] = json!("app"), token("`scp`")),
    ("scp an array where text is configured", Recipe::entra, |r| r.claims["scp"] = json!(["Sluice.Use"]), token("`scp`")),
    ("scp text where an array is configured", Recipe::okta, |r| r.claims["scp"] = json!("sluice"), token("`scp`")),
    ("roles a string", Recipe::standard, |r| r.claims["roles"] = json!("admin"), token("`roles`")),
    // Who acts.
    ("five actors", Recipe::standard, |r| r.claims["act"] = nested_actors(5), token("more than 4 actors")),
    ("act a string", Recipe::standard, |r| r.claims["act"] = json!("agent-0001"), token("`act`")),
    ("act null", Recipe::standard, |r| r.claims["act"] = json!(null), token("`act`")),
    ("act without sub", Recipe::standard, |r| r.claims["act"] = json!({"iss": ISSUER}), token("`sub`")),
    ("act of a foreign issuer", Recipe::standard, |r| r.claims["act"] = json!({"iss": "https://other.test", "sub": "agent-0001"}), token("may not speak for")),
    ("act with groups of a wrong type", Recipe::standard, |r| r.claims["act"] = json!({"sub": "agent-0001", "groups": "admins"}), token("`groups`")),
    ("act of an unknown kind", Recipe::standard, |r| { r.settings.kind = KindRule::Claim("kind".into()); r.claims["kind"] = json!("user"); r.claims["act"] = json!({"sub": "agent-0001", "kind": "deity0"}); }, token("`kind`")),
    ("Entra agent without a client", Recipe::entra, |r| { r.claims["xms_act_fct"] = json!("3 11"); without(r, "azp"); }, token("`azp`")),
];
