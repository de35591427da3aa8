//! Everything that a host shows, read over HTTP.

use std::collections::BTreeMap;

use driver::http::{Answer, Person};
use serde_json::{Value, json};

/// How many items are asked for at once.
const PAGE: usize = 100;

/// What a host shows.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// By the path they were read at.
    pub documents: BTreeMap<String, Value>,
    /// By id.
    pub executions: BTreeMap<String, Execution>,
    /// The ids of the listing, in its order.
    pub listed: Vec<String>,
    /// The links of the audit log.
    pub links: Vec<Value>,
    /// The end of the audit log.
    pub head: Value,
    /// What the host would not show, with its reason.
    pub refused: Vec<String>,
}

/// An execution as it is shown.
#[derive(Clone, Debug, Default)]
pub struct Execution {
    /// Its description.
    pub description: Value,
    /// Its history.
    pub history: Vec<Value>,
    /// Whether the host would not show all of that.
    pub is_refused: bool,
}

impl Execution {
    /// The name of its state machine.
    pub fn machine(&self) -> &str {
        self.description["stateMachine"].as_str().unwrap_or("")
    }

    /// Its status.
    pub fn status(&self) -> &str {
        self.description["status"].as_str().unwrap_or("")
    }
}

impl Found {
    /// Reads all executions, the audit log, and the documents at these paths.
    pub async fn read(
        (operator, auditor): (&Person, &Person),
        documents: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut found = Self::default();
        for path in documents {
            if let Some(document) = found.document(operator, &path).await {
                found.documents.insert(path, document);
            }
        }
        let (listed, _) = found.pages(operator, "/v1/executions", "executions").await;
        for item in listed {
            let id = item["id"].as_str().unwrap().to_owned();
            found.listed.push(id.clone());
            let execution = found.execution(operator, &id).await;
            found.executions.insert(id, execution);
        }
        let (links, last) = found.pages(auditor, "/v1/audit", "records").await;
        found.links = links;
        found.head = last["head"].clone();
        found
    }

    /// Reads one execution that a listing may not name.
    pub async fn execution(&mut self, operator: &Person, id: &str) -> Execution {
        let refused = self.refused.len();
        let path = format!("/v1/executions/{id}");
        let description = self.document(operator, &path).await;
        let path = format!("{path}/history");
        let (history, _) = self.pages(operator, &path, "events").await;
        Execution {
            description: description.unwrap_or_default(),
            history,
            is_refused: self.refused.len() > refused,
        }
    }

    async fn document(&mut self, person: &Person, path: &str) -> Option<Value> {
        let answer = person.get(path).await;
        match answer.status {
            200 => Some(answer.body),
            404 => None,
            _ => {
                self.refuse(path, &answer);
                None
            }
        }
    }

    /// Every item of a listing, and its last page.
    async fn pages(&mut self, person: &Person, path: &str, items: &str) -> (Vec<Value>, Value) {
        let mut all = Vec::new();
        let mut next = String::new();
        loop {
            let page = format!("{path}?maxResults={PAGE}{next}");
            let answer = person.get(&page).await;
            if answer.status != 200 {
                if answer.status != 404 {
                    self.refuse(&page, &answer);
                }
                return (all, json!({}));
            }
            all.extend(answer.body[items].as_array().unwrap().iter().cloned());
            match answer.body["nextToken"].as_str() {
                Some(token) => next = format!("&nextToken={token}"),
                None => return (all, answer.body),
            }
        }
    }

    fn refuse(&mut self, path: &str, answer: &Answer) {
        let refused = format!("{path}: {} {}", answer.status, answer.text);
        self.refused.push(refused);
    }
}
