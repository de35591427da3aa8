//! Reads `Choices`.

use document::{Fields, Finding, Node, Problem, Problems};
use serde_json::Value;

use super::{ChoiceRule, Comparison, Condition, Operand, Ordering};
use crate::definition::language::Language;
use crate::definition::parse::Reader;
use crate::definition::{Choice, fields, flow, quantity};

/// Reads what is particular to a Choice state.
pub(in crate::definition) fn choice(
    fields: &mut Fields<'_>,
    reader: &mut Reader,
) -> Option<Choice> {
    let rules = fields
        .required("Choices", &mut reader.problems)
        .and_then(|node| rules(&node, reader));
    let default = fields.optional("Default").map(|node| reader.target(&node));
    if default.is_none() {
        let message = "an input that no rule matches fails the execution with `States.Runtime`, \
            give a `Default` to avoid it";
        reader.warnings.push(fields.pointer(), message);
    }
    Some(Choice {
        rules: rules?,
        default: match default {
            Some(default) => Some(default?),
            None => None,
        },
    })
}

fn rules(node: &Node<'_>, reader: &mut Reader) -> Option<Vec<ChoiceRule>> {
    let nodes = node.array(&mut reader.problems)?;
    if nodes.is_empty() {
        node.problem("expected at least one rule", &mut reader.problems);
    }
    let rules: Vec<_> = nodes
        .iter()
        .enumerate()
        .filter_map(|(place, node)| rule(node, place, reader))
        .collect();
    (rules.len() == nodes.len()).then_some(rules)
}

fn rule(node: &Node<'_>, place: usize, reader: &mut Reader) -> Option<ChoiceRule> {
    let mut fields = node.object(&mut reader.problems)?;
    let next = fields
        .required("Next", &mut reader.problems)
        .and_then(|node| reader.target(&node));
    let around = format!("Choices[{place}]");
    let assign = flow::assign(&mut fields, &format!("{around}/Assign"), reader);
    let (condition, output) = match reader.language {
        Language::JsonPath => {
            let condition = members(&fields, &["Next", "Assign"], &mut reader.problems);
            (condition, None)
        }
        Language::Jsonata => {
            let condition = jsonata(&mut fields, &around, reader);
            let output = fields.optional("Output");
            let output =
                output.and_then(|node| flow::jsonata(&node, &format!("{around}/Output"), reader));
            fields.optional("Comment");
            fields.finish(&mut reader.problems);
            (condition, output)
        }
    };
    Some(ChoiceRule {
        condition: condition?,
        next: next?,
        output,
        assign,
    })
}

/// Reads `Condition` of the rule that messages call `around`.
fn jsonata(fields: &mut Fields<'_>, around: &str, reader: &mut Reader) -> Option<Condition> {
    let node = fields.required("Condition", &mut reader.problems)?;
    if let Some(fixed) = node.value.as_bool() {
        return Some(Condition::Fixed(fixed));
    }
    let field = format!("{around}/Condition");
    let expression = quantity::expression(&node, &field, reader);
    if expression.is_none() {
        let message =
            "expected an expression such as `{% $states.input.ready %}`, or true or false";
        node.problem(message, &mut reader.problems);
    }
    expression.map(Condition::Expression)
}

/// Reads a rule inside another.
pub(super) fn condition(node: &Node<'_>, problems: &mut Problems) -> Option<Condition> {
    let fields = node.object(problems)?;
    members(&fields, &[], problems)
}

/// Reads the members of a rule besides `allowed`: one logical operator, or `Variable` with one
/// comparison operator.
fn members(fields: &Fields<'_>, allowed: &[&str], problems: &mut Problems) -> Option<Condition> {
    let mut variable = None;
    let mut operators = Vec::new();
    for (name, node) in fields.entries() {
        match name {
            "Variable" => variable = Some(node),
            "Comment" => {
                node.string(problems);
            }
            "Condition" | "Output" => {
                problems.extend([Language::JsonPath.refusal(name, &node.pointer)]);
                return None;
            }
            "Next" | "Assign" if allowed.contains(&name) => {}
            "Assign" | "Next" => {
                let message = format!("only a rule of `Choices` itself may have `{name}`");
                let problem = Problem::new(node.pointer, message);
                problems.extend([problem.found(Finding::Unknown)]);
            }
            _ => operators.push((name, node)),
        }
    }
    let [(name, operand)] = operators.as_slice() else {
        let found: Vec<_> = operators
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        let message = match found.as_slice() {
            [] => "expected an operator such as `StringEquals`".to_owned(),
            several => format!("expected one operator, found {}", several.join(", ")),
        };
        problems.push(fields.pointer(), message);
        return None;
    };
    operation(name, operand, variable.as_ref(), fields.pointer(), problems)
}

