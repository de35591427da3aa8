//! Reads the JSONPath fields.

use document::{Fields, Node, Problems};
use serde_json::Value;

use super::{Flow, JsonPathFlow, JsonataFlow, ResultPath};
use crate::definition::fields;
use crate::definition::kind::Kind;
use crate::definition::language::Language;
use crate::definition::parse::Reader;
use crate::diagnostic::{self, code};
use crate::template::{Source, Template};
use crate::variables;

/// Reads those fields that a state of `kind` may have; a faulty one is reported and stays at its
/// default.
pub(in crate::definition) fn read(
    fields: &mut Fields<'_>,
    kind: Kind,
    reader: &mut Reader,
) -> Flow {
    let language = reader.language;
    let mut member = |name: &'static str| {
        let node = fields.optional(name);
        node.filter(|_| kind.allows(language, name))
    };
    match language {
        Language::JsonPath => Flow::JsonPath(Box::new(json_path(&mut member, kind, reader))),
        Language::Jsonata => Flow::Jsonata(Box::new(JsonataFlow {
            arguments: member("Arguments").and_then(|node| jsonata(&node, "Arguments", reader)),
            output: member("Output").and_then(|node| jsonata(&node, "Output", reader)),
        })),
    }
}

fn json_path<'a>(
    member: &mut impl FnMut(&'static str) -> Option<Node<'a>>,
    kind: Kind,
    reader: &mut Reader,
) -> JsonPathFlow {
    let mut flow = JsonPathFlow::default();
    if let Some(node) = member("InputPath") {
        flow.input_path = nullable(&node, &mut reader.problems);
    }
    if let Some(node) = member("OutputPath") {
        flow.output_path = nullable(&node, &mut reader.problems);
    }
    if let Some(node) = member("ResultPath") {
        flow.result_path = result_path(&node, &mut reader.problems).unwrap_or(ResultPath::Discard);
    }
    if let Some(node) = member("ResultSelector") {
        flow.result_selector = template(&node, reader);
    }
    // A Map's `Parameters` is the older name of its `ItemSelector`.
    if kind != Kind::Map
        && let Some(node) = member("Parameters")
    {
        flow.parameters = template(&node, reader);
    }
    flow
}

/// Reads `Assign` of a state, a catcher or a Choice rule, in the language of the state; `field` is
/// what messages call it.
pub(in crate::definition) fn assign(
    fields: &mut Fields<'_>,
    field: &str,
    reader: &mut Reader,
) -> Option<Template> {
    let node = fields.optional("Assign")?;
    for (name, node) in node.object(&mut reader.problems)?.entries() {
        let plain = match reader.language {
            Language::JsonPath => name.strip_suffix(".$").unwrap_or(name),
            Language::Jsonata => name,
        };
        if !variables::is_name(plain) || plain == "states" {
            let plain = fields::bounded(plain);
            let message = format!(
                "`{plain}` cannot be the name of a variable, use at most 80 letters, digits and underscores, and not `states`"
            );
            node.problem(message, &mut reader.problems);
        }
    }
    match reader.language {
        Language::JsonPath => template(&node, reader),
        Language::Jsonata => jsonata(&node, field, reader),
    }
}

/// Reads a JSONata template; `field` names where it stands.
pub(in crate::definition) fn jsonata(
    node: &Node<'_>,
    field: &str,
    reader: &mut Reader,
) -> Option<Template> {
    Template::parse_jsonata(node, field, &mut reader.problems)
}

/// Reads a `ResultPath`.
pub(in crate::definition) fn result_path(
    node: &Node<'_>,
    problems: &mut Problems,
) -> Option<ResultPath> {
    if node.value.is_null() {
        return Some(ResultPath::Discard);
    }
    fields::writable(node, problems).map(ResultPath::At)
}

/// Reads a payload template and warns of texts that look like forgotten paths.
pub(in crate::definition) fn template(node: &Node<'_>, reader: &mut Reader) -> Option<Template> {
    if let Value::Object(_) = node.value {
        warn_of_paths(node, &mut reader.warnings);
    }
    Template::parse(node, &mut reader.problems)
}

fn nullable(node: &Node<'_>, problems: &mut Problems) -> Option<Source> {
    if node.value.is_null() {
        return None;
    }
    fields::source(node, problems)
}

fn warn_of_paths(node: &Node<'_>, warnings: &mut Problems) {
    let mut unused = Problems::default();
    match node.value {
        Value::Object(_) => {
            let entries = node.object(&mut unused).map(|fields| fields.entries());
            for (name, member) in entries.unwrap_or_default() {
                if member.value.as_str().is_some_and(looks_like_path) && !name.ends_with(".$") {
                    let name = fields::bounded(name);
                    let message = format!(
                        "the text is passed on as written, name the member `{name}.$` to fill it in"
                    );
                    let theirs =
                        "No .$ on a field that appears to be a JSONPath or Intrinsic Function.";
                    let pointer = &member.pointer;
                    let warning = diagnostic::problem(pointer, message, code::NO_DOLLAR, theirs);
                    warnings.extend([warning]);
                }
                warn_of_paths(&member, warnings);
            }
        }
        Value::Array(_) => {
            for item in node.array(&mut unused).unwrap_or_default() {
                warn_of_paths(&item, warnings);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether a text that is passed on as written was probably meant as a path.
pub(in crate::definition) fn looks_like_path(text: &str) -> bool {
    text.starts_with("$.") || text.starts_with("$$.")
}
