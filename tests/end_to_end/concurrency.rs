//! Many at once on one name: each is told what became of theirs, and the host holds exactly that.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::guest;
use super::host::{Folder, Host};
use super::http::Answer;
use super::stage;

const MANY: u32 = 16;

/// Sends `MANY` requests at once and answers what came back, by number.
async fn at_once<F>(
    host: &Host,
    person: &str,
    send: impl Fn(super::http::Person, u32) -> F,
) -> Vec<Answer>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let mut requests = JoinSet::new();
    for number in 0..MANY {
        let request = send(host.person(person), number);
        requests.spawn(async move { (number, request.await) });
    }
    let mut answers = requests.join_all().await;
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[tokio::test]
async fn one_of_many_uploads_of_a_version_wins() {
    let folder = Folder::new();
    let host = folder.host().await;
    let answers = at_once(&host, "author", |author, number| async move {
        author
            .upload("echo", "1.0.0", &guest::echo_marked(number))
            .await
    })
    .await;
    let won: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .collect();
    assert_eq!(won.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.is_problem(409);
    }
    let stored = host
        .person("author")
        .get("/v1/components/echo/versions/1.0.0")
        .await;
    assert_eq!(stored.is(200).body, won[0].body);
    let mark = answers
        .iter()
        .position(|answer| answer.status == 201)
        .unwrap();
    let again = guest::echo_marked(u32::try_from(mark).unwrap());
    host.person("author")
        .upload("echo", "1.0.0", &again)
        .await
        .is(200);
}

#[tokio::test]
async fn revisions_of_a_role_have_no_gap_and_none_is_told_twice() {
    let folder = Folder::new();
    let host = folder.host().await;
    let answers = at_once(&host, "operator", |operator, number| async move {
        operator
            .put(
                "/v1/roles/workers",
                json!({"limits": {"http_requests": number + 1}}),
            )
            .await
    })
    .await;
    let told: BTreeSet<_> = answers
        .iter()
        .map(|answer| answer.is(201).body["revision"].as_u64().unwrap())
        .collect();
    assert_eq!(told, (1..=u64::from(MANY)).collect());
    let revisions = host
        .person("operator")
        .get("/v1/roles/workers/revisions")
        .await;
    let revisions = revisions.is(200).body["revisions"]
        .as_array()
        .unwrap()
        .clone();
    for answer in &answers {
        assert!(
            revisions.contains(&answer.body),
            "{} was told but is not there",
            answer.text
        );
    }
    let current = host.person("operator").get("/v1/roles/workers").await.body;
    assert_eq!(&current, revisions.last().unwrap());
    stage::audit_verifies(&host).await;
}

#[tokio::test]
async fn publishes_of_one_name_are_revisions_without_a_gap() {
    let folder = Folder::new();
    let host = folder.host().await;
    let definition = |number: u32| {
        let mut definition = stage::pass();
        definition["Comment"] = Value::from((number / 2).to_string());
        definition
    };
    let answers = at_once(&host, "operator", move |operator, number| async move {
        operator
            .put("/v1/state-machines/work", definition(number))
            .await
    })
    .await;
    let mut made: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .collect();
    made.sort_by_key(|answer| answer.body["revision"].as_u64());
    for (index, answer) in made.iter().enumerate() {
        assert_eq!(answer.body["revision"], json!(index + 1));
    }
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert!(answer.is(200).body["revision"].as_u64().unwrap() <= made.len() as u64);
    }
    let current = host.person("operator").get("/v1/state-machines/work").await;
    assert_eq!(current.body["revision"], json!(made.len()));
}

#[tokio::test]
async fn starts_under_one_name_are_one_execution() {
    let folder = Folder::new();
    let host = folder.host().await;
    host.person("operator")
        .put("/v1/state-machines/work", stage::wait(3600))
        .await
        .is(201);
    let answers = at_once(&host, "operator", |operator, number| async move {
        let start = json!({"stateMachine": "work", "name": "only", "input": number % 2});
        operator.post("/v1/executions", start).await
    })
    .await;
    let won: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .collect();
    assert_eq!(won.len(), 1);
    let id = &won[0].body["id"];
    let parity = answers
        .iter()
        .position(|answer| answer.status == 201)
        .unwrap()
        % 2;
    for (number, answer) in answers
        .iter()
        .enumerate()
        .filter(|(_, answer)| answer.status != 201)
    {
        match number % 2 == parity {
            true => assert_eq!(&answer.is(200).body["id"], id),
            false => drop(answer.is_problem(409)),
        }
    }
    let listed = host
        .person("operator")
        .all("/v1/executions", "executions", 100)
        .await;
    assert_eq!(listed.len(), 1);
}
