//! Reads payload templates of either query language.

use document::{Node, Problems};
use serde_json::Value;

use super::{Part, Query, Source, Template};
use crate::diagnostic::{self, code};
use crate::expression::Expression;

impl Template {
    /// Reads a JSONPath template, which is an object.
    pub(crate) fn parse(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        node.object(problems)?;
        part(node, problems).map(Self)
    }

    /// Reads a JSONata template, which is any value; `field` names where it stands.
    pub(crate) fn parse_jsonata(
        node: &Node<'_>,
        field: &str,
        problems: &mut Problems,
    ) -> Option<Self> {
        jsonata(node, field, problems).map(Self)
    }
}

fn part(node: &Node<'_>, problems: &mut Problems) -> Option<Part> {
    match node.value {
        Value::Object(_) => object(node, problems),
        Value::Array(_) => array(node, |item, _| part(item, problems)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Some(Part::Literal(node.value.clone()))
        }
    }
}

fn object(node: &Node<'_>, problems: &mut Problems) -> Option<Part> {
    let entries = node.object(problems)?.entries();
    let count = entries.len();
    let has = |name: &str| node.value.get(name).is_some();
    let mut members: Vec<(String, Part)> = Vec::new();
    for (field, node) in entries {
        let (name, member) = match field.strip_suffix(".$") {
            Some(name) => (name, query(field, &node, problems).map(Part::Query)),
            None => (field, part(&node, problems)),
        };
        if name != field && has(name) {
            node.problem(
                format!("`{name}` and `{name}.$` both give member `{name}`"),
                problems,
            );
        }
        members.extend(member.map(|member| (name.to_owned(), member)));
    }
    (members.len() == count).then(|| joined(node, members))
}

fn joined(node: &Node<'_>, members: Vec<(String, Part)>) -> Part {
    if members.iter().all(|(_, member)| member.is_literal()) {
        return Part::Literal(node.value.clone());
    }
    Part::Object(members)
}

fn array(node: &Node<'_>, mut read: impl FnMut(&Node<'_>, usize) -> Option<Part>) -> Option<Part> {
    let nodes = node.array(&mut Problems::default())?;
    let items: Vec<Part> = nodes
        .iter()
        .enumerate()
        .filter_map(|(index, node)| read(node, index))
        .collect();
    match (
        items.len() == nodes.len(),
        items.iter().all(Part::is_literal),
    ) {
        (false, _) => None,
        (true, true) => Some(Part::Literal(node.value.clone())),
        (true, false) => Some(Part::Array(items)),
    }
}

fn query(field: &str, node: &Node<'_>, problems: &mut Problems) -> Option<Query> {
    let text = node.string(problems)?;
    match Source::parse(text) {
        Ok(source) => Some(Query {
            field: field.to_owned(),
            source,
        }),
        Err(problem) => {
            let message = format!(
                "the value of `{field}` is neither a JSONPath nor an intrinsic function: {problem}"
            );
            let theirs = format!(
                "The value for the field '{field}' must be a valid JSONPath or a valid intrinsic function call"
            );
            let place = Some(diagnostic::around(&node.pointer));
            let pointer = &node.pointer;
            problems.extend([diagnostic::placed(
                pointer,
                message,
                place,
                code::SCHEMA,
                theirs,
            )]);
            None
        }
    }
}

fn jsonata(node: &Node<'_>, field: &str, problems: &mut Problems) -> Option<Part> {
    match node.value {
        Value::Object(_) => {
            let entries = node.object(problems)?.entries();
            let count = entries.len();
            let members: Vec<_> = entries
                .into_iter()
                .filter_map(|(name, node)| {
                    let part = jsonata(&node, &format!("{field}/{name}"), problems)?;
                    Some((name.to_owned(), part))
                })
                .collect();
            (members.len() == count).then(|| joined(node, members))
        }
        Value::Array(_) => array(node, |item, index| {
            jsonata(item, &format!("{field}[{index}]"), problems)
        }),
        Value::String(text) => match Expression::inner(text) {
            None => Some(Part::Literal(node.value.clone())),
            Some("") => {
                node.problem("expected an expression between `{%` and `%}`", problems);
                None
            }
            Some(inner) => {
                let pointer = node.pointer.clone();
                let expression = Expression::new(inner, field.to_owned(), pointer);
                Some(Part::Expression(expression))
            }
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(Part::Literal(node.value.clone())),
    }
}
