//! People who use a host and remember what they were told. The host may refuse, break off or be
//! gone at any moment; what was not acknowledged is no fact.

use std::collections::BTreeSet;
use std::time::Duration;

use driver::guest;
use driver::host::{Host, SOON};
use driver::http::{Answer, Person, try_answer};
use serde_json::{Value, from_str, json};
use tokio::time::timeout;

use crate::facts::{Fact, Facts};
use crate::found::Found;
use crate::machines::{self, DESK, ECHO, ENDING, ROLE, STAYING};

/// How often the executions are looked at that have not ended.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Somebody with every role, and a memory.
#[derive(Clone)]
pub struct Client {
    author: Person,
    operator: Person,
    reviewer: Person,
    auditor: Person,
    facts: Facts,
}

impl Client {
    /// Somebody who uses this host.
    pub fn new(host: &Host, facts: &Facts) -> Self {
        Self {
            author: host.person("author"),
            operator: host.person("operator"),
            reviewer: host.person("reviewer"),
            auditor: host.person("auditor"),
            facts: facts.clone(),
        }
    }

    /// The operator, whose requests are not remembered.
    pub fn operator(&self) -> &Person {
        &self.operator
    }

    /// Publishes everything the runs need, and reads it back.
    pub async fn publish(&self, effects: &str) -> Option<()> {
        let path = format!("/v1/components/{ECHO}/versions/1.0.0");
        let request = self.author.request(reqwest::Method::PUT, &path);
        let request = request.header("content-type", "application/wasm");
        let stored = self.tell(request.body(guest::echo())).await?;
        self.stored(&path, stored.is(201));
        self.write_role(ROLE, machines::role(effects)).await?;
        let review = json!({"component": ECHO, "version": "1.0.0", "role": ROLE,
            "decision": "approve", "comment": "read it"});
        let reviews = self.reviewer.request(reqwest::Method::POST, "/v1/reviews");
        self.tell(reviews.json(&review)).await?.is(201);
        self.aws("CreateActivity", json!({"name": "desk"}))
            .await?
            .is(200);
        for name in ENDING.into_iter().chain([STAYING]) {
            self.publish_machine(name, effects).await?;
        }
        Some(())
    }

    /// Writes a revision of a role.
    pub async fn write_role(&self, name: &str, grants: Value) -> Option<()> {
        let path = format!("/v1/roles/{name}");
        self.put(&path, &path, grants).await
    }

    /// Writes a revision of a state machine.
    pub async fn publish_machine(&self, name: &str, effects: &str) -> Option<()> {
        let read = format!("/v1/state-machines/{name}");
        let path = format!("{read}?role={ROLE}");
        self.put(&path, &read, machines::definition(name, effects))
            .await
    }

    async fn put(&self, path: &str, read: &str, body: Value) -> Option<()> {
        self.facts.note(Fact::Revised {
            path: read.to_owned(),
        });
        let request = self.operator.request(reqwest::Method::PUT, path);
        let stored = self.tell(request.json(&body)).await?;
        assert!([200, 201].contains(&stored.status), "{}", stored.text);
        self.stored(read, &stored);
        let shown = self
            .tell(self.operator.request(reqwest::Method::GET, read))
            .await?;
        self.stored(read, shown.is(200));
        Some(())
    }

    fn stored(&self, path: &str, answer: &Answer) {
        let mut members = answer.body.clone();
        // Said of the request, not of the document.
        members.as_object_mut().unwrap().remove("warnings");
        let path = path.to_owned();
        self.facts.note(Fact::Document { path, members });
    }

    /// Starts an execution; the answer, or nothing if the host is gone.
    pub async fn start(&self, machine: &str, name: &str, input: Value) -> Option<Answer> {
        let request = json!({"stateMachine": machine, "name": name, "input": input});
        let asked = self
            .operator
            .request(reqwest::Method::POST, "/v1/executions");
        let answer = self.tell(asked.json(&request)).await?;
        if answer.status == 201 {
            let answer = answer.body.clone();
            self.facts.note(Fact::Started { request, answer });
        }
        Some(answer)
    }

    /// Reads the live events of an execution to their end, or to that of the host.
    pub async fn follow(&self, id: &str) -> Option<()> {
        let mut events = self.operator.try_events(id, 0).await.ok()?;
        while let Some(event) = events.next().await {
            let id = id.to_owned();
            self.facts.note(Fact::Event { id, event });
        }
        Some(())
    }

