//! Payload templates: `Parameters`, `ResultSelector`, `ItemSelector`.
//!
//! Owns which members of a template are filled in and from what. It does not know which state
//! a template belongs to.

use document::{Node, Problems};
use serde_json::{Map, Value};

use crate::Failure;
use crate::budget::{self, Budget};
use crate::path::{Path, PathError};

/// A JSON value in which members named `*.$` are filled from paths.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Part);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// Copied as it is.
    Literal(Value),
    Object(Vec<(String, Part)>),
    Array(Vec<Part>),
    Query(Query),
}

/// The value of a member `name.$`.
#[derive(Clone, Debug, PartialEq)]
struct Query {
    /// The member's name as written.
    field: String,
    source: Source,
}

/// Where a query's value comes from.
#[derive(Clone, Debug, PartialEq)]
enum Source {
    Path(Path),
}

impl Template {
    /// Parses a template, which is an object.
    pub(crate) fn parse(node: &Node<'_>, problems: &mut Problems) -> Option<Self> {
        node.object(problems)?;
        part(node, problems).map(Self)
    }

    /// Fills the template from `data` and the context object, spending from `budget`.
    ///
    /// # Errors
    /// `States.Runtime` if a definite path finds nothing, or the outcome is too large or too deep.
    pub(crate) fn evaluate(
        &self,
        data: &Value,
        context: &Value,
        budget: &mut Budget,
    ) -> Result<Value, Failure> {
        let filled = self.0.fill(data, context, budget)?;
        if budget::is_shallow(&filled) {
            Ok(filled)
        } else {
            Err(budget::too_deep())
        }
    }
}

fn part(node: &Node<'_>, problems: &mut Problems) -> Option<Part> {
    match node.value {
        Value::Object(_) => object(node, problems),
        Value::Array(_) => array(node, problems),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Some(Part::Literal(node.value.clone()))
        }
    }
}

fn object(node: &Node<'_>, problems: &mut Problems) -> Option<Part> {
    let entries = node.object(problems)?.entries();
    let count = entries.len();
    let mut members: Vec<(String, Part)> = Vec::new();
    for (field, node) in entries {
        let (name, member) = match field.strip_suffix(".$") {
            Some(name) => (name, query(field, &node, problems).map(Part::Query)),
            None => (field, part(&node, problems)),
        };
        if members.iter().any(|(other, _)| other == name) {
            node.problem(
                format!("`{name}` and `{name}.$` both give member `{name}`"),
                problems,
            );
        }
        members.extend(member.map(|member| (name.to_owned(), member)));
    }
    let is_literal = members.iter().all(|(_, member)| member.is_literal());
    match (members.len() == count, is_literal) {
        (false, _) => None,
        (true, true) => Some(Part::Literal(node.value.clone())),
        (true, false) => Some(Part::Object(members)),
    }
}

fn array(node: &Node<'_>, problems: &mut Problems) -> Option<Part> {
    let nodes = node.array(problems)?;
    let items: Vec<Part> = nodes
        .iter()
        .filter_map(|node| part(node, problems))
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
    if let Some(function) = intrinsic_function(text) {
        node.problem(not_supported(function), problems);
        return None;
    }
    match Path::parse(text) {
        Ok(path) => Some(Query {
            field: field.to_owned(),
            source: Source::Path(path),
        }),
        Err(problem) => {
            node.problem(
                format!("the value of `{field}` is neither a JSONPath nor an intrinsic function: {problem}"),
                problems,
            );
            None
        }
    }
}

/// The name of the intrinsic function that `text` calls.
pub(crate) fn intrinsic_function(text: &str) -> Option<&str> {
    let (name, _) = text.split_once('(')?;
    name.starts_with("States.").then_some(name)
}

/// The problem of a call of intrinsic function `name`.
pub(crate) fn not_supported(name: &str) -> String {
    format!("intrinsic function `{name}` is not supported by this version yet")
}

impl Part {
    fn is_literal(&self) -> bool {
        matches!(self, Self::Literal(_))
    }

