//! `http:invoke` at publish: what the definition itself tells is held against the role.

use std::sync::Arc;

use asl::definition::{Flow, State, Task};
use auth::capability::Endpoint;
use serde_json::Value;

use super::{Pins, task_role};
use crate::RoleRevision;
use crate::tasks::{CONNECTIONS, NO_CONNECTIONS, headers_problem, refused_headers};

impl Pins<'_> {
    /// Lists what stands in the way of an HTTP Task; what only the state's data tell is decided
    /// when it is attempted.
    pub(super) fn http_task(&mut self, state: &State, task: &Task) {
        let pointer = &state.pointer;
        let (arguments, field) = match &state.flow {
            Flow::JsonPath(flow) => (flow.parameters.as_ref(), "Parameters"),
            Flow::Jsonata(flow) => (flow.arguments.as_ref(), "Arguments"),
        };
        let role = self.role_of(pointer, task);
        let place = format!("{pointer}/{field}");
        let Some(arguments) = arguments else {
            let message = "an HTTP Task needs `ApiEndpoint` and `Method`";
            self.problems.push(place, message);
            return;
        };
        for name in CONNECTIONS {
            if arguments.has_member(name) {
                self.problems
                    .push(format!("{place}/{name}"), NO_CONNECTIONS);
            }
        }
        if let Some(Value::Object(headers)) = arguments.literal_member("Headers") {
            let refused = refused_headers(headers);
            if !refused.is_empty() {
                self.problems
                    .push(format!("{place}/Headers"), headers_problem(&refused));
            }
        }
        let text = |name| arguments.literal_member(name).and_then(Value::as_str);
        let Some(endpoint) = text("ApiEndpoint") else {
            return;
        };
        let endpoint = match Endpoint::parse(endpoint) {
            Ok(endpoint) => endpoint,
            Err(message) => {
                self.problems.push(format!("{place}/ApiEndpoint"), message);
                return;
            }
        };
        let (Some(revision), Some(method)) = (role, text("Method")) else {
            return;
        };
        let grants = revision.facts.role().grants();
        let granted = grants.http_granted(method, endpoint.origin(), &endpoint.target());
        if let Err(refused) = granted {
            let member = match refused.rule {
                "http.method" => "Method",
                _ => "ApiEndpoint",
            };
            let message = format!(
                "{method} {endpoint} under role `{}`: {} (rule `{}`)",
                revision.facts.name(),
                refused.reason,
                refused.rule
            );
            self.problems.push(format!("{place}/{member}"), message);
        }
    }

    /// The role that the Task's request is made under; nothing if only the state's data tell.
    fn role_of(&mut self, pointer: &str, task: &Task) -> Option<Arc<RoleRevision>> {
        let role = match task_role(task, self.default_role) {
            Ok(role) => role?,
            Err(message) => {
                let place = format!("{pointer}/Credentials/RoleArn");
                self.problems.push(place, message);
                return None;
            }
        };
        let revision = self.authority.role(&role).cloned();
        // A default role that does not exist is told of once for the whole machine.
        if revision.is_none() && task.credentials.is_some() {
            let place = format!("{pointer}/Credentials/RoleArn");
            let message = format!("there is no role `{role}`, create it first");
            self.problems.push(place, message);
        }
        revision
    }
}
