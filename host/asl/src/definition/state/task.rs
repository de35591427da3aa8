//! The Task state.

use document::{Fields, Finding, Node, Problem, Problems};

use super::Next;
use crate::definition::fields::SECONDS_MAX;
use crate::definition::parse::Reader;
use crate::definition::quantity::{Quantity, Text};
use crate::definition::resource::Call;
use crate::definition::{Catcher, Retrier, retry};
use crate::diagnostic::{self, code};

/// `"Type": "Task"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// `Resource`, as written.
    pub resource: String,
    /// What `Resource` names.
    pub call: Call,
    /// `Credentials`.
    pub credentials: Option<Credentials>,
    /// `TimeoutSeconds` or `TimeoutSecondsPath`.
    pub timeout: Option<Quantity>,
    /// `HeartbeatSeconds` or `HeartbeatSecondsPath`.
    pub heartbeat: Option<Quantity>,
    /// `Retry`, in order.
    pub retry: Vec<Retrier>,
    /// `Catch`, in order.
    pub catch: Vec<Catcher>,
    /// Where it leads.
    pub next: Next,
}

/// `Credentials`: the role a Task runs under.
#[derive(Clone, Debug, PartialEq)]
pub struct Credentials {
    /// `RoleArn`: a role's ARN or plain name.
    pub role_arn: Text,
}

impl Task {
    /// Reads what is particular to a Task state.
    pub(in crate::definition) fn read(
        fields: &mut Fields<'_>,
        reader: &mut Reader,
    ) -> Option<Self> {
        let resource = fields
            .required("Resource", &mut reader.problems)
            .and_then(|node| text(&node, &mut reader.problems));
        let credentials = fields.optional("Credentials");
        let credentials = credentials.and_then(|node| credentials_of(&node, reader));
        let mut seconds = |names| Quantity::read(fields, names, 1..=SECONDS_MAX, reader);
        let timeout = seconds(["TimeoutSeconds", "TimeoutSecondsPath"]);
        let heartbeat = seconds(["HeartbeatSeconds", "HeartbeatSecondsPath"]);
        if let (Some(Quantity::Fixed(timeout)), Some(Quantity::Fixed(heartbeat))) =
            (&timeout, &heartbeat)
            && heartbeat >= timeout
        {
            let pointer = format!("{}/HeartbeatSeconds", fields.pointer());
            reader.problems.push(
                pointer,
                "`HeartbeatSeconds` must be less than `TimeoutSeconds`",
            );
        }
        let retry = retry::retriers(fields, reader);
        let catch = retry::catchers(fields, reader);
        let next = reader.next(fields);
        Some(Self {
            call: Call::parse(resource.as_deref()?),
            resource: resource?,
            credentials,
            timeout,
            heartbeat,
            retry,
            catch,
            next: next?,
        })
    }
}

fn text(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    let text = node.string(problems)?;
    if text.is_empty() {
        let message = "expected a text that is not empty";
        let theirs = "Value is not a valid resource ARN";
        problems.extend([diagnostic::problem(
            &node.pointer,
            message,
            code::SCHEMA,
            theirs,
        )]);
    }
    Some(text.to_owned())
}

fn credentials_of(node: &Node<'_>, reader: &mut Reader) -> Option<Credentials> {
    let mut fields = node.object(&mut reader.problems)?;
    let names = ["RoleArn", "RoleArn.$"];
    if names.iter().all(|name| fields.optional(name).is_none()) {
        let problem = Problem::new(fields.pointer(), "member `RoleArn` is missing");
        reader
            .problems
            .extend([problem.found(Finding::Missing("RoleArn"))]);
    }
    let role_arn = Text::read(&mut fields, names, reader);
    if let Some(Text::Fixed(text)) = &role_arn
        && text.is_empty()
    {
        node.problem("`RoleArn` must not be empty", &mut reader.problems);
    }
    fields.finish(&mut reader.problems);
    role_arn.map(|role_arn| Credentials { role_arn })
}