/// Reads the operator `name` of the rule at `pointer`.
fn operation(
    name: &str,
    operand: &Node<'_>,
    variable: Option<&Node<'_>>,
    pointer: &str,
    problems: &mut Problems,
) -> Option<Condition> {
    match (name, variable) {
        ("And" | "Or" | "Not", Some(variable)) => {
            variable.problem(
                format!("`Variable` has no meaning beside `{name}`"),
                problems,
            );
            None
        }
        ("And", None) => several(operand, problems).map(Condition::And),
        ("Or", None) => several(operand, problems).map(Condition::Or),
        ("Not", None) => condition(operand, problems).map(|part| Condition::Not(Box::new(part))),
        (name, None) => {
            let problem = Problem::new(pointer, format!("`{name}` needs a `Variable`"));
            problems.extend([problem.found(Finding::Missing("Variable"))]);
            comparison(name, operand, problems);
            None
        }
        (name, Some(variable)) => {
            let variable = fields::reference(variable, problems);
            let comparison = comparison(name, operand, problems);
            Some(Condition::Compare {
                variable: variable?,
                comparison: comparison?,
            })
        }
    }
}

fn several(node: &Node<'_>, problems: &mut Problems) -> Option<Vec<Condition>> {
    let nodes = node.array(problems)?;
    if nodes.is_empty() {
        node.problem("expected at least one rule", problems);
    }
    let parts: Vec<_> = nodes
        .iter()
        .filter_map(|node| condition(node, problems))
        .collect();
    (parts.len() == nodes.len()).then_some(parts)
}

fn comparison(name: &str, node: &Node<'_>, problems: &mut Problems) -> Option<Comparison> {
    match name {
        "StringMatches" => {
            return Some(Comparison::StringMatches(node.string(problems)?.to_owned()));
        }
        "IsPresent" => return node.boolean(problems).map(Comparison::IsPresent),
        "IsNull" => return node.boolean(problems).map(Comparison::IsNull),
        "IsBoolean" => return node.boolean(problems).map(Comparison::IsBoolean),
        "IsNumeric" => return node.boolean(problems).map(Comparison::IsNumeric),
        "IsString" => return node.boolean(problems).map(Comparison::IsString),
        "IsTimestamp" => return node.boolean(problems).map(Comparison::IsTimestamp),
        _ => {}
    }
    let (base, place) = match name.strip_suffix("Path") {
        Some(base) => (base, Place::Path),
        None => (name, Place::Constant),
    };
    if base == "BooleanEquals" {
        return operand(node, place, problems, Node::boolean).map(Comparison::BooleanEquals);
    }
    let ordering = |family: &str| base.strip_prefix(family).and_then(ordering);
    if let Some(ordering) = ordering("Numeric") {
        let operand = operand(node, place, problems, number)?;
        return Some(Comparison::Numeric(ordering, operand));
    }
    if let Some(ordering) = ordering("String") {
        let operand = operand(node, place, problems, text)?;
        return Some(Comparison::String(ordering, operand));
    }
    if let Some(ordering) = ordering("Timestamp") {
        let operand = operand(node, place, problems, fields::timestamp)?;
        return Some(Comparison::Timestamp(ordering, operand));
    }
    let problem = Problem::new(&node.pointer, format!("unknown operator `{name}`"));
    problems.extend([problem.found(Finding::Unknown)]);
    None
}

fn ordering(suffix: &str) -> Option<Ordering> {
    match suffix {
        "Equals" => Some(Ordering::Equals),
        "LessThan" => Some(Ordering::LessThan),
        "LessThanEquals" => Some(Ordering::LessThanEquals),
        "GreaterThan" => Some(Ordering::GreaterThan),
        "GreaterThanEquals" => Some(Ordering::GreaterThanEquals),
        _ => None,
    }
}

/// Whether an operator ends in `Path`.
#[derive(Clone, Copy)]
enum Place {
    Constant,
    Path,
}

fn operand<'a, T>(
    node: &Node<'a>,
    place: Place,
    problems: &mut Problems,
    constant: impl Fn(&Node<'a>, &mut Problems) -> Option<T>,
) -> Option<Operand<T>> {
    match place {
        Place::Constant => constant(node, problems).map(Operand::Constant),
        Place::Path => fields::reference(node, problems).map(Operand::<T>::At),
    }
}

fn number(node: &Node<'_>, problems: &mut Problems) -> Option<serde_json::Number> {
    let Value::Number(number) = node.value else {
        node.problem("expected a number", problems);
        return None;
    };
    Some(number.clone())
}

fn text(node: &Node<'_>, problems: &mut Problems) -> Option<String> {
    node.string(problems).map(str::to_owned)
}
