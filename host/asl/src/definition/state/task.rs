//! The Task state.

use document::{Fields, Node, Problems};

use super::{Next, Seconds};
use crate::definition::fields::{self, SECONDS_MAX};
use crate::definition::parse::Reader;
use crate::definition::{Catcher, Retrier, retry};

/// `"Type": "Task"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// `Resource`, as written.
    pub resource: String,
    /// `Credentials`.
    pub credentials: Option<Credentials>,
    /// `TimeoutSeconds` or `TimeoutSecondsPath`.
    pub timeout: Option<Seconds>,
    /// `HeartbeatSeconds` or `HeartbeatSecondsPath`.
    pub heartbeat: Option<Seconds>,
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
    pub role_arn: String,
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
        let credentials = credentials.and_then(|node| credentials_of(&node, &mut reader.problems));
        let problems = &mut reader.problems;
        let timeout = duration(fields, ["TimeoutSeconds", "TimeoutSecondsPath"], problems);
        let heartbeat = duration(
            fields,
            ["HeartbeatSeconds", "HeartbeatSecondsPath"],
            problems,
        );
        if let (Some(Seconds::Fixed(timeout)), Some(Seconds::Fixed(heartbeat))) =
            (&timeout, &heartbeat)
            && heartbeat >= timeout
        {
            let pointer = format!("{}/HeartbeatSeconds", fields.pointer());
            problems.push(
                pointer,
                "`HeartbeatSeconds` must be less than `TimeoutSeconds`",
            );
        }
        let retry = retry::retriers(fields, reader);
        let catch = retry::catchers(fields, reader);
        let next = reader.next(fields);
        Some(Self {
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
        node.problem("expected a text that is not empty", problems);
    }
    Some(text.to_owned())
}

fn credentials_of(node: &Node<'_>, problems: &mut Problems) -> Option<Credentials> {
    let mut fields = node.object(problems)?;
    if let Some(node) = fields.optional("RoleArn.$") {
        node.problem(fields::unsupported("RoleArn.$"), problems);
        return None;
    }
    let role_arn = fields.required("RoleArn", problems);
    let role_arn = role_arn.and_then(|node| text(&node, problems));
    fields.finish(problems);
    role_arn.map(|role_arn| Credentials { role_arn })
}

/// Reads a time given as a number or as a path, but not both.
fn duration(
    fields: &mut Fields<'_>,
    [fixed, path]: [&'static str; 2],
    problems: &mut Problems,
) -> Option<Seconds> {
    match (fields.optional(fixed), fields.optional(path)) {
        (None, None) => None,
        (Some(node), None) => fields::whole(&node, 1..=SECONDS_MAX, problems).map(Seconds::Fixed),
        (None, Some(node)) => fields::reference(&node, problems).map(Seconds::At),
        (Some(_), Some(node)) => {
            node.problem(
                format!("`{fixed}` and `{path}` exclude each other"),
                problems,
            );
            None
        }
    }
}