    fn fill(&self, data: &Value, context: &Value, budget: &mut Budget) -> Result<Value, Failure> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Object(members) => {
                let mut filled = Map::new();
                for (name, member) in members {
                    filled.insert(name.clone(), member.fill(data, context, budget)?);
                }
                Ok(Value::Object(filled))
            }
            Self::Array(items) => {
                let filled = items.iter().map(|item| item.fill(data, context, budget));
                filled.collect::<Result<_, _>>().map(Value::Array)
            }
            Self::Query(query) => query.value(data, context, budget),
        }
    }
}

impl Query {
    fn value(&self, data: &Value, context: &Value, budget: &mut Budget) -> Result<Value, Failure> {
        match &self.source {
            Source::Path(path) => {
                let document = path.document(data, context);
                if document.is_null() {
                    return Err(Failure::runtime(
                        "Unable to apply Path transformation to null or empty input.",
                    ));
                }
                let found = path.evaluate_within(data, context, budget);
                found.map_err(|error: PathError| error.of_member(&self.field, document))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(template: &Value) -> Result<Template, Vec<document::Problem>> {
        let mut problems = Problems::default();
        let template = Template::parse(&Node::root(template), &mut problems);
        problems.or(template)
    }

    fn check(template: Value, expected: Value) {
        let data = json!({"flagged": 7, "vals": [0, 10, 20, 30, 40, 50]});
        let context = json!({"State": {"Name": "s"}});
        assert_eq!(
            parse(&template)
                .unwrap()
                .evaluate(&data, &context, &mut Budget::new()),
            Ok(expected)
        );
    }

    fn check_failure(template: Value, data: Value, cause: &str) {
        let failure = parse(&template)
            .unwrap()
            .evaluate(&data, &json!({}), &mut Budget::new());
        assert_eq!(failure, Err(Failure::runtime(cause)));
    }

    fn check_refused(template: Value, pointer: &str, message: &str) {
        let problems = parse(&template).unwrap_err();
        let [problem] = problems.as_slice() else {
            panic!("{problems:?}")
        };
        assert_eq!(problem.pointer, pointer);
        assert!(problem.message.contains(message), "{problem}");
    }

    #[test]
    fn members_with_a_dollar_are_filled_at_any_depth() {
        check(
            json!({"flagged": true, "parts": {"first.$": "$.vals[0]", "last3.$": "$.vals[3:]"}}),
            json!({"flagged": true, "parts": {"first": 0, "last3": [30, 40, 50]}}),
        );
        check(
            json!({"list": [{"state.$": "$$.State.Name"}, "$.flagged", [{"all.$": "$"}]]}),
            json!({"list": [
                {"state": "s"},
                "$.flagged",
                [{"all": {"flagged": 7, "vals": [0, 10, 20, 30, 40, 50]}}],
            ]}),
        );
        check(json!({}), json!({}));
    }

    #[test]
    fn a_path_that_finds_nothing_names_field_and_input() {
        check_failure(
            json!({"a": {"b.$": "$.none"}}),
            json!({"x": 1}),
            "The JSONPath '$.none' specified for the field 'b.$' could not be found in the input '{\"x\":1}'",
        );
        check_failure(
            json!({"b.$": "$"}),
            Value::Null,
            "Unable to apply Path transformation to null or empty input.",
        );
    }

    #[test]
    fn templates_cannot_copy_without_end() {
        let data = json!("x".repeat(1 << 20));
        let members = (0..20).map(|index| (format!("{index}.$"), json!("$")));
        check_failure(
            Value::Object(members.collect()),
            data,
            "The JSONPath '$' selects more data than one state may process",
        );
    }

    #[test]
    fn malformed_members_are_refused_where_they_stand() {
        check_refused(json!({"a": {"b.$": "x"}}), "/a/b.$", "neither a JSONPath");
        check_refused(json!({"b.$": 1}), "/b.$", "expected a string");
        check_refused(
            json!({"b.$": "States.Format('{}', $.x)"}),
            "/b.$",
            "intrinsic function `States.Format` is not supported by this version yet",
        );
        check_refused(json!({"b": 1, "b.$": "$"}), "/b.$", "both give member `b`");
        check_refused(json!([1]), "", "expected an object");
    }
}
