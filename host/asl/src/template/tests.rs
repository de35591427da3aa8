use document::{Node, Problems};
use serde_json::json;

use super::*;
use crate::scope::tests::with_scope;

fn parse(template: &Value) -> Result<Template, Vec<document::Problem>> {
    let mut problems = Problems::default();
    let template = Template::parse(&Node::root(template), &mut problems);
    problems.or(template)
}

fn check(template: Value, expected: Value) {
    let data = json!({"flagged": 7, "vals": [0, 10, 20, 30, 40, 50]});
    let context = json!({"State": {"Name": "s"}});
    let template = parse(&template).unwrap();
    let filled = with_scope(&data, &context, |scope| template.evaluate(&data, scope));
    assert_eq!(filled, Ok(expected));
}

fn check_failure(template: Value, data: Value, cause: &str) {
    let template = parse(&template).unwrap();
    let failure = with_scope(&data, &json!({}), |scope| template.evaluate(&data, scope));
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
        json!({"b.$": "States.Format('{}', $.x"}),
        "/b.$",
        "neither a JSONPath nor an intrinsic function",
    );
    check_refused(json!({"b": 1, "b.$": "$"}), "/b.$", "both give member `b`");
    check_refused(json!([1]), "", "expected an object");
}
