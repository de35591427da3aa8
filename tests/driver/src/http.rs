//! Requests as one person, and the answers.

use std::collections::VecDeque;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::host::SOON;

/// One person's way to a host.
#[derive(Clone)]
pub struct Person {
    pub client: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// What the host answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// Null if it is not JSON.
    pub body: Value,
}

/// An open event stream.
pub struct Events {
    response: Response,
    buffer: String,
    ready: VecDeque<Value>,
}

impl Person {
    /// Whoever has this token.
    pub fn new(url: &str, token: Option<&str>) -> Self {
        Self {
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            url: url.to_owned(),
            token: token.map(str::to_owned),
        }
    }

    /// A request with the person's token, to be added to.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .timeout(SOON);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    /// Puts a JSON document.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PUT, path).json(&body)).await
    }

    /// Posts a JSON document.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    /// Sends a body of any type.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let request = self
            .request(method, path)
            .header("content-type", content_type);
        answer(request.body(body.into())).await
    }

    /// Uploads a component.
    pub async fn upload(&self, name: &str, version: &str, wasm: &[u8]) -> Answer {
        let path = format!("/v1/components/{name}/versions/{version}");
        self.send(Method::PUT, &path, "application/wasm", wasm)
            .await
    }

    /// Decides on version 1.0.0 of a component under a role.
    pub async fn review(&self, component: &str, role: &str, decision: &str) -> Answer {
        let review = json!({"component": component, "version": "1.0.0", "role": role,
            "decision": decision, "comment": "read it"});
        self.post("/v1/reviews", review).await
    }

    /// Starts an execution and answers its id.
    pub async fn start(&self, machine: &str, input: Value) -> String {
        let started = self
            .post(
                "/v1/executions",
                json!({"stateMachine": machine, "input": input}),
            )
            .await;
        started.is(201).body["id"].as_str().unwrap().to_owned()
    }

    /// Opens the stream of all events.
    pub async fn events(&self, id: &str) -> Events {
        self.events_after(id, 0).await
    }

    /// Opens the stream of events behind the one with this id.
    pub async fn events_after(&self, id: &str, event: u64) -> Events {
        self.try_events(id, event).await.unwrap()
    }

    /// Opens the stream of a host that may be gone.
    ///
    /// # Errors
    /// It is.
    pub async fn try_events(&self, id: &str, after: u64) -> reqwest::Result<Events> {
        let request = self.request(Method::GET, &format!("/v1/executions/{id}/events"));
        let request = request.header("last-event-id", after.to_string());
        let response = request.send().await?.error_for_status()?;
        Ok(Events {
            response,
            buffer: String::new(),
            ready: VecDeque::new(),
        })
    }

    /// Waits until an execution has ended, and reads it.
    pub async fn ended(&self, id: &str) -> Value {
        let mut events = self.events(id).await;
        while events.next().await.is_some() {}
        let answer = self.get(&format!("/v1/executions/{id}")).await;
        let execution = answer.is(200).body.clone();
        assert_ne!(execution["status"], "RUNNING", "{execution}");
        execution
    }

    /// Every item of a listing, `page` of them at a time.
    pub async fn all(&self, path: &str, items: &str, page: usize) -> Vec<Value> {
        let mut found = Vec::new();
        let mut next = String::new();
        loop {
            let answer = self.get(&format!("{path}?maxResults={page}{next}")).await;
            let body = &answer.is(200).body;
            found.extend(body[items].as_array().unwrap().iter().cloned());
            match body["nextToken"].as_str() {
                Some(token) => next = format!("&nextToken={token}"),
                None => return found,
            }
        }
    }

    /// The whole history of an execution.
    pub async fn history(&self, id: &str) -> Vec<Value> {
        self.all(&format!("/v1/executions/{id}/history"), "events", 1000)
            .await
    }

    /// What the audit log says, record by record.
    pub async fn audit(&self) -> Vec<Value> {
        let links = self.all("/v1/audit", "records", 1000).await;
        links
            .into_iter()
            .map(|link| link["record"].clone())
            .collect()
    }
}

impl Answer {
    /// With this status.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// A problem of RFC 9457 that says something, with this status.
    #[track_caller]
    pub fn is_problem(&self, status: u16) -> &Self {
        self.is(status);
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{}",
            self.text
        );
        assert_eq!(self.body["status"], status, "{}", self.text);
        for member in ["type", "title", "detail"] {
            let text = self.body[member].as_str().unwrap_or_default();
            assert!(
                !text.is_empty() && !text.contains('\n'),
                "{member}: {}",
                self.text
            );
        }
        self
    }

    /// Refused by policy, which names its rule.
    #[track_caller]
    pub fn is_denied(&self) -> &str {
        self.is_problem(403);
        let rule = self.body["rule"].as_str().unwrap_or_default();
        assert!(!rule.is_empty(), "{}", self.text);
        rule
    }

    /// The JSON pointers of every problem listed.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        errors
            .iter()
            .map(|error| error["pointer"].as_str().unwrap())
            .collect()
    }

    /// With this text somewhere in it.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.text.contains(text), "`{text}` is not in {}", self.text);
        self
    }
}

impl Events {
    /// The next event; `None` at the end of the stream, or where it broke off.
    pub async fn next(&mut self) -> Option<Value> {
        timeout(SOON, self.read())
            .await
            .expect("an event comes, or the end")
    }

    /// Reads up to the first event of this type.
    pub async fn until(&mut self, event_type: &str) -> Value {
        loop {
            let event = self
                .next()
                .await
                .unwrap_or_else(|| panic!("the end came before {event_type}"));
            if event["type"] == event_type {
                return event;
            }
        }
    }

    async fn read(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let bytes = self.response.chunk().await.ok()??;
            self.buffer.push_str(std::str::from_utf8(&bytes).unwrap());
            while let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let data = block.lines().find_map(|line| line.strip_prefix("data: "));
                self.ready
                    .extend(data.map(|data| serde_json::from_str::<Value>(data).unwrap()));
                self.buffer = rest.to_owned();
            }
        }
    }
}

/// Sends a request and reads the answer.
pub async fn answer(request: RequestBuilder) -> Answer {
    try_answer(request).await.unwrap()
}

/// Sends a request and reads the answer, from a host that may be gone before it has answered.
///
/// # Errors
/// There is no answer, or not all of it.
pub async fn try_answer(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or_default();
    Ok(Answer {
        status,
        headers,
        text,
        body,
    })
}

/// The types of history events, in order.
pub fn types(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

/// Asserts that history events are numbered from 1 without a gap.
#[track_caller]
pub fn is_gapless(events: &[Value]) {
    let ids: Vec<_> = events
        .iter()
        .map(|event| event["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
}
