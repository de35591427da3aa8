//! Who gets in, and that tokens stay where they belong.

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::guest;
use super::host::Folder;
use super::http::{Person, answer};
use super::stage;

const ROUTES: [(&str, &str); 14] = [
    ("GET", "/v1/whoami"),
    ("GET", "/v1/components"),
    ("PUT", "/v1/components/a/versions/1.0.0"),
    ("GET", "/v1/roles"),
    ("PUT", "/v1/roles/a"),
    ("GET", "/v1/reviews"),
    ("POST", "/v1/reviews"),
    ("GET", "/v1/state-machines"),
    ("PUT", "/v1/state-machines/a"),
    ("GET", "/v1/executions"),
    ("POST", "/v1/executions"),
    ("POST", "/v1/executions/a/stop"),
    ("GET", "/v1/executions/a/events"),
    ("GET", "/v1/audit"),
];

#[tokio::test]
async fn without_a_believable_token_no_route_answers() {
    let folder = Folder::new();
    let host = folder.host().await;
    for (method, path) in ROUTES {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = answer(host.nobody().request(method, path)).await;
        answer.is_problem(401);
        assert_eq!(
            answer.headers[WWW_AUTHENTICATE], "Bearer realm=\"sluice\"",
            "{path}"
        );
    }
    let token = &host.ready.tokens["operator"];
    let [header, claims, signature]: [&str; 3] =
        token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other = host.ready.tokens["author"].rsplit('.').next().unwrap();
    // {"alg":"none","typ":"at+jwt"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    // {"iss":"https://elsewhere.example","sub":"operator"}
    let elsewhere = "eyJpc3MiOiJodHRwczovL2Vsc2V3aGVyZS5leGFtcGxlIiwic3ViIjoib3BlcmF0b3IifQ";
    let refused = [
        "Bearer garbage".to_owned(),
        "Bearer a.b.c".to_owned(),
        format!("Bearer {header}.{claims}.{other}"),
        format!("Bearer {header}.{claims}"),
        format!("Bearer {header}.{claims}."),
        format!("Bearer {none}.{claims}."),
        format!("Bearer {none}.{claims}.{signature}"),
        format!("Bearer {header}.{elsewhere}.{signature}"),
        format!("Bearer {header}.{claims}.{signature}.{signature}"),
        format!("Basic {token}"),
        format!("DPoP {token}"),
    ];
    for value in refused {
        let request = host.nobody().request(Method::GET, "/v1/whoami");
        let answer = answer(request.header(AUTHORIZATION, &value)).await;
        answer.is_problem(401);
        let challenge = answer.headers[WWW_AUTHENTICATE].to_str().unwrap();
        assert!(
            challenge.contains("error=\"invalid_token\""),
            "{value}: {challenge}"
        );
        assert!(
            !answer.text.contains(signature) && !challenge.contains(signature),
            "{}",
            answer.text
        );
    }
}

/// RFC 6750 section 3.1: a request that is malformed is 400, but still challenged.
#[tokio::test]
async fn a_token_sent_in_another_way_is_not_read() {
    let folder = Folder::new();
    let host = folder.host().await;
    let token = &host.ready.tokens["operator"];
    let twice = host
        .person("operator")
        .request(Method::GET, "/v1/whoami")
        .bearer_auth(token);
    let in_query = host
        .nobody()
        .request(Method::GET, &format!("/v1/whoami?access_token={token}"));
    let both = host
        .person("operator")
        .request(Method::GET, &format!("/v1/whoami?access_token={token}"));
    for request in [twice, in_query, both] {
        let answer = answer(request).await;
        answer.is_problem(400);
        let challenge = answer.headers[WWW_AUTHENTICATE].to_str().unwrap();
        assert!(
            challenge.contains("error=\"invalid_request\""),
            "{challenge}"
        );
        assert!(!answer.text.contains(token.as_str()));
    }
}

#[tokio::test]
async fn everybody_may_ask_who_they_are() {
    let folder = Folder::new();
    let host = folder.host().await;
    for person in ["author", "operator", "reviewer", "approver", "auditor"] {
        let whoami = host.person(person).get("/v1/whoami").await;
        assert_eq!(whoami.is(200).body["principal"]["subject"], person);
        assert_eq!(whoami.body["groups"], json!([format!("{person}s")]));
        assert_eq!(whoami.body["actors"], json!([]));
    }
    let whoami = host.person("agent").get("/v1/whoami").await.body;
    assert_eq!(whoami["principal"]["subject"], "operator", "{whoami}");
    assert_eq!(whoami["principal"]["kind"], "user", "{whoami}");
    assert_eq!(whoami["actors"][0]["subject"], "agent", "{whoami}");
    assert_eq!(whoami["actors"][0]["kind"], "agent", "{whoami}");
}