    /// Reads the description and the history of an execution.
    pub async fn look(&self, id: &str) -> Option<Answer> {
        let path = format!("/v1/executions/{id}");
        let answer = self
            .tell(self.operator.request(reqwest::Method::GET, &path))
            .await?;
        if answer.status == 200 {
            let (id, description) = (id.to_owned(), answer.body.clone());
            self.facts.note(Fact::Described { id, description });
        }
        let path = format!("{path}/history?maxResults=1000");
        let history = self
            .tell(self.operator.request(reqwest::Method::GET, &path))
            .await?;
        for event in history.body["events"].as_array().into_iter().flatten() {
            let (id, event) = (id.to_owned(), event.clone());
            self.facts.note(Fact::Event { id, event });
        }
        Some(answer)
    }

    /// Stops an execution.
    pub async fn stop(&self, id: &str) -> Option<Answer> {
        let path = format!("/v1/executions/{id}/stop");
        let request = self.operator.request(reqwest::Method::POST, &path);
        let answer = self.tell(request.json(&json!({}))).await?;
        if answer.status == 200 {
            let (id, answer) = (id.to_owned(), answer.body.clone());
            self.facts.note(Fact::Stopped { id, answer });
        }
        Some(answer)
    }

    /// Reads the end of the audit log, from this record on.
    pub async fn read_audit(&self, after: u64) -> Option<Answer> {
        let path = format!("/v1/audit?after={after}&maxResults=1000");
        let answer = self
            .tell(self.auditor.request(reqwest::Method::GET, &path))
            .await?;
        for link in answer.body["records"].as_array().into_iter().flatten() {
            self.facts.note(Fact::Link(link.clone()));
        }
        if answer.body["head"].is_object() {
            self.facts.note(Fact::Head(answer.body["head"].clone()));
        }
        Some(answer)
    }

    /// Does the work at the desk, for as long as the host is there.
    pub async fn work(&self) -> Option<()> {
        loop {
            let asked = json!({"activityArn": DESK, "workerName": "worker"});
            let handed = self.aws("GetActivityTask", asked).await?;
            let Some(token) = handed.body["taskToken"].as_str() else {
                // Nothing to do, or a host that refuses for the time being.
                tokio::time::sleep(LOOK_AGAIN).await;
                continue;
            };
            let id = token.split('.').next().unwrap_or_default().to_owned();
            let input: Value = from_str(handed.body["input"].as_str().unwrap()).unwrap();
            let output = machines::answer(&input);
            self.facts.note(Fact::Handed {
                id: id.clone(),
                token: token.to_owned(),
                input,
            });
            let said = json!({"taskToken": token, "output": output.to_string()});
            let accepted = self.aws("SendTaskSuccess", said).await?;
            if accepted.status == 200 {
                self.facts.note(Fact::Answered { id, output });
            }
        }
    }

    /// Waits until everything has ended that does by itself.
    pub async fn settle(&self) {
        self.answer_what_was_handed().await;
        let working = self.clone();
        let worker = tokio::spawn(async move { working.work().await });
        let settled = timeout(SOON, async {
            while self.running().await > 0 {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
        let settled = settled.await;
        worker.abort();
        assert!(settled.is_ok(), "{:?} go on", self.listed("RUNNING").await);
    }

    /// A worker keeps its token over a fault of the host.
    async fn answer_what_was_handed(&self) {
        for fact in self.facts.all() {
            let Fact::Handed { id, token, input } = fact else {
                continue;
            };
            let output = machines::answer(&input);
            let said = json!({"taskToken": token, "output": output.to_string()});
            let accepted = self.aws("SendTaskSuccess", said).await;
            if accepted.is_some_and(|accepted| accepted.status == 200) {
                self.facts.note(Fact::Answered { id, output });
            }
        }
    }

    async fn running(&self) -> usize {
        let listed = self.listed("RUNNING").await;
        let listed = listed.iter();
        listed
            .filter(|listed| listed["stateMachine"] != STAYING)
            .count()
    }

    async fn listed(&self, status: &str) -> Vec<Value> {
        let path = format!("/v1/executions?status={status}&maxResults=1000");
        let listed = self.operator.get(&path).await;
        listed.is(200).body["executions"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// Reads everything that can be.
    pub async fn find(&self) -> Found {
        let facts = self.facts.all();
        let documents = facts.into_iter().filter_map(|fact| match fact {
            Fact::Document { path, .. } => Some(path),
            _ => None,
        });
        let documents: BTreeSet<_> = documents.collect();
        Found::read((&self.operator, &self.auditor), documents).await
    }

    async fn aws(&self, operation: &str, body: Value) -> Option<Answer> {
        let request = self.operator.request(reqwest::Method::POST, "/");
        let request = request.header("x-amz-target", format!("AWSStepFunctions.{operation}"));
        let request = request.header("content-type", "application/x-amz-json-1.0");
        self.tell(request.body(body.to_string())).await
    }

    /// What the host answers; nothing if it is gone first.
    async fn tell(&self, request: reqwest::RequestBuilder) -> Option<Answer> {
        try_answer(request).await.ok()
    }
}
