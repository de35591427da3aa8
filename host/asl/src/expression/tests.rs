use serde_json::json;

use super::*;
use crate::scope::tests::with_variables;

fn value(text: &str) -> Result<Value, Failure> {
    let input = json!({"a": {"b": [1]}, "list": [{"x": 1}], "nil": null});
    let context = json!({"State": {"Name": "s"}});
    let variables = json!({"v": {"w": "x"}});
    let inner = Expression::inner(text).unwrap();
    let expression = Expression::new(inner, "Output".to_owned(), String::new());
    let variables = variables.as_object().unwrap();
    with_variables(&input, &context, variables, |scope| expression.value(scope))
}

fn check(text: &str, expected: Value) {
    assert_eq!(value(text), Ok(expected), "{text}");
}

fn check_failure(text: &str, cause: &str) {
    let failure = value(text).unwrap_err();
    assert_eq!(failure.error, "States.QueryEvaluationError");
    assert!(failure.cause.ends_with(cause), "{text}: {}", failure.cause);
    assert_eq!(failure.location.as_deref(), Some("Output"));
}

#[test]
fn only_texts_between_percent_braces_are_expressions() {
    assert_eq!(Expression::inner("{% $a %}"), Some("$a"));
    assert_eq!(Expression::inner("{%$a%}"), Some("$a"));
    for text in ["$a", " {% $a %}", "{% $a %} ", "{%", "{%}", "{{ a }}"] {
        assert_eq!(Expression::inner(text), None, "{text}");
    }
}

#[test]
fn literals_and_plain_paths_need_no_evaluator() {
    check("{% true %}", json!(true));
    check("{% null %}", json!(null));
    check("{% -12 %}", json!(-12));
    check("{% 'single' %}", json!("single"));
    check("{% \"double\" %}", json!("double"));
    check("{% $states.input.a.b %}", json!([1]));
    check("{% $states.input.nil %}", json!(null));
    check("{% $states.context.State.Name %}", json!("s"));
    check("{% $v.w %}", json!("x"));
}

#[test]
fn what_is_not_there_is_undefined() {
    for text in [
        "{% $states.input.none %}",
        "{% $states.input.nil.x %}",
        "{% $states.result %}",
        "{% $v.none %}",
    ] {
        check_failure(
            text,
            "specified for the field 'Output' returned nothing (undefined).",
        );
    }
}

#[test]
fn everything_that_is_not_plain_is_left_to_the_evaluator() {
    for text in [
        "{% $states.input.list.x %}",
        "{% $states %}",
        "{% $none %}",
        "{% 01 %}",
        "{% 1.5 %}",
        "{% 1234567890123456 %}",
        "{% 'a\\n' %}",
        "{% 'a' & 'b' %}",
        "{% $v.and %}",
        "{% $sum(1) %}",
    ] {
        check_failure(text, "could not be evaluated by this host. none here");
    }
}

#[test]
fn a_value_of_another_kind_is_told_with_both_kinds() {
    let input = json!({});
    let expression = Expression::new("'text'", "Items".to_owned(), String::new());
    let failure = crate::scope::tests::with_scope(&input, &input, |scope| {
        expression.value_of(Expected::Array, scope)
    });
    let cause = "The JSONata expression ''text'' specified for the field 'Items' returned an unexpected result type. Expected 'array', but was 'string' for value: \"text\"";
    assert_eq!(failure.unwrap_err().cause, cause);
}
