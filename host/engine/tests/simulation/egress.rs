//! Servers that answer HTTP Tasks by script.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use auth::authority::EgressPermit;
use bytes::Bytes;
use ports::{Egress, EgressError, OutgoingRequest, OutgoingResponse};

/// What the servers were asked, and what they answer next.
#[derive(Default)]
pub(crate) struct ScriptedEgress {
    /// Method, address with query, and body of each request, in order.
    pub(crate) asked: Mutex<Vec<String>>,
    /// Answers in order; `200 OK` once they are used up.
    pub(crate) answers: Mutex<VecDeque<Result<OutgoingResponse, EgressError>>>,
}

pub(crate) fn response(status: u16, text: &str) -> OutgoingResponse {
    OutgoingResponse {
        status,
        status_text: "OK".to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Bytes::copy_from_slice(text.as_bytes()),
    }
}

#[async_trait]
impl Egress for ScriptedEgress {
    async fn request(
        &self,
        permit: EgressPermit,
        request: OutgoingRequest,
    ) -> Result<OutgoingResponse, EgressError> {
        let endpoint = permit.endpoint();
        let body = request.body.unwrap_or_default();
        let asked = format!(
            "{} {}{} {}",
            permit.method(),
            endpoint.origin(),
            endpoint.target(),
            String::from_utf8_lossy(&body)
        );
        self.asked.lock().unwrap().push(asked.trim().to_owned());
        tokio::time::sleep(Duration::from_secs(1)).await;
        let answer = self.answers.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| Ok(response(200, r#"{"ok":true}"#)))
    }
}