/// Both issuers are real; the second host does not know the first one's.
#[tokio::test]
async fn a_token_of_another_hosts_issuer_is_refused() {
    let (folder, other) = (Folder::new(), Folder::new());
    let (host, elsewhere) = (folder.host().await, other.host().await);
    let token = &elsewhere.ready.tokens["operator"];
    Person::new(&elsewhere.ready.url, Some(token))
        .get("/v1/whoami")
        .await
        .is(200);
    Person::new(&host.ready.url, Some(token))
        .get("/v1/whoami")
        .await
        .is_problem(401);
}

#[tokio::test]
async fn a_configured_issuer_is_believed_and_its_groups_have_their_rights() {
    let (folder, other) = (Folder::new(), Folder::new());
    let elsewhere = other.host().await;
    let issuer = &elsewhere.ready.issuer;
    let config = format!(
        "[[identity.oidc]]\nissuer = \"{issuer}\"\naudience = \"sluice\"\nkind_claim = \"kind\"\n"
    );
    let host = folder.host_with(&config).await;
    let guest = |name: &str| {
        Person::new(
            &host.ready.url,
            elsewhere.ready.tokens.get(name).map(String::as_str),
        )
    };
    let whoami = guest("operator").get("/v1/whoami").await;
    assert_eq!(whoami.is(200).body["principal"]["issuer"], issuer.as_str());
    guest("operator")
        .put("/v1/roles/theirs", json!({}))
        .await
        .is(201);
    guest("author")
        .put("/v1/roles/theirs", json!({}))
        .await
        .is_denied();
    // Believed for itself only: the same subject of two issuers is two principals.
    let ours = host
        .person("operator")
        .put("/v1/roles/ours", json!({}))
        .await;
    let theirs = guest("operator").get("/v1/roles/theirs").await;
    assert_ne!(ours.body["writtenBy"], theirs.body["writtenBy"]);

    let other_audience = config.replace("\"sluice\"", "\"api://other\"");
    let strict = Folder::new();
    let host = strict.host_with(&other_audience).await;
    let token = elsewhere.ready.tokens.get("operator").map(String::as_str);
    Person::new(&host.ready.url, token)
        .get("/v1/whoami")
        .await
        .is_problem(401);
}

#[tokio::test]
async fn no_token_is_ever_written_down() {
    let folder = Folder::talkative();
    let host = folder.host().await;
    stage::component(&host, "echo", &guest::echo()).await;
    stage::machine(&host, "work", stage::task("echo")).await;
    for person in ["operator", "agent"] {
        let id = host.person(person).start("work", json!({})).await;
        host.person("operator").ended(&id).await;
    }
    host.person("author")
        .put("/v1/roles/x", Value::Null)
        .await
        .is_denied();
    host.person("auditor").audit().await;
    let tokens: Vec<_> = host.ready.tokens.values().cloned().collect();
    assert_eq!(tokens.len(), 6);
    let tampered = format!("{}x", tokens[0]);
    let in_query = format!("/v1/whoami?access_token={}", tokens[1]);
    Person::new(&host.ready.url, Some(&tampered))
        .get("/v1/whoami")
        .await
        .is_problem(401);
    host.nobody().get(&in_query).await.is_problem(400);
    host.kill_9().await;

    let log = folder.log();
    assert!(log.contains("listening"), "{log}");
    for file in folder.files() {
        let bytes = std::fs::read(&file).unwrap();
        for token in &tokens {
            holds_no_part(&bytes, token, &file.display().to_string());
        }
    }
    for token in &tokens {
        holds_no_part(log.as_bytes(), token, "the log");
    }
}

/// Neither the token nor its signature nor its claims, anywhere in `bytes`.
#[track_caller]
fn holds_no_part(bytes: &[u8], token: &str, place: &str) {
    for part in token.split('.').skip(1) {
        let part = part.as_bytes();
        let first = part[0];
        let mut starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == first);
        assert!(
            !starts.any(|(at, _)| bytes[at..].starts_with(part)),
            "a token is in {place}"
        );
    }
}
